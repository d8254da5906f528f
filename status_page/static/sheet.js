// The button, which does nothing without script, and "as of" while this sheet is the newest.
const button = document.querySelector("button");
button.hidden = false;
button.addEventListener("click", () => print());

try {
  const answer = await fetch("/status.json", { cache: "no-cache", credentials: "omit" });
  const pointer = await answer.json();
  if (pointer.id === document.body.dataset.generation) {
    const time = document.querySelector(".as-of");
    time.dateTime = pointer.as_of;
    time.textContent = pointer.as_of_words[document.body.dataset.language] ?? time.textContent;
  }
} catch {
  // What stands here says of when it is.
}
