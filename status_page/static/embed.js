// Keeps the embedded figures up to date: one small question every half minute, none while hidden.
const EVERY_MS = 30_000;
const STOPPED_MS = 60_000;
const words = document.getElementById("words").dataset;
const state = document.getElementById("live-state");
const asOf = document.getElementById("as-of");
let shown = document.body.dataset.generation;

async function answer(address) {
  const found = await fetch(address, { cache: "no-cache" });
  if (!found.ok) throw new Error(String(found.status));
  return found;
}

async function look() {
  if (document.hidden) return;
  try {
    const pointer = await (await answer("/status.json")).json();
    if (pointer.id !== shown) {
      const text = await (await answer(location.href)).text();
      const page = new DOMParser().parseFromString(text, "text/html");
      const summary = page.getElementById("summary");
      document.getElementById("summary").replaceChildren(...summary.childNodes);
      shown = page.body.dataset.generation;
    }
    const when = pointer.as_of_words[document.body.dataset.language] ?? pointer.as_of;
    asOf.textContent = when;
    asOf.dateTime = pointer.as_of;
    const stopped = Date.now() - Date.parse(pointer.checked_at) > STOPPED_MS;
    state.textContent = stopped ? words.behind.replace("{when}", when) : words.on;
  } catch {
    state.textContent = words.offline;
  }
}

document.addEventListener("visibilitychange", look);
setInterval(look, EVERY_MS);
look();
