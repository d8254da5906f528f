// Opens the map when somebody asks for it. Nothing of it is loaded before, and the page says all
// that the map shows.

const part = document.getElementById("map");
const words = JSON.parse(part.dataset.words);
const state = document.getElementById("map-state");
let opening = null;

state.textContent = ""; // that there is no script

async function open() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    state.textContent = words["map.webgl"];
    return;
  }
  state.textContent = words["map.loading"];
  try {
    const { draw } = await import(part.dataset.atlas);
    await draw(part, words, (text) => {
      state.textContent = text;
    });
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
