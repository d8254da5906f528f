// Keeps the crew's page and its files, so that it opens without a line. What is tapped there is
// kept and sent by the page itself. A page that the desk no longer gives out is not kept either.

const CACHE = "crew-1";
const FILES = ["/crew/page.css", "/crew/page.js", "/crew/queue.js", "/crew/look.js", "/crew/icon.svg", "/crew/app.webmanifest"];
const PATIENCE_MS = 5_000;

async function take() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })));
  // The page that is open already came before there was anybody to keep it.
  await page().catch(() => undefined);
}

async function page() {
  const cache = await caches.open(CACHE);
  const answer = await fetch("/crew", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.ok) await cache.put("/crew", answer.clone());
  else if (answer.status === 401) await cache.delete("/crew");
  return answer;
}

async function newest(request, get) {
  try {
    const answer = await get();
    if (answer.status < 500) return answer;
    return (await caches.match(request, { ignoreSearch: true })) ?? answer;
  } catch (problem) {
    const kept = await caches.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw problem;
  }
}

async function file(request) {
  const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.ok) await (await caches.open(CACHE)).put(request, answer.clone());
  return answer;
}

addEventListener("install", (event) => {
  event.waitUntil(take().then(() => skipWaiting()));
});
addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
      await clients.claim();
    })(),
  );
});
addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname, origin, search } = new URL(request.url);
  if (origin !== location.origin || request.method !== "GET") return;
  // What the page asks for by itself has to be how it stands now.
  if (pathname === "/crew" && request.mode === "navigate") event.respondWith(newest("/crew", () => (search ? fetch(request) : page())));
  else if (pathname === "/crew") event.respondWith(page());
  else if (FILES.includes(pathname)) event.respondWith(newest(request, () => file(request)));
});
