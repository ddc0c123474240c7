// Meta's pixel: one per page, so this file has its state. Nothing here throws into the page.

const SCRIPT = "https://connect.facebook.net/en_US/fbevents.js";
const LOOK_MS = 50;
// How long the library's own request for an event is waited for.
const SENT_MS = 400;

let isBlocked = false;

// Match keys for `init`, by the page's name of them. Meta's library hashes what is raw by rules of
// its own. They agree with the server's for an e-mail address and for a telephone number with its
// calling code; everything else must be a hash already, else the two sides would differ.
const KEYS = {
  email: "em", phone: "ph", firstName: "fn", lastName: "ln", gender: "ge", dateOfBirth: "db", city: "ct",
  state: "st", postalCode: "zp", country: "country", externalId: "external_id",
};
const matching = (person) => {
  const found = {};
  for (const name in KEYS) {
    const value = String(person?.[name] ?? "").trim();
    if (/^[\da-f]{64}(\.[\w-]{8})?$/i.test(value)) found[KEYS[name]] = value.slice(0, 64).toLowerCase();
    else if (name === "email" && value) found.em = value.toLowerCase();
    else if (name === "phone" && value[0] === "+") found.ph = value.replace(/\D/g, "");
  }
  return found;
};

// Meta's base code, once: a stub that keeps calls until the library has loaded. An fbq that the
// page brought is adopted as it is.
const ensure = ({ pixelId, pixelScript = SCRIPT, consent, person }) => {
  if (window.fbq) return;
  const fbq = window.fbq = function () {
    if (fbq.callMethod) fbq.callMethod.apply(fbq, arguments);
    else fbq.queue.push(arguments);
  };
  window._fbq ||= fbq;
  fbq.push = fbq;
  fbq.loaded = true;
  fbq.version = "2.0";
  fbq.queue = [];
  const script = document.createElement("script");
  script.async = true;
  script.src = pixelScript;
  script.onerror = () => { isBlocked = true; };
  document.head.append(script);
  if (consent?.limitedDataUse) fbq("dataProcessingOptions", ["LDU"], consent.country ?? 0, consent.state ?? 0);
  fbq("init", String(pixelId), matching(person));
  fbq("track", "PageView");
};

/** Starts the pixel, unless the page has one. */
export const start = (options) => {
  // A page may have forbidden to touch fbq: then the pixel is blocked.
  try { ensure(options); } catch { isBlocked = true; }
};

/** Passes the visitor's word on, "grant" or "revoke", if the page has a pixel. */
export const consent = (word) => {
  try { window.fbq?.("consent", word); } catch { /* the pixel's own trouble */ }
};

/** Whether the library will not come. */
export const isRefused = () => isBlocked;

/** Whether the library is there. The stub alone sends nothing; `callMethod` comes with the library. */
export const isLoaded = () => typeof window.fbq?.callMethod == "function";

/** Waits for the library. */
export const isReady = async (patienceMs) => {
  // By the clock: a tab in the background gets its timers late.
  for (const since = performance.now(); !isLoaded();) {
    if (isBlocked || performance.now() - since >= patienceMs) return false;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
  return true;
};

/** Tells the pixel an event; false if fbq threw. */
export const fire = ([method, name, parameters, eventID]) => {
  try {
    window.fbq(method, name, parameters, { eventID });
    return true;
  } catch { return false; }
};

/**
 * Waits until the library's request for an event has ended, however it did. A page may be left as soon
 * as a call has resolved, and Firefox drops a page's requests for images then.
 */
export const isSent = (id) => new Promise((resolve) => {
  const wanted = encodeURIComponent(id);
  const watcher = new PerformanceObserver((list) => {
    if (list.getEntries().some(({ name }) => name.includes(wanted))) end();
  });
  const end = () => { watcher.disconnect(); resolve(); };
  watcher.observe({ type: "resource", buffered: true });
  setTimeout(end, SENT_MS);
});
