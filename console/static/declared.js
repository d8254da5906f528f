// The page after declaring: the draft of it is gone from this tab, and the hold counts down.

const title = document.getElementById("declared");
sessionStorage.removeItem(`declare ${title.dataset.who}`);

const left = document.getElementById("left");
if (left) {
  // By the server's clock as the page has it; the browser's may be wrong.
  const began = performance.now();
  const first = Number(left.dataset.left) * 1000;
  const timer = setInterval(() => {
    const rest = Math.ceil((first - (performance.now() - began)) / 1000);
    if (rest > 0) {
      left.textContent = rest >= 120 ? `${Math.ceil(rest / 60)} minutes` : rest === 1 ? "1 second" : `${rest} seconds`;
      return;
    }
    clearInterval(timer);
    left.textContent = "a moment";
  }, 250);
}
