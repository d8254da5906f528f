// The form of a declaration, with script: what is typed survives a reload of this tab, whom it
// would reach is counted while it changes, and a map draws the shape into the form's own field.

const form = document.getElementById("draft");
const part = document.getElementById("map");
const shape = document.getElementById("shape");
const counts = document.getElementById("counts");
const said = document.getElementById("counts-said");
const KEY = `declare ${form.dataset.who}`;
const NOT_KEPT = new Set(["csrf", "file", "file_name", "drop_file", "upload"]);
let map = null;

// --- what is typed stays ---------------------------------------------------------------------

const fields = () => [...form.elements].filter((each) => each.name && !NOT_KEPT.has(each.name));
const way = () => new FormData(form).get("way");

function keep() {
  const typed = [...new FormData(form)].filter(([name, value]) => !NOT_KEPT.has(name) && value !== "");
  try {
    sessionStorage.setItem(KEY, JSON.stringify(typed));
  } catch (problem) {
    console.info(problem); // too much of it: the form still has it
  }
}

function bringBack() {
  const typed = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  const known = new Map(typed);
  if (!typed.length || form.dataset.returned) return false;
  for (const each of fields()) {
    if (each.type === "radio" || each.type === "checkbox") each.checked = known.get(each.name) === each.value;
    else if (known.has(each.name)) each.value = known.get(each.name);
  }
  return typed.some(([name, value]) => !["way", "service", "kind", "cause"].includes(name) && value);
}

document.getElementById("kept").hidden = !bringBack();
document.getElementById("forget").addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  location.assign("/declare");
});

// --- whom it reaches -------------------------------------------------------------------------

const number = (value) => new Intl.NumberFormat("en").format(value);
let underWay = false;
let wanted = false;

function show(found) {
  said.textContent = found.wrong ?? "";
  said.className = found.wrong ? "wrong" : "";
  if (found.wrong) return;
  if (found.nowhere) {
    for (const each of counts.querySelectorAll("[data-count]")) each.textContent = "–";
    return;
  }
  const contacts = Object.entries(found.contacts).flatMap(([channel, languages]) =>
    Object.entries(languages).map(([language, many]) => `${number(many)} by ${channel} in ${language}`),
  );
  const takes = Object.entries(found.takes ?? {}).map(([channel, span]) => `${channel} ${span ? `within about ${span}` : "nobody knows when"}`);
  const texts = { contacts: contacts.join(", ") || "none", cost: found.cost || "not known", takes: takes.join(", ") || "nobody is told" };
  for (const each of counts.querySelectorAll("[data-count]")) {
    const name = each.dataset.count;
    each.textContent = texts[name] ?? number(found[name]);
  }
  counts.dataset.milliseconds = found.milliseconds;
}

// One request at a time; of what changed meanwhile the newest is asked for, and nothing between.
async function count() {
  wanted = true;
  if (underWay) return;
  underWay = true;
  try {
    while (wanted) {
      wanted = false;
      const answer = await fetch("/declare/count", { method: "POST", body: new FormData(form) });
      if (answer.headers.get("content-type")?.startsWith("application/json")) show(await answer.json());
      else show({ wrong: "It cannot be counted just now; the review will." });
    }
  } catch (problem) {
    console.info(problem);
    show({ wrong: "The console cannot be reached just now." });
  } finally {
    underWay = false;
  }
}

let soon = 0;
function changed({ target }) {
  keep();
  clearTimeout(soon);
  soon = setTimeout(count, target.type === "radio" ? 0 : 400);
  if (target.name === "way") openMap();
  if (target === shape) map?.read(shape.value);
}
form.addEventListener("input", changed);

// --- the map ---------------------------------------------------------------------------------

// What is drawn is what the form says: a file that came before it does no longer.
function drawn(text) {
  shape.value = text;
  for (const name of ["file", "file_name", "upload"]) {
    const field = form.elements.namedItem(name);
    if (field) field.value = "";
  }
  keep();
  count();
}

let opening = null;
async function openMap() {
  if (way() !== "shape" || opening) return;
  if (!document.createElement("canvas").getContext("webgl2")) return;
  part.hidden = false;
  const state = document.getElementById("map-state");
  state.textContent = "The map is being loaded.";
  opening = import(part.dataset.drawing);
  try {
    const { open } = await opening;
    map = await open(part, drawn);
    state.textContent = "";
    map.read(part.dataset.drawn && !shape.value.trim().startsWith("{") ? part.dataset.drawn : shape.value);
  } catch (problem) {
    console.info(problem);
    state.textContent = "The map could not be loaded; the fields below do the same.";
  }
}

counts.hidden = false;
openMap();
count();
