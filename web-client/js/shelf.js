// The entries of localStorage that unsent.js keeps calls in: bounded in number, size and age, and
// claimed by the tab that sends them. Storage that is refused or full holds nothing, and nothing
// here throws.

const PREFIX = "tandem.unsent.";
const LOCK = "tandem.unsent";

// The shop has some five million characters for itself and us.
const COUNT_MAX = 50;
const CHARS_MAX = 100_000;
const RECORD_CHARS_MAX = 10_000;
// Meta takes events for seven days; an hour is left for the way there.
const AGE_MS = (7 * 24 - 1) * 3600 * 1000;

/** How long the server may take for a stored call. */
export const TIMEOUT_MS = 5000;
// How long a claim holds: a tab that was closed while it was sending gives it up that way.
const CLAIM_MS = TIMEOUT_MS + 2000;

const LEAD = 0;

/** An entry, or undefined: there is none, or it is none of ours. */
export const read = (key) => {
  try { return JSON.parse(localStorage.getItem(PREFIX + key)) ?? undefined; } catch { return undefined; }
};

export const remove = (key) => {
  try { localStorage.removeItem(PREFIX + key); } catch { /* there is no storage */ }
};

/** Writes an entry; false if it could not be. */
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

/** Keys of a pixel's entries, the oldest first: event IDs sort by time. Old entries are removed. */
export const keys = (pixelId) => allKeys().sort().filter((key) => {
  const record = read(key);
  // A clock that was set back makes entries of the future: those go as well.
  const isUsable = record && Math.abs(Date.now() - record.madeMs) < AGE_MS;
  if (!isUsable) remove(key);
  return isUsable && record.pixelId === pixelId;
});

/** Adds an entry, claimed if its call is under way; false if there is no room or no storage. */
export const put = (key, record, isFlying) => {
  const length = JSON.stringify(record).length;
  if (length > RECORD_CHARS_MAX) return false;
  // What is least worth keeping goes first: anything but leads, and the oldest.
  const others = allKeys().filter((other) => other !== key).map((other) => [other, read(other)]);
  others.sort(([a, x], [b, y]) => (x?.kind === LEAD) - (y?.kind === LEAD) || (a < b ? -1 : 1));
  let chars = others.reduce((sum, [, other]) => sum + JSON.stringify(other ?? null).length, length);
  while (others.length >= COUNT_MAX || chars > CHARS_MAX) {
    const [oldest, other] = others.shift();
    chars -= JSON.stringify(other ?? null).length;
    remove(oldest);
  }
  return write(key, { ...record, until: isFlying ? Date.now() + CLAIM_MS : 0 });
};

export const clear = () => allKeys().forEach(remove);

// ---- who sends an entry --------------------------------------------------------------------------

/** Claims an entry. Undefined: it is gone, or another has claimed it. */
export const claim = (key, mark) => {
  const record = read(key), now = Date.now();
  if (!record || (record.until > now && record.until <= now + CLAIM_MS)) return undefined;
  write(key, { ...record, until: now + CLAIM_MS, mark });
  return record;
};

/**
 * The same among other tabs. Web Locks see to it that only one tab claims at a time (`alone`);
 * browsers without them (and pages without TLS) look again whose mark has stayed.
 */
export const claimSafely = async (key) => {
  const mark = Math.random();
  const record = claim(key, mark);
  if (!record || navigator.locks) return record;
  await new Promise((resolve) => { setTimeout(resolve, 50 + 100 * Math.random()); });
  return read(key)?.mark === mark ? record : undefined;
};

/** Gives a claim back. */
export const release = (key) => {
  const record = read(key);
  if (record) write(key, { ...record, until: 0 });
};

/** Runs `work` while no other tab does; returns `busyMs` at once if one does. */
export const alone = async (busyMs, work) => {
  if (!navigator.locks) return work();
  let isAsked = false;
  try {
    return await navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
      isAsked = true;
      return lock ? work() : busyMs;
    });
  } catch (fault) {
    // A page without storage has no locks either.
    if (isAsked) throw fault;
    return work();
  }
};
