// Keeps the part of a page that says how things stand up to date, by one stream for the tab.
// What somebody is typing into is left alone; without this the page is loaded anew by hand.
"use strict";

const part = document.getElementById("now");
const news = document.getElementById("news");
const RETRY_MS = 5000;
const SLOW_MS = 20000;
let stream = null;
let held = false;
let asking = false;
let again = false;
let timer = 0;
let over = false;

function say(name) {
  const text = news.dataset[name];
  const span = news.querySelector("span") || news.insertBefore(document.createElement("span"), news.firstChild);
  const said = `${text} `;
  if (span.textContent !== said) {
    span.textContent = said;
  }
}

function isTyping() {
  const at = document.activeElement;
  const typed = [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
  return typed || (part.contains(at) && ["INPUT", "SELECT", "TEXTAREA"].includes(at.tagName));
}

function place() {
  const at = document.activeElement;
  if (!part.contains(at)) {
    return null;
  }
  return at.id ? `#${CSS.escape(at.id)}` : at.getAttribute("href") && `a[href="${CSS.escape(at.getAttribute("href"))}"]`;
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const focus = place();
  const open = [...part.querySelectorAll("details[open]")].map((one) => one.id);
  part.replaceChildren(...fresh.childNodes);
  open.forEach((id) => id && document.getElementById(id)?.setAttribute("open", ""));
  if (focus) {
    part.querySelector(focus)?.focus({ preventScroll: true });
  }
  const marked = part.querySelector("[data-version]");
  if (marked && part.dataset.version && marked.dataset.version !== part.dataset.version) {
    say("moved");
  }
}

function end() {
  over = true;
  stream?.close();
  stream = null;
  clearTimeout(timer);
  say("ended");
}

async function look() {
  if (isTyping()) {
    held = true;
    say("held");
    return;
  }
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  held = false;
  try {
    const answer = await fetch(part.dataset.now + location.search, { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      end();
      return;
    }
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    const html = await answer.text();
    if (isTyping()) {
      held = true;
      say("held");
    } else {
      say("live");
      show(html);
    }
  } catch {
    say("away");
  } finally {
    asking = false;
  }
  if (again) {
    again = false;
    look();
  }
}

function follow() {
  clearTimeout(timer);
  if (over) {
    return;
  }
  stream = new EventSource("/news");
  let beats = 0;
  stream.addEventListener("changed", look);
  stream.addEventListener("beat", () => {
    // Times stand on the page in words: they are looked at anew now and then.
    beats += 1;
    if (beats === 1 || beats % 2 === 0) {
      look();
    }
  });
  stream.addEventListener("ended", end);
  stream.addEventListener("error", () => {
    stream?.close();
    stream = null;
    // Signed out, too many pages, or the server is away: asking tells which.
    look();
    timer = setTimeout(follow, RETRY_MS + Math.random() * SLOW_MS);
  });
}

part.addEventListener("focusout", () => setTimeout(() => held && !isTyping() && look(), 100));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = null;
    clearTimeout(timer);
  } else if (!stream) {
    follow();
  }
});
addEventListener("pagehide", () => stream?.close());
follow();
