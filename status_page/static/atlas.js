// The map: public shapes of the outages on the operator's tiles, or on coarse lines of our own.
// It asks no other host for anything. Each outage on it is a link to its page, in reach of a
// keyboard; each heap of them is a button. It follows what live.js applies to the page.

const SHAPES = "/feeds/outages.geojson";
const MOST_BESIDE = 25;
const HEAP_PX = 52;
const NEAR_ZOOM = 13;
const LATER_MS = 5_000;
const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);
const collection = (features) => ({ type: "FeatureCollection", features });

// --- what is loaded --------------------------------------------------------------------------

export function added(name, facts) {
  return new Promise((done, failed) => {
    const element = Object.assign(document.createElement(name), facts);
    element.addEventListener("load", done);
    element.addEventListener("error", () => failed(new Error(`${facts.src ?? facts.href} has not come`)));
    document.head.append(element);
  });
}

export async function json(address, cache) {
  const answer = await fetch(address, { cache, credentials: "omit", signal: AbortSignal.timeout(30_000) });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

// --- outages ---------------------------------------------------------------------------------

const outlined = (geometry) => geometry?.type === "Polygon" || geometry?.type === "MultiPolygon";

// Of another database it is not known; it counts as before.
function isBefore(one, other) {
  const [[epoch, number], [otherEpoch, otherNumber]] = [one.split("-"), other.split("-")];
  return epoch !== otherEpoch || Number(number) < Number(otherNumber);
}

function ringArea(ring) {
  let twice = 0;
  for (let at = 1; at < ring.length; at += 1) twice += ring[at - 1][0] * ring[at][1] - ring[at][0] * ring[at - 1][1];
  return Math.abs(twice / 2);
}

// The middle of the longest stretch of the largest part, half-way up: always inside.
function placeOf(geometry) {
  if (geometry.type === "Point") return geometry.coordinates;
  const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const rings = parts.reduce((most, each) => (ringArea(each[0]) > ringArea(most[0]) ? each : most));
  const heights = rings[0].map(([, y]) => y);
  // Not through a corner.
  const y = (Math.min(...heights) + Math.max(...heights)) / 2 + 1e-7;
  const cuts = [];
  for (const ring of rings) {
    for (let at = 1; at < ring.length; at += 1) {
      const [ax, ay] = ring[at - 1];
      const [bx, by] = ring[at];
      if (ay > y !== by > y) cuts.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
    }
  }
  cuts.sort((one, other) => one - other);
  let best = [rings[0][0][0], rings[0][0][0]];
  for (let at = 1; at < cuts.length; at += 2) if (cuts[at] - cuts[at - 1] > best[1] - best[0]) best = [cuts[at - 1], cuts[at]];
  return [(best[0] + best[1]) / 2, y];
}

function known(id, section, facts, geometry, words) {
  const kind = facts.kind === "unplanned" ? "" : `${facts.kind}.`;
  const what = words[`what.${kind}${facts.service}`] ?? "";
  const look = section === "now" && facts.status === "predicted" ? "maybe" : section;
  return { id, look, what, area: facts.area || words["area.unknown"], order: facts.matched ?? 0, geometry };
}

// --- what it looks like ----------------------------------------------------------------------

export const empty = { type: "geojson", data: collection([]) };
const LOOKS = ["match", ["get", "look"]];

function layersOf(paint, tiles) {
  const colour = [...LOOKS, "planned", paint("--plan"), "advisory", paint("--plan"), "maybe", paint("--part"), paint("--out")];
  return [
    { id: "ground", type: "background", paint: { "background-color": paint(tiles ? "--land" : "--sea") } },
    ...(tiles ? tiles.layers(paint) : coarse(paint)),
    { id: "areas", type: "fill", source: "shapes", paint: { "fill-color": colour, "fill-opacity": 0.25 } },
    { id: "edges", type: "line", source: "shapes", filter: ["==", ["get", "look"], "now"], paint: { "line-color": colour, "line-width": 2 } },
    { id: "dashes", type: "line", source: "shapes", filter: ["!=", ["get", "look"], "now"], paint: { "line-color": colour, "line-width": 2, "line-dasharray": [3, 2] } },
    // Never seen; without it the heaps are not worked out.
    { id: "points", type: "circle", source: "points", paint: { "circle-opacity": 0, "circle-radius": 1 } },
  ];
}

export function coarse(paint) {
  const line = (id, name, width, least = 0) => ({ id, type: "line", source: id, minzoom: least, paint: { "line-color": paint(name), "line-width": width } });
  return [
    ...["world", "states"].map((source) => ({ id: source, type: "fill", source, paint: { "fill-color": paint("--land") } })),
    line("states-lines", "--county", 1, 5),
    line("world-borders", "--border", 1.2),
    line("states-borders", "--border", 1.2),
    {
      id: "names",
      type: "symbol",
      source: "names",
      minzoom: 6.5,
      layout: { "text-field": ["get", "name"], "text-font": ["sans-serif"], "text-size": 12, "text-max-width": 7 },
      paint: { "text-color": paint("--name"), "text-halo-color": paint("--land"), "text-halo-width": 1.5 },
    },
  ];
}

// The operator's tiles, in either of the two schemas that people make them in, or as pictures.
export async function tilesOf(part, maplibre) {
  await added("script", { src: part.dataset.pmtiles });
  const protocol = new globalThis.pmtiles.Protocol();
  const address = new URL(part.dataset.tiles, location.href).href;
  const archive = new globalThis.pmtiles.PMTiles(address);
  const [header, facts] = await Promise.all([archive.getHeader(), archive.getMetadata()]);
  protocol.add(archive);
  maplibre.addProtocol("pmtiles", protocol.tile);
  const text = new DOMParser().parseFromString(facts.attribution ?? "", "text/html").body.textContent;
  document.getElementById("map-source").textContent = text;
  const url = `pmtiles://${address}`;
  if (header.tileType !== globalThis.pmtiles.TileType.Mvt) {
    const dim = matchMedia("(prefers-color-scheme: dark)").matches ? 0.7 : 1;
    const layers = () => [{ id: "tiles", type: "raster", source: "tiles", paint: { "raster-brightness-max": dim } }];
    return { sources: { tiles: { type: "raster", url, tileSize: 256 } }, layers };
  }
  const found = (facts.vector_layers ?? []).map((each) => each.id);
  return { sources: { tiles: { type: "vector", url } }, layers: (paint) => drawn(paint, found) };
}

function drawn(paint, found) {
  const language = document.documentElement.lang;
  const name = ["coalesce", ["get", `name:${language}`], ["get", `name_${language}`], ["get", "name"]];
  const is = (...kinds) => ["match", ["coalesce", ["get", "kind"], ["get", "class"], ""], kinds, true, false];
  const base = (id, more) => ({ id: `tiles-${id}`, source: "tiles", "source-layer": id, ...more });
  const fillOf = (colour) => (id) => base(id, { type: "fill", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": paint(colour) } });
  const lineOf = (colour) => (id) => base(id, { type: "line", paint: { "line-color": paint(colour), "line-width": 1.2 } });
  const road = (id) => base(id, {
    type: "line",
    filter: ["==", ["geometry-type"], "LineString"],
    paint: {
      "line-color": paint("--road"),
      "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 6, ["case", is("highway", "motorway", "trunk"), 1, 0.2], 16, ["case", is("highway", "motorway", "trunk", "major_road", "primary"), 12, 6]],
    },
  });
  const labels = (more) => (id) => base(id, {
    type: "symbol",
    ...more,
    layout: { "text-field": name, "text-font": ["sans-serif"], "text-size": 13, "text-max-width": 8, ...more.layout },
    paint: { "text-color": paint("--name"), "text-halo-color": paint("--land"), "text-halo-width": 1.5 },
  });
  const order = [
    [["landcover", "landuse", "park"], fillOf("--green")],
    [["water", "ocean"], fillOf("--sea")],
    [["waterway"], lineOf("--sea")],
    [["building", "buildings"], fillOf("--house")],
    [["transportation", "roads"], road],
    [["boundary", "boundaries"], lineOf("--border")],
    [["transportation_name"], labels({ minzoom: 13, layout: { "symbol-placement": "line", "text-size": 12 } })],
    [["place", "places"], labels({ layout: {} })],
  ];
  return order.flatMap(([ids, make]) => ids.filter((id) => found.includes(id)).map(make));
}

// --- the ground, for other maps too ----------------------------------------------------------

export const COARSE = ["world", "world-borders", "states", "states-borders", "states-lines", "names"];

// Which lines are drawn depends on where: those of the US are as many as all others together.
export async function lines(map, part) {
  await added("script", { src: part.dataset.topojson });
  const laid = new Set();
  const lay = async (name, names) => {
    if (laid.has(name)) return;
    laid.add(name);
    try {
      const topology = await json(part.dataset[name], "default");
      const shapes = (object) => globalThis.topojson.feature(topology, topology.objects[object]);
      for (const [source, object] of names) map.getSource(source).setData(shapes(object));
    } catch (problem) {
      console.info(problem);
      laid.delete(name);
    }
  };
  const needed = () => {
    const seen = map.getBounds();
    const american = seen.getWest() < -64 && seen.getNorth() > 17 && (seen.getSouth() < 50 || seen.getWest() < -129);
    return Promise.all([
      lay("world", [["world", "land"], ["world-borders", "borders"]]),
      american ? lay("states", [["states", "land"], ["states-borders", "borders"], ["states-lines", "lines"], ["names", "names"]]) : null,
    ]);
  };
  map.on("moveend", needed);
  await needed();
}

// --- drawing ---------------------------------------------------------------------------------

// `since`: what has come to the page, and from which generation on.
export async function draw(part, words, tell, since) {
  const ground = document.getElementById("map-ground");
  const undrawn = document.getElementById("map-undrawn");
  const paint = (name) => getComputedStyle(ground).getPropertyValue(name).trim();
  const outages = new Map();
  let loading = false;
  let ended = false;
  let map = null;
  let maplibre = null;
  let tiles = null;
  let beginning = null;

  const put = (id, section, facts, geometry) => {
    if (section === "over") outages.delete(id);
    else outages.set(id, known(id, section, facts, geometry, words));
  };
  const load = async () => {
    loading = true;
    try {
      const { generation = "", features } = await json(SHAPES, "no-cache");
      outages.clear();
      for (const { id, properties, geometry } of features) put(id, properties.section, properties, geometry);
      since.deltas.filter(({ id }) => isBefore(generation, id)).forEach(change);
      // What lies between the file and the page is not known: in a storm the file follows.
      if (isBefore(generation, since.from)) setTimeout(reload, LATER_MS);
    } finally {
      loading = false;
    }
  };
  const change = (delta) => {
    delta.removed.forEach((id) => outages.delete(id));
    for (const { id, section, facts } of delta.changed) put(id, section, facts, facts.outline);
  };
  const placed = () => [...outages.values()].filter((each) => each.geometry);

  function listUndrawn() {
    const missing = [...outages.values()].filter((each) => !each.geometry).sort((one, other) => other.order - one.order);
    undrawn.hidden = missing.length === 0;
    undrawn.querySelector("ul").replaceChildren(
      ...missing.slice(0, MOST_BESIDE).map((each) => {
        const item = document.createElement("li");
        item.append(linkTo(each));
        return item;
      }),
    );
    undrawn.querySelector(".more").hidden = missing.length <= MOST_BESIDE;
  }

  // One line at the foot of the map says what a mark stands for; a screen reader reads the mark.
  const caption = document.getElementById("map-caption");
  for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    ground.addEventListener(on, ({ target }) => {
      const each = target.closest(".mark");
      if (each) caption.textContent = each.getAttribute("aria-label");
    });
    ground.addEventListener(off, () => {
      caption.textContent = document.activeElement?.closest("#map-ground .mark")?.getAttribute("aria-label") ?? "";
    });
  }

  function linkTo({ id, what, area }) {
    const made = document.createElement("a");
    made.href = `${part.dataset.prefix}outages/${encodeURIComponent(id)}`;
    made.textContent = `${what}: ${area}`;
    return made;
  }

  function bounds() {
    const box = new maplibre.LngLatBounds();
    for (const { geometry } of placed()) {
      const deep = geometry.type === "Point" ? [geometry.coordinates] : geometry.coordinates.flat(geometry.type === "Polygon" ? 1 : 2);
      deep.forEach((each) => box.extend(each));
    }
    return box;
  }

  function show() {
    listUndrawn();
    if (!placed().length) tell(words["map.empty"]);
    if (!maplibre) return null;
    if (!map) return placed().length ? (beginning ??= begin()) : null;
    if (placed().length) tell("");
    if (!map.getSource("points")) return null;
    for (const [name, feature] of [
      ["shapes", (each) => outlined(each.geometry) && each.geometry],
      ["points", (each) => ({ type: "Point", coordinates: placeOf(each.geometry) })],
    ]) {
      const features = placed().map((each) => [each, feature(each)]).filter(([, geometry]) => geometry);
      map.getSource(name).setData(
        collection(features.map(([{ id, look }, geometry]) => ({ type: "Feature", geometry, properties: { outage: id, look } }))),
      );
    }
    return null;
  }

  // Marks stay as long as what they stand for, so that whoever is on one keeps it.
  const marks = new Map();
  function mark() {
    if (!map.getSource("points") || !map.isSourceLoaded("points")) return;
    const seen = map.getBounds();
    const wanted = new Map();
    for (const { properties, geometry } of map.querySourceFeatures("points")) {
      const outage = properties.cluster ? null : outages.get(properties.outage);
      if (!properties.cluster && !outage) continue;
      const at = outage ? placeOf(outage.geometry) : geometry.coordinates;
      if (seen.contains(at)) wanted.set(outage ? `o ${outage.id}` : `h ${properties.cluster_id}`, { at, outage, properties });
    }
    const held = document.activeElement?.closest(".mark");
    for (const [key, marker] of marks) {
      if (wanted.has(key)) continue;
      marker.remove();
      marks.delete(key);
    }
    for (const [key, each] of wanted) {
      const element = marks.get(key)?.getElement() ?? (each.outage ? linkTo(each.outage) : heap());
      dress(element, each);
      if (marks.has(key)) marks.get(key).setLngLat(each.at);
      else marks.set(key, new maplibre.Marker({ element }).setLngLat(each.at).addTo(map));
    }
    if (held && !held.isConnected) map.getCanvas().focus({ preventScroll: true });
  }

  function heap() {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", async () => {
      const { heap: id, at } = button.dataset;
      const zoom = await map.getSource("points").getClusterExpansionZoom(Number(id));
      map.easeTo({ center: JSON.parse(at), zoom: zoom + 0.3 });
    });
    return button;
  }

  function dress(element, { at, outage, properties }) {
    element.classList.add("mark");
    const count = new Intl.NumberFormat(`${document.documentElement.lang}-u-nu-latn`).format(properties.point_count ?? 1);
    for (const look of ["now", "maybe", "planned", "advisory"]) element.classList.toggle(`is-${look}`, look === (outage?.look ?? (properties.now ? "now" : "planned")));
    if (outage) {
      // What the page itself says of it, where it stands there.
      const said = document.querySelector(`#o-${CSS.escape(outage.id)} .back dd`)?.innerText.replace(/\s+/g, " ").trim();
      const text = `${outage.what}: ${outage.area}${said ? ` – ${words["label.back"]}: ${said}` : ""}`;
      if (element.getAttribute("aria-label") !== text) element.setAttribute("aria-label", text);
      element.replaceChildren();
      return;
    }
    element.classList.add("heap");
    Object.assign(element.dataset, { heap: properties.cluster_id, at: JSON.stringify(at) });
    if (element.textContent !== count) element.textContent = count;
    element.setAttribute("aria-label", fill(words["map.cluster"], { n: count }));
  }

  async function begin() {
    tiles = part.dataset.tiles ? await tilesOf(part, maplibre).catch((problem) => console.info(problem)) : null;
    document.getElementById("map-shown").hidden = false;
    map = new maplibre.Map({
      container: ground,
      style: {
        version: 8,
        sources: {
          ...(tiles?.sources ?? Object.fromEntries(COARSE.map((name) => [name, empty]))),
          shapes: empty,
          points: { ...empty, cluster: true, clusterRadius: HEAP_PX, clusterMaxZoom: NEAR_ZOOM, clusterProperties: { now: ["+", [...LOOKS, ["now", "maybe"], 1, 0]] } },
        },
        layers: layersOf(paint, tiles),
      },
      bounds: bounds(),
      fitBoundsOptions: { padding: 48, maxZoom: NEAR_ZOOM },
      maxZoom: NEAR_ZOOM + 3,
      attributionControl: false,
      cooperativeGestures: true,
      dragRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      locale: {
        "Map.Title": words["map.label"],
        "CooperativeGesturesHandler.WindowsHelpText": words["map.mouse"],
        "CooperativeGesturesHandler.MacHelpText": words["map.mouse"],
        "CooperativeGesturesHandler.MobileHelpText": words["map.touch"],
      },
    });
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    const actions = { in: () => map.zoomIn(), out: () => map.zoomOut(), all: () => map.fitBounds(bounds(), { padding: 48, maxZoom: NEAR_ZOOM }) };
    for (const button of part.querySelectorAll("[data-do]")) button.addEventListener("click", actions[button.dataset.do]);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const layer of layersOf(paint, tiles)) for (const [name, value] of Object.entries(layer.paint)) map.setPaintProperty(layer.id, name, value);
    });
    // By mouse or finger an area leads to its mark, which leads on to its page.
    map.on("click", "areas", ({ features: [{ properties }] }) => {
      const marker = marks.get(`o ${properties.outage}`);
      if (marker) marker.getElement().focus();
      else map.easeTo({ center: placeOf(outages.get(properties.outage).geometry), zoom: NEAR_ZOOM + 1 });
    });
    map.on("render", mark);
    map.once("idle", () => ground.setAttribute("data-drawn", ""));
    await map.once("load");
    if (!tiles) await lines(map, part);
    show();
  }

  // All is new: another database, or more has changed than can be told.
  const reload = () => {
    if (!loading && !ended) load().then(show).catch(() => setTimeout(reload, 15_000));
  };
  let showing = 0;
  const follow = ({ detail }) => {
    if (detail) change(detail);
    else reload();
    showing ||= setTimeout(() => {
      showing = 0;
      if (!loading) Promise.resolve(show()).catch(() => tell(words["map.failed"]));
    }, 300);
  };
  document.addEventListener("outages", follow);

  try {
    const [library] = await Promise.all([import(part.dataset.library), added("link", { rel: "stylesheet", href: part.dataset.look }), load()]);
    maplibre = library;
    maplibre.setWorkerUrl(part.dataset.worker);
    tell("");
    await show();
  } catch (problem) {
    ended = true;
    document.removeEventListener("outages", follow);
    document.getElementById("map-shown").hidden = true;
    map?.remove();
    throw problem;
  }
}
