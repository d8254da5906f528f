// Taps go into the queue first and to the desk from there: at once where there is a line, else as
// soon as there is one. The forms work without this.

import { every, keep } from "/crew/queue.js";

const AGAIN_MS = [2_000, 5_000, 15_000, 30_000];
const TIMEOUT_MS = 20_000;
const ENDED = 401;
const FORBIDDEN = 403;
// Not for good: it is sent once more.
const LATER = new Set([ENDED, FORBIDDEN, 408, 409, 429]);
// What the next tap would be told too.
const FOR_ALL = new Set([ENDED, 429]);
const job = document.querySelector('input[name="job"]').value;
const line = document.getElementById("line");
const unsent = document.getElementById("unsent");
const list = document.getElementById("taps");
const again = document.getElementById("again");
let failures = 0;
let timer = 0;
let newest = "";
let isWanted = false;
let isAtIt = false;

const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const inputs = (page, name) => page.querySelectorAll(`input[name="${name}"]`);

// --- what is seen ------------------------------------------------------------------------------

function shown(tap) {
  const item = document.createElement("li");
  const state = Object.assign(document.createElement("span"), { className: "state" });
  state.classList.toggle("waits", !tap.sentence);
  state.textContent = tap.sentence ?? tap.held ?? "Not sent yet";
  item.append(state, `${tap.title} (tapped ${clock(tap.tapped)}${tap.job === job ? "" : `, job ${tap.job}`})`);
  return item;
}

async function show() {
  const taps = await every();
  list.replaceChildren(...taps.map(shown).reverse());
  unsent.hidden = taps.length === 0;
  const waiting = taps.filter((tap) => !tap.sentence).length;
  again.hidden = waiting === 0;
  const said = navigator.onLine ? [] : ["No line."];
  if (waiting) said.push(`${waiting} not sent yet.`);
  else if (newest) said.push(newest);
  else if (!navigator.onLine) said.push("What you tap is kept and sent later.");
  // The element stays: a screen reader tells of what changes in one, not of a new one.
  if (line.textContent !== said.join(" ")) line.textContent = said.join(" ");
}

// What is known now. What somebody is at stays as it is.
async function refresh() {
  const answer = await fetch("/crew", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) {
    newest = page.querySelector("main .card")?.textContent ?? newest;
    return;
  }
  if (inputs(page, "job")[0].value !== job) {
    // Another link has been opened meanwhile.
    location.replace("/crew");
    return;
  }
  for (const part of document.querySelectorAll("[data-fresh]")) {
    const fresh = page.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
    const isInUse = part.contains(document.activeElement) || part.querySelector(":checked");
    if (fresh && !isInUse) part.replaceChildren(...fresh.childNodes);
  }
  for (const button of document.querySelectorAll('button[name="status"]')) {
    const pressed = page.querySelector(`button[name="status"][value="${button.value}"]`).getAttribute("aria-pressed");
    if (pressed) button.setAttribute("aria-pressed", pressed);
    else button.removeAttribute("aria-pressed");
  }
  const word = inputs(page, "csrf")[0].value;
  for (const field of inputs(document, "csrf")) field.value = word;
}

// --- sending -----------------------------------------------------------------------------------

// What the desk says of a tap; nothing where something before it has answered, like a proxy.
async function sentence(answer) {
  const facts = await answer.json().catch(() => null);
  return facts?.sentence;
}

// Whether the desk has answered for good. Raises where none of the others can be sent either.
async function send(tap) {
  const body = new URLSearchParams(tap.fields);
  body.set("csrf", inputs(document, "csrf")[0].value);
  body.set("tapped", String(tap.tapped));
  body.set("sent", String(Date.now()));
  const answer = await fetch("/crew/say", {
    method: "POST",
    body,
    headers: { accept: "application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const said = await sentence(answer);
  if (said && answer.status < 500 && !LATER.has(answer.status)) {
    newest = `${tap.title}: ${said}`;
    await keep({ ...tap, held: undefined, sentence: said });
    return true;
  }
  await keep({ ...tap, held: `Not sent yet. ${said ?? `The desk was not reached (${answer.status}).`}` });
  // The page that was kept goes with the link.
  if (answer.status === ENDED) await refresh();
  if (FOR_ALL.has(answer.status)) throw new Error(`${answer.status}`);
  return false;
}

async function sendAll() {
  let isLeft = false;
  for (const tap of await every()) {
    if (tap.sentence || tap.job !== job) continue;
    if (!(await send(tap))) isLeft = true;
    await show();
  }
  await refresh();
  if (isLeft) throw new Error("some were not taken");
}

async function tryOnce() {
  clearTimeout(timer);
  try {
    await sendAll();
    failures = 0;
  } catch (problem) {
    console.info(`not sent: ${problem.message}`);
    timer = setTimeout(drain, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]);
    failures += 1;
  }
}

// One at a time, over all tabs: the order of the taps is the order at the desk. What is tapped
// meanwhile goes in another round.
async function drain() {
  isWanted = true;
  if (isAtIt) return;
  isAtIt = true;
  while (isWanted) {
    isWanted = false;
    await navigator.locks.request("crew-queue", tryOnce);
  }
  isAtIt = false;
  await show();
}

// There is a reason to think that it works now.
function drainAnew() {
  failures = 0;
  return drain();
}

// --- tapping -----------------------------------------------------------------------------------

function detail(form, button) {
  if (button?.value) return button.textContent;
  const field = form.querySelector('select[name="cause"], [name="latest"], textarea');
  if (field?.name === "latest") return field.value.replace("T", " ");
  if (field) return (field.selectedOptions?.[0].textContent ?? field.value).slice(0, 40);
  return [...form.querySelectorAll('[name="street"]:checked')].map((box) => box.parentElement.textContent.trim()).join(", ");
}

async function tapped(event) {
  const form = event.target;
  if (form.getAttribute("action") !== "/crew/say") return;
  event.preventDefault();
  const said = new FormData(form, event.submitter);
  said.delete("csrf");
  const title = [form.querySelector("h2").textContent, detail(form, event.submitter)].filter(Boolean).join(": ");
  try {
    const key = crypto.randomUUID();
    said.set("key", key);
    await keep({ key, job, tapped: Date.now(), title, fields: [...said] });
  } catch (problem) {
    console.info(`not kept: ${problem}`);
    // As if there were no script.
    const { name, value } = event.submitter ?? {};
    if (name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    form.submit();
    return;
  }
  form.reset();
  newest = "";
  await show();
  await drainAnew();
}

addEventListener("submit", tapped);
addEventListener("online", drainAnew);
addEventListener("offline", show);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) drainAnew();
});
again.addEventListener("click", drainAnew);
navigator.serviceWorker?.register("/crew/worker.js", { scope: "/crew" }).catch((problem) => console.info(`no worker: ${problem}`));
// The page may come from what was kept of it, and taps from before.
drain();
