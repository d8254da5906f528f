// "Is my place out?", asked of the device itself: where it is never leaves it. The published
// shapes of the outages are loaded, all of them whoever asks, and compared here.

const place = document.getElementById("locate");
const button = place.querySelector("button");
const answer = document.getElementById("located");
const words = place.dataset;
const SHAPES = "/feeds/outages.geojson";
const ROUGH_M = 500;
const fill = (text, n) => text.replace("{n}", new Intl.NumberFormat(`${document.documentElement.lang}-u-nu-latn`).format(n));

// Even-odd over all rings: a hole is a ring like any other.
function isInside(rings, [x, y]) {
  let inside = false;
  for (const ring of rings) {
    for (let at = 1; at < ring.length; at += 1) {
      const [ax, ay] = ring[at - 1];
      const [bx, by] = ring[at];
      if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
    }
  }
  return inside;
}

function covers(geometry, point) {
  if (geometry?.type === "Polygon") return isInside(geometry.coordinates, point);
  return geometry?.type === "MultiPolygon" && geometry.coordinates.some((rings) => isInside(rings, point));
}

function paragraph(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

// In the zone of the utility, not in that of the device.
const format = new Intl.DateTimeFormat(`${document.documentElement.lang}-u-nu-latn`, {
  timeZone: words.zone, weekday: "long", day: "numeric", month: "short", hour: "numeric", minute: "2-digit", timeZoneName: "short",
});

function back({ id, etr }) {
  // What the page itself says, where the outage stands on it.
  const said = document.querySelector(`#o-${CSS.escape(id)} .back dd`);
  if (said) return `${words.back}: ${said.innerText.replace(/\s+/g, " ").trim()}`;
  if (!etr) return words.none;
  const latest = new Date(etr.latest);
  if (etr.passed) return words.passed.replace("{when}", format.format(latest));
  const time = etr.earliest ? format.formatRange(new Date(etr.earliest), latest) : format.format(latest);
  return `${words.back}: ${time}`;
}

function link({ id, properties }) {
  const item = document.createElement("li");
  const made = document.createElement("a");
  made.href = `${words.prefix}outages/${encodeURIComponent(id)}`;
  made.textContent = properties.area || id;
  item.append(made);
  if (properties.section === "now") item.append(` – ${back(properties)}`);
  return item;
}

const where = () =>
  new Promise((found, failed) => {
    navigator.geolocation.getCurrentPosition(found, failed, { enableHighAccuracy: true, timeout: 20_000, maximumAge: 0 });
  });

async function locate() {
  answer.replaceChildren(paragraph(words.locating));
  let coords;
  try {
    ({ coords } = await where());
  } catch {
    answer.replaceChildren(paragraph(words.denied));
    return;
  }
  let features;
  try {
    const shapes = await fetch(SHAPES, { cache: "no-cache", credentials: "omit", signal: AbortSignal.timeout(20_000) });
    if (!shapes.ok) throw new Error(`shapes: ${shapes.status}`);
    ({ features } = await shapes.json());
  } catch {
    answer.replaceChildren(paragraph(words.failed));
    return;
  }
  const point = [coords.longitude, coords.latitude];
  const listed = (section) => features.filter((each) => each.properties.section === section);
  const undrawn = listed("now").filter((each) => !each.geometry).length;
  const said = [];
  for (const [section, text] of [["now", words.inside], ["advisory", words.advisory], ["planned", words.planned]]) {
    const here = listed(section).filter((each) => covers(each.geometry, point));
    if (section === "now") said.push(paragraph(here.length ? text : words.outside));
    else if (here.length) said.push(paragraph(text));
    if (!here.length) continue;
    const list = document.createElement("ul");
    list.append(...here.map(link));
    said.push(list);
  }
  if (undrawn) said.push(paragraph(fill(words.undrawn, undrawn)));
  if (coords.accuracy > ROUGH_M) said.push(paragraph(fill(words.rough, Math.round(coords.accuracy / 100) * 100)));
  answer.replaceChildren(...said);
}

if (navigator.geolocation) button.addEventListener("click", locate);
else place.hidden = true;
