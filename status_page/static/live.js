// Keeps an open page up to date: a stream of changes, else polling of the pointer, else a sentence
// that says how old the page is. It never reloads the page. Everything is there without it.

const body = document.body;
const words = document.getElementById("words").dataset;
const language = body.dataset.language;
const asOf = document.getElementById("as-of");
const listing = document.getElementById("listing"); // a page of the whole list
const outageId = document.getElementById("outage")?.dataset.outage ?? "";
const STALE_MS = 60_000; // the pointer is rewritten every 15 s; four misses mean trouble
const QUIET_MS = 45_000; // three heartbeats
const ANNOUNCE_MS = 20_000;
const HIDDEN_MS = 30_000;

let have = body.dataset.generation;
let stream = null;
let failures = 0; // of the last looks at the pointer, in a row
let broken = 0; // streams that ended, in a row, without having said anything
let heardAt = 0; // when the stream last said anything, browser's clock
let askedAt = 0; // when this tab began to wait for it
let checkedAt = 0; // when the publisher last confirmed the state, its clock
let movedAt = 0; // when that was last seen to move, browser's clock: the two need not agree
let skewMs = 0; // business time minus this browser's clock, in drills only
let polling = 0;
let catchingUp = false;

const jitter = (low, high) => low + Math.random() * (high - low);
const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
const fetched = (path) => fetch(path, { cache: "no-cache", credentials: "omit", signal: AbortSignal.timeout(15_000) });

// --- what the page shows ---------------------------------------------------------------------

function fragment(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

function put(change) {
  const fresh = fragment(change.row).firstElementChild;
  const old = document.getElementById(fresh.id);
  const focused = old?.contains(document.activeElement);
  if (listing) old?.replaceWith(fresh); // where it stands in the list is for the next look
  else {
    old?.remove();
    const list = document.querySelector(`#${change.section} > ol`);
    const most = Number(list.dataset.most);
    const next = [...list.children].find((row) => row.dataset.order > change.order);
    if (next || list.childElementCount < most) list.insertBefore(fresh, next ?? null);
    else list.parentElement.querySelector(".more").hidden = false;
    if (list.childElementCount > most) {
      list.lastElementChild.remove();
      list.parentElement.querySelector(".more").hidden = false;
    }
  }
  if (!fresh.isConnected) {
    if (focused) document.getElementById("main").focus({ preventScroll: true });
    return;
  }
  fresh.classList.add("changed");
  if (focused) fresh.querySelector("a").focus({ preventScroll: true });
}

function takeOff(id) {
  const old = document.getElementById(`o-${id}`);
  const focused = old?.contains(document.activeElement);
  old?.remove();
  if (focused) document.getElementById("main").focus({ preventScroll: true });
}

// Said to everybody, not only to those who listen: what stands below is how it was.
function sayGone() {
  const outage = document.getElementById("outage");
  if (outage.querySelector(".gone")) return;
  const note = document.createElement("p");
  note.className = "gone";
  note.textContent = words.liveGone;
  outage.prepend(note);
  announce(words.liveGone);
}

let refilling = 0;
function tidySections() {
  for (const section of document.querySelectorAll("section.list")) {
    const empty = section.querySelector("ol").childElementCount === 0;
    const none = section.querySelector(".none");
    if (none) none.hidden = !empty;
    else section.hidden = empty;
    // So many have gone that others should have come up: they stand in the page as published.
    const most = Number(section.querySelector("ol").dataset.most);
    const short = section.querySelector("ol").childElementCount < most * 0.8;
    if (short && !section.querySelector(".more").hidden) {
      refilling ||= setTimeout(async () => {
        await wholePage(have).catch(() => {});
        refilling = 0;
      }, jitter(2_000, 30_000));
    }
  }
}

// What somebody has unfolded stays so.
function renew(holder, content) {
  const unfolded = Boolean(holder.querySelector("details")?.open);
  holder.innerHTML = content;
  holder.querySelector("details")?.toggleAttribute("open", unfolded);
}

function apply(delta) {
  if (outageId) {
    // It has changed, or goes on as part of another: either way this is what stands here now.
    const change = [...delta.changed, ...(delta.moved ?? [])].find((each) => each.id === outageId);
    if (change?.details) {
      const holder = document.getElementById("outage");
      renew(holder, change.details);
      announce(words.liveThis);
    } else if (delta.removed.includes(outageId)) sayGone();
  } else {
    if (!listing) document.getElementById("summary").innerHTML = delta.summary;
    delta.removed.forEach(takeOff);
    delta.changed.forEach(put);
    if (!listing) tidySections();
    changedCount += delta.changed.length + delta.removed.length;
    if (changedCount) {
      const total = new Intl.NumberFormat(`${language}-u-nu-latn`).format(delta.counts.outages);
      announce(fill(words.liveChanged, { n: changedCount, total }));
    }
  }
  have = delta.id;
  body.dataset.generation = have;
  addAbout();
  // Whoever else shows outages follows: with what has changed, or without it where all is new.
  document.dispatchEvent(new CustomEvent("outages", { detail: delta }));
}

// Changes are told at most every 20 seconds, added up, by changing the text of one stable region.
let changedCount = 0;
let announcing = 0;
let sentence = "";
function announce(text) {
  sentence = text;
  announcing ||= setTimeout(() => {
    document.getElementById("announcement").textContent = sentence;
    sentence = "";
    changedCount = 0;
    announcing = setTimeout(() => {
      announcing = 0;
      // The same words again are only told if they come anew.
      document.getElementById("announcement").textContent = "";
      if (sentence) announce(sentence);
    }, ANNOUNCE_MS);
  }, 500);
}

// The browser knows how every language counts its hours; small numbers are words where it has them.
function spelt(count, unit) {
  const format = new Intl.NumberFormat(`${language}-u-nu-latn`, { style: "unit", unit, unitDisplay: "long" });
  const word = unit === "minute" ? "" : words.numbers.split(",")[count - 2];
  return format.formatToParts(count).map((part) => (part.type === "integer" && word) || part.value).join("");
}

function about(moment) {
  const minutes = (moment - (Date.now() + skewMs)) / 60_000;
  if (minutes < 0 || minutes > 7 * 1440) return "";
  if (minutes < 5) return words.aboutSoon;
  if (minutes < 23) return fill(words.aboutTime, { time: spelt(Math.round(minutes / 5) * 5, "minute") });
  if (minutes < 45) return words.aboutHalf;
  const hours = Math.round(minutes / 60);
  if (hours === 1) return words.aboutHour;
  if (hours < 24) return fill(words.aboutTime, { time: spelt(hours, "hour") });
  const days = Math.round(minutes / 1440);
  return days === 1 ? words.aboutDay : fill(words.aboutTime, { time: spelt(days, "day") });
}

function addAbout() {
  for (const time of document.querySelectorAll("time[data-about]")) {
    const text = about(Date.parse(time.dateTime));
    const note = time.closest("strong").parentElement.querySelector(".about");
    if (note.textContent !== text) note.textContent = text;
  }
}

function confirmed(status) {
  const checked = Date.parse(status.checked_at);
  if (checkedAt && checked > checkedAt) movedAt = Date.now();
  checkedAt = checked;
  const apart = Date.parse(status.as_of) - checkedAt;
  skewMs = Math.abs(apart) > 300_000 ? apart : 0;
  const said = status.as_of_words?.[language];
  if (asOf && said && asOf.dateTime !== status.as_of) {
    asOf.dateTime = status.as_of;
    asOf.textContent = said;
  }
}

function show() {
  const place = document.getElementById("live-state");
  if (!place) return;
  const streaming = heardAt && !reconnecting && Date.now() - heardAt < QUIET_MS;
  const stale = checkedAt && Date.now() - (movedAt || checkedAt) > STALE_MS;
  let text = words.liveConnecting;
  let look = "";
  if (stale) [text, look] = [fill(words.liveBehind, { when: asOf.textContent }), "behind"];
  else if (streaming) [text, look] = [words.liveOn, "live"];
  else if (!navigator.onLine || failures > 1) [text, look] = [words.liveOffline, "behind"];
  else if (polling) text = words.livePolling;
  if (place.textContent !== text) place.textContent = text;
  place.parentElement.className = `freshness ${look}`;
}

// --- catching up without a stream ------------------------------------------------------------

// Pages are in place before the pointer is: what is loaded now is at least as new as `pointed`,
// though an outage that has not changed for long stands on a page written long ago.
async function wholePage(pointed) {
  const answer = await fetched(location.href.split("#")[0]);
  if (answer.status === 404) {
    sayGone();
    have = pointed;
    return;
  }
  if (!answer.ok) throw new Error(`page: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const places = outageId ? ["notices", "outage"] : listing ? ["notices", "listing"] : ["notices", "summary", ...[...document.querySelectorAll("section.list")].map((each) => each.id)];
  for (const id of places) {
    const fresh = page.getElementById(id);
    const old = document.getElementById(id);
    if (!fresh || fresh.innerHTML === old.innerHTML) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : null;
    renew(old, fresh.innerHTML);
    old.hidden = fresh.hidden;
    if (focused) document.getElementById(focused)?.querySelector("a")?.focus({ preventScroll: true });
  }
  have = isNewer(page.body.dataset.generation, pointed) ? page.body.dataset.generation : pointed;
  body.dataset.generation = have;
  addAbout();
  document.dispatchEvent(new CustomEvent("outages"));
}

async function catchUp() {
  if (catchingUp) return;
  catchingUp = true;
  try {
    const answer = await fetched("/status.json");
    if (!answer.ok) throw new Error(`pointer: ${answer.status}`);
    const pointer = await answer.json();
    if (pointer.id !== have) {
      const delta = pointer.base === have ? await fetched(`/${pointer.deltas[language]}`) : null;
      if (delta?.ok) apply(await delta.json());
      else await wholePage(pointer.id);
    }
    confirmed(pointer);
    failures = 0;
  } catch {
    failures += 1;
  } finally {
    catchingUp = false;
    show();
  }
}

async function poll() {
  await catchUp();
  if (polling) polling = setTimeout(poll, jitter(8_000, 15_000) * Math.min(1 + failures, 4));
}

function pollInstead() {
  polling ||= setTimeout(poll, jitter(500, 4_000));
}

function stopPolling() {
  clearTimeout(polling);
  polling = 0;
}

// --- the stream ------------------------------------------------------------------------------

// One tab holds the stream for all tabs of this language and filter; the others listen to it.
const turn = `outage page ${language} ${outageId}`;
const channel = "BroadcastChannel" in window ? new BroadcastChannel(turn) : null;
let endTurn = null; // gives the stream to another tab, or stops waiting for it
let reconnecting = 0;
let lastBeat = null;
let behind = true; // until what this page holds is known to be what the stream goes on from

const handle = {
  generation(delta) {
    // The list is told of every generation: one that starts from another is not for it.
    if (!outageId && isNewer(delta.id) && delta.base !== have) behind = true;
    if (behind) return resync(delta.id);
    if (isNewer(delta.id)) apply(delta);
    confirmed(delta);
  },
  heartbeat(beat) {
    // The list has been told of everything up to here, or something went amiss.
    if (!outageId && isNewer(beat.id)) behind = true;
    if (behind && (resyncing || isNewer(beat.id))) return resync(beat.id);
    behind = false;
    if (isNewer(beat.id)) have = beat.id; // what lies between does not concern this page
    confirmed(beat);
  },
  reset({ id }) {
    behind = true;
    resync(id);
  },
};

function isNewer(id, than = have) {
  const [epoch, number] = id.split("-");
  const [ownEpoch, ownNumber] = than.split("-");
  return epoch !== ownEpoch || Number(number) > Number(ownNumber);
}

function heard(kind, data) {
  heardAt = Date.now();
  broken = 0;
  failures = 0;
  stopPolling();
  if (kind === "heartbeat") lastBeat = data;
  handle[kind](data);
  show();
}

let resyncing = 0;
let wanted = "";
function resync(id) {
  wanted = id;
  resyncing ||= setTimeout(async () => {
    await catchUp();
    resyncing = 0;
    // What came meanwhile was not applied: it is loaded as well.
    if (failures || isNewer(wanted)) resync(wanted);
    else behind = false;
  }, jitter(0, 2_000) * (1 + failures));
}

function connect() {
  reconnecting = 0;
  askedAt = Date.now();
  const query = new URLSearchParams({ lang: language, from: have });
  if (outageId) query.set("outage", outageId);
  stream = new EventSource(`/stream?${query}`);
  for (const kind of Object.keys(handle)) {
    stream.addEventListener(kind, (event) => {
      if (event.target !== stream) return;
      const data = JSON.parse(event.data);
      // The server goes on from what this page holds, or says that it cannot.
      if (kind !== "reset" && !resyncing) behind = false;
      channel?.postMessage({ kind, data });
      heard(kind, data);
    });
  }
  stream.addEventListener("error", reconnect);
}

function reconnect() {
  stream?.close();
  stream = null;
  broken += 1;
  pollInstead();
  // Not the browser's own reconnection: a herd of thousands needs spreading, and where no more
  // streams are to be had the pointer will do.
  reconnecting ||= setTimeout(connect, jitter(1_000, 5_000) * Math.min(2 ** (broken - 1), 12));
  show();
}

function disconnect() {
  stream?.close();
  stream = null;
  clearTimeout(reconnecting);
  reconnecting = 0;
}

function takeTurn() {
  if (endTurn || document.hidden) return;
  askedAt = Date.now();
  if (!channel || !navigator.locks) {
    endTurn = () => {};
    connect();
    return;
  }
  const waiting = new AbortController();
  endTurn = () => waiting.abort();
  const holdIt = () => {
    connect();
    return new Promise((done) => {
      endTurn = done;
    });
  };
  navigator.locks.request(turn, { signal: waiting.signal }, holdIt).catch(() => {});
  channel.postMessage({ kind: "asking" });
}

channel?.addEventListener("message", ({ data: { kind, data } }) => {
  if (kind !== "asking") {
    if (!stream) heard(kind, data);
  } else if (stream && lastBeat) {
    channel.postMessage({ kind: "heartbeat", data: lastBeat });
  }
});

// A hidden tab gives its connection back; browsers hold only six per site.
let hiding = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => {
      endTurn?.();
      endTurn = null;
      disconnect();
      stopPolling();
      behind = true;
    }, HIDDEN_MS);
  } else {
    takeTurn();
    show();
  }
});

if (have) {
  addAbout();
  takeTurn();
  show();
  setInterval(() => {
    addAbout();
    if (!document.hidden && Date.now() - Math.max(heardAt, askedAt) > QUIET_MS) {
      if (stream) reconnect();
      else pollInstead();
    }
    show();
  }, 10_000);
}
