// Opens the map when somebody asks for it. Nothing of it is loaded before, and the page says all
// that the map shows.

const part = document.getElementById("map");
const words = JSON.parse(part.dataset.words);
const state = document.getElementById("map-state");
const KEPT_MS = 600_000;
let opening = null;

state.textContent = ""; // that there is no script

// The file of the shapes may be older than the page: what has come to the page is kept, from the
// generation `from` on, so that the map can apply it over that file.
const since = { from: document.body.dataset.generation, deltas: [] };
document.addEventListener("outages", ({ detail }) => {
  if (!detail) {
    Object.assign(since, { from: document.body.dataset.generation, deltas: [] });
    return;
  }
  const changed = detail.changed.map(({ id, section, facts }) => ({ id, section, facts }));
  since.deltas.push({ id: detail.id, removed: detail.removed, changed, at: Date.now() });
  while (Date.now() - since.deltas[0].at > KEPT_MS) since.from = since.deltas.shift().id;
});

async function open() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    state.textContent = words["map.webgl"];
    return;
  }
  state.textContent = words["map.loading"];
  try {
    const { draw } = await import(part.dataset.atlas);
    const tell = (text) => {
      state.textContent = text;
    };
    await draw(part, words, tell, since);
  } catch (problem) {
    console.info(problem);
    state.textContent = words["map.failed"];
    opening = null; // shut and opened again, it is tried anew
  }
}

part.addEventListener("toggle", () => {
  if (part.open) opening ??= open();
});

function follow() {
  if (location.hash !== "#map") return;
  part.open = true;
  part.querySelector("summary").focus();
}

addEventListener("hashchange", follow);
for (const link of document.querySelectorAll('a[href="#map"]')) {
  link.addEventListener("click", () => setTimeout(follow));
}
follow();
