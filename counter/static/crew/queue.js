// What was tapped and is not answered yet, kept in IndexedDB: it outlives the page, the telephone's
// sleep and a link that has ended. Each tap has a key of its own, so it is done once however often
// it is sent.

const NAME = "crew";
const TAPS = "taps";
const KEPT_MS = 24 * 3_600_000;
let opened = null;

function open() {
  opened ??= new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(TAPS, { keyPath: "key" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
  return opened;
}

async function within(mode, work) {
  const db = await open();
  return new Promise((done, failed) => {
    const deed = db.transaction(TAPS, mode, { durability: "strict" });
    const asked = work(deed.objectStore(TAPS));
    deed.oncomplete = () => done(asked.result);
    deed.onabort = () => failed(deed.error);
  });
}

// Those that wait and what became of the others, the oldest tap first.
export async function every() {
  const taps = await within("readonly", (store) => store.getAll());
  const old = Date.now() - KEPT_MS;
  for (const tap of taps.filter((each) => each.sentence && each.tapped < old)) await forget(tap.key);
  return taps.filter((tap) => !(tap.sentence && tap.tapped < old)).sort((one, other) => one.tapped - other.tapped);
}

export const keep = (tap) => within("readwrite", (store) => store.put(tap));
export const forget = (key) => within("readwrite", (store) => store.delete(key));
