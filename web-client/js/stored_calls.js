// Unsent calls in localStorage, for unsent.js. Number, size and age of the entries are limited. A tab
// locks an entry before it sends it. If storage is refused or full, nothing is stored. Nothing here throws.

const PREFIX = "tandem.unsent.";
const WEB_LOCK = "tandem.unsent";

// The shop and Tandem share about five million characters.
const COUNT_MAX = 50;
const CHARS_MAX = 100_000;
const RECORD_CHARS_MAX = 10_000;
// Meta accepts events for seven days. One hour is left for the delivery.
const AGE_MS = (7 * 24 - 1) * 3600 * 1000;

/** How long the server may take for a stored call. */
export const TIMEOUT_MS = 5000;
// A lock expires after this time, so that a tab that was closed while sending does not block the call.
const LOCKED_MS = TIMEOUT_MS + 2000;

/** An entry, or undefined if there is none or it is not ours. */
export const read = (key) => {
  try { return JSON.parse(localStorage.getItem(PREFIX + key)) ?? undefined; } catch { return undefined; }
};

export const remove = (key) => {
  try { localStorage.removeItem(PREFIX + key); } catch { /* there is no storage */ }
};

/** Writes an entry. Returns false if that failed. */
export const write = (key, record) => {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(record));
    return true;
  } catch { return false; }
};

const allKeys = () => {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
  } catch { return []; }
};

/** Keys of a pixel's entries, the oldest first: event IDs sort by time. Removes expired entries. */
export const keys = (pixelId) => allKeys().sort().filter((key) => {
  const record = read(key);
  // If the clock was set back, entries are in the future. They are removed too.
  const isUsable = record && Math.abs(Date.now() - record.madeMs) < AGE_MS;
  if (!isUsable) remove(key);
  return isUsable && record.pixelId === pixelId;
});

/** Adds an entry, locked if its call is in flight. Returns false if there is no room or no storage. */
export const put = (key, record, isFlying) => {
  const length = JSON.stringify(record).length;
  if (length > RECORD_CHARS_MAX) return false;
  // Removes the least valuable entries first: leads last, and the oldest before newer ones.
  const others = allKeys().filter((other) => other !== key).map((other) => [other, read(other)]);
  others.sort(([a, x], [b, y]) => (x?.kind === "lead") - (y?.kind === "lead") || (a < b ? -1 : 1));
  let chars = others.reduce((sum, [, other]) => sum + JSON.stringify(other ?? null).length, length);
  while (others.length >= COUNT_MAX || chars > CHARS_MAX) {
    const [oldest, other] = others.shift();
    chars -= JSON.stringify(other ?? null).length;
    remove(oldest);
  }
  return write(key, { ...record, until: isFlying ? Date.now() + LOCKED_MS : 0 });
};

export const clear = () => allKeys().forEach(remove);

// ---- locks: which tab sends an entry -------------------------------------------------------------

/** Locks an entry and returns it. Undefined if it is gone, or another tab has locked it. */
export const lock = (key, mark) => {
  const record = read(key), now = Date.now();
  if (!record || (record.until > now && record.until <= now + LOCKED_MS)) return undefined;
  write(key, { ...record, until: now + LOCKED_MS, mark });
  return record;
};

/**
 * Locks an entry while other tabs may try the same. With Web Locks only one tab tries at a time (`alone`).
 * Without them (old browsers, pages without TLS), the tab waits and checks that its mark is still there.
 */
export const lockSafely = async (key) => {
  const mark = Math.random();
  const record = lock(key, mark);
  if (!record || navigator.locks) return record;
  await new Promise((resolve) => { setTimeout(resolve, 50 + 100 * Math.random()); });
  return read(key)?.mark === mark ? record : undefined;
};

/** Unlocks an entry. */
export const unlock = (key) => {
  const record = read(key);
  if (record) write(key, { ...record, until: 0 });
};

/** Runs `work` unless another tab runs it. In that case returns `busyMs` at once. */
export const alone = async (busyMs, work) => {
  if (!navigator.locks) return work();
  let isAsked = false;
  try {
    return await navigator.locks.request(WEB_LOCK, { ifAvailable: true }, (webLock) => {
      isAsked = true;
      return webLock ? work() : busyMs;
    });
  } catch (error) {
    // A page without storage may have no Web Locks either.
    if (isAsked) throw error;
    return work();
  }
};
