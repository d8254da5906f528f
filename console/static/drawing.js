// The map of a declaration: draw areas, cut holes, drag corners. What is drawn is told as GeoJSON.

const PLACES = 9; // decimals, the most that terra-draw takes
const DENSE_ZOOM = 16;
const polygons = (shape) => {
  if (!shape || typeof shape !== "object") return [];
  if (shape.type === "FeatureCollection") return shape.features.flatMap(polygons);
  if (shape.type === "GeometryCollection") return shape.geometries.flatMap(polygons);
  if (shape.type === "Feature") return polygons(shape.geometry);
  if (shape.type === "Polygon") return [shape.coordinates];
  return shape.type === "MultiPolygon" ? shape.coordinates : [];
};
const rounded = (ring) => ring.map(([x, y]) => [Number(x.toFixed(PLACES)), Number(y.toFixed(PLACES))]);

function isInside([x, y], ring) {
  let inside = false;
  for (let at = 0, before = ring.length - 1; at < ring.length; before = at, at += 1) {
    const [ax, ay] = ring[at];
    const [bx, by] = ring[before];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// A hole belongs to the area that its first corner lies in; one that lies in none says so itself.
function together(features) {
  const ringOf = (each) => each.geometry.coordinates[0];
  const whole = features.filter((each) => each.geometry.type === "Polygon" && new Set(ringOf(each).map(String)).size > 2);
  const areas = whole.filter((each) => each.properties.mode === "polygon").map((each) => [ringOf(each)]);
  if (!areas.length) return "";
  for (const hole of whole.filter((each) => each.properties.mode === "hole")) {
    (areas.find(([outline]) => isInside(ringOf(hole)[0], outline)) ?? areas[0]).push(ringOf(hole));
  }
  return JSON.stringify(areas.length === 1 ? { type: "Polygon", coordinates: areas[0] } : { type: "MultiPolygon", coordinates: areas });
}

export async function open(part, tell) {
  const atlas = await import(part.dataset.atlas);
  const maplibre = await import(part.dataset.library);
  await atlas.added("script", { src: part.dataset.draw });
  await atlas.added("script", { src: part.dataset.adapter });
  maplibre.setWorkerUrl(part.dataset.worker);
  const ground = document.getElementById("map-ground");
  const state = document.getElementById("map-state");
  const paint = (name) => getComputedStyle(ground).getPropertyValue(name).trim();
  const tiles = part.dataset.tiles ? await atlas.tilesOf(part, maplibre).catch((problem) => console.info(problem)) : null;
  const layers = () => [
    { id: "ground", type: "background", paint: { "background-color": paint(tiles ? "--land" : "--sea") } },
    ...(tiles ? tiles.layers(paint) : atlas.coarse(paint)),
    { id: "dots", type: "circle", source: "dots", paint: { "circle-color": paint("--dot"), "circle-opacity": 0.45, "circle-radius": ["get", "size"] } },
  ];
  const box = JSON.parse(part.dataset.bounds || "[-170, -55, 170, 75]");
  const map = new maplibre.Map({
    container: ground,
    style: { version: 8, sources: { ...(tiles?.sources ?? Object.fromEntries(atlas.COARSE.map((name) => [name, atlas.empty]))), dots: atlas.empty }, layers: layers() },
    bounds: box,
    fitBoundsOptions: { padding: 24 },
    attributionControl: false,
    dragRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    locale: { "Map.Title": "Map to draw on" },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  await map.once("load");
  if (!tiles) await atlas.lines(map, part);

  // --- premises, for the staff ---
  let asked = null;
  async function dots() {
    const seen = map.getBounds();
    const within = [Math.max(-180, seen.getWest()), Math.max(-90, seen.getSouth()), Math.min(180, seen.getEast()), Math.min(90, seen.getNorth())];
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(`${part.dataset.density}?within=${within.join(",")}`, { signal: asked.signal });
      if (!answer.ok) return;
      const { cells } = await answer.json();
      const most = Math.max(1, ...cells.map(([, , many]) => many));
      const least = map.getZoom() >= DENSE_ZOOM ? 3 : 1.5;
      const features = cells.map(([x, y, many]) => ({ type: "Feature", geometry: { type: "Point", coordinates: [x, y] }, properties: { size: least + 5 * Math.sqrt(many / most) } }));
      map.getSource("dots").setData({ type: "FeatureCollection", features });
    } catch (problem) {
      if (problem.name !== "AbortError") console.info(problem);
    }
  }
  map.on("moveend", dots);
  dots();

  // --- drawing ---
  const { TerraDraw, TerraDrawPolygonMode, TerraDrawSelectMode } = globalThis.terraDraw;
  const colours = (name) => ({ fillColor: paint(name), outlineColor: paint(name), closingPointColor: paint(name), fillOpacity: 0.2, outlineWidth: 3 });
  const flags = { feature: { draggable: true, selfIntersectable: true, coordinates: { midpoints: true, draggable: true, deletable: true } } };
  const chosen = () => ({ selectedPolygonColor: paint("--draw"), selectedPolygonOutlineColor: paint("--draw"), selectedPolygonFillOpacity: 0.3, selectedPolygonOutlineWidth: 3, selectionPointColor: paint("--draw"), selectionPointWidth: 7, midPointColor: paint("--hole"), midPointWidth: 5 });
  const draw = new TerraDraw({
    adapter: new globalThis.terraDrawMaplibreGlAdapter.TerraDrawMapLibreGLAdapter({ map, coordinatePrecision: PLACES }),
    modes: [
      new TerraDrawPolygonMode({ styles: colours("--draw") }),
      new TerraDrawPolygonMode({ modeName: "hole", styles: { ...colours("--hole"), fillOpacity: 0.5 } }),
      new TerraDrawSelectMode({ styles: chosen(), flags: { polygon: flags, hole: flags }, pointerDistance: 20 }),
    ],
  });
  draw.start();
  const buttons = [...part.querySelectorAll("[data-mode]")];
  const hints = {
    polygon: "Click each corner; click the first one again, or press Enter, to end. Escape begins anew.",
    hole: "Click the corners of what is left out, inside an area.",
    select: "Click an area, then drag a corner, or the middle of an edge for a new one. A corner goes by a right click.",
  };
  function mode(name) {
    draw.setMode(name);
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.mode === name));
    state.textContent = hints[name];
  }
  const areas = () => draw.getSnapshot().filter(({ properties }) => properties.mode === "polygon" || properties.mode === "hole");
  let text = "";
  let reading = false;
  draw.on("change", () => {
    if (reading) return;
    const now = together(areas());
    if (now === text) return;
    text = now;
    tell(text);
  });
  draw.on("finish", (id, { action }) => {
    if (action !== "draw") return;
    // The next click would begin another area, where most want to mend this one.
    setTimeout(() => {
      mode("select");
      draw.selectFeature(id);
    });
  });
  const everywhere = () => {
    const rings = areas().map((each) => each.geometry.coordinates[0]);
    const around = new maplibre.LngLatBounds();
    rings.flat().forEach((each) => around.extend(each));
    map.fitBounds(rings.length ? around : box, { padding: 48, maxZoom: 16 });
  };
  const actions = {
    in: () => map.zoomIn(),
    out: () => map.zoomOut(),
    all: everywhere,
    remove: () => {
      const picked = draw.getSnapshot().filter(({ properties }) => properties.selected).map(({ id }) => id);
      if (!picked.length) state.textContent = "Choose an area by Edit and a click first.";
      draw.removeFeatures(picked);
    },
    clear: () => draw.removeFeatures(areas().map(({ id }) => id)),
  };
  for (const each of part.querySelectorAll("[data-do]")) each.addEventListener("click", () => actions[each.dataset.do]());
  for (const each of buttons) each.addEventListener("click", () => mode(each.dataset.mode));
  mode("polygon");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const layer of layers()) for (const [name, value] of Object.entries(layer.paint)) map.setPaintProperty(layer.id, name, value);
    draw.updateModeOptions("polygon", { styles: colours("--draw") });
    draw.updateModeOptions("hole", { styles: { ...colours("--hole"), fillOpacity: 0.5 } });
    draw.updateModeOptions("select", { styles: chosen() });
  });
  ground.setAttribute("data-drawn", "");

  return {
    // Draw what somebody pasted, or what was drawn before; of other words the map shows nothing.
    read(words) {
      if (words === text) return;
      let found = [];
      try {
        found = polygons(JSON.parse(words));
      } catch {
        // No GeoJSON: the server reads more than that.
      }
      reading = true;
      draw.clear();
      const features = found.flatMap((rings) =>
        rings.map((ring, at) => ({ type: "Feature", geometry: { type: "Polygon", coordinates: [rounded(ring)] }, properties: { mode: at ? "hole" : "polygon" } })),
      );
      const refused = draw.addFeatures(features).filter(({ valid }) => !valid);
      if (refused.length) state.textContent = "The map cannot show all of this; the review reads it whole.";
      reading = false;
      text = together(areas());
      if (found.length) everywhere();
      if (found.length) mode("select");
    },
  };
}
