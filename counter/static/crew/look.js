// Day or night: as the telephone is set, until somebody says otherwise. Before the page is drawn.
const chosen = localStorage.getItem("look");
const root = document.documentElement;
if (chosen === "day" || chosen === "night") root.dataset.look = chosen;

addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("look");
  const isNight = () => (root.dataset.look ? root.dataset.look === "night" : matchMedia("(prefers-color-scheme: dark)").matches);
  const name = () => {
    button.textContent = isNight() ? "Day" : "Night";
  };
  button.addEventListener("click", () => {
    root.dataset.look = isNight() ? "day" : "night";
    localStorage.setItem("look", root.dataset.look);
    name();
  });
  name();
  button.hidden = false;
});
