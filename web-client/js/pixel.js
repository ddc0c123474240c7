// Meta's pixel. A page has one, so its state is in this file. Nothing here throws into the page.

const SCRIPT = "https://connect.facebook.net/en_US/fbevents.js";
const LOOK_MS = 50;
// How long to wait for the library's own request for an event.
const SENT_MS = 400;

let isBlocked = false;

// Meta's base code: a stub that queues calls until the library has loaded. If the page has its own fbq, that
// one is used unchanged. The library's own PageView on every `history.pushState` has an ID that no server knows, so
// it is off unless the page asks for it.
const ensure = ({ pixelId, pixelScript = SCRIPT, consent, person, autoPageViews, autoConfig }, engine) => {
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
  fbq.disablePushState = !autoPageViews;
  const script = document.createElement("script");
  script.async = true;
  script.src = pixelScript;
  script.onerror = () => { isBlocked = true; };
  document.head.append(script);
  if (consent?.limitedDataUse) fbq("dataProcessingOptions", ["LDU"], consent.country ?? 0, consent.state ?? 0);
  if (autoConfig === false) fbq("set", "autoConfig", false, String(pixelId));
  fbq("init", String(pixelId), engine.matching(person));
  fbq("track", "PageView");
};

/** Starts the pixel, unless the page has one. */
export const start = (options, engine) => {
  // If the page forbids access to fbq, the pixel is blocked.
  try { ensure(options, engine); } catch { isBlocked = true; }
};

/** Tells the pixel "grant" or "revoke", if the page has one. */
export const consent = (word) => {
  try { window.fbq?.("consent", word); } catch { /* fbq's own error */ }
};

/** Whether the library failed to load. */
export const isRefused = () => isBlocked;

/** Whether the library has loaded. Only the library has `callMethod`: the stub sends nothing. */
export const isLoaded = () => typeof window.fbq?.callMethod == "function";

/** Waits for the library. Resolves to false if it does not load in time. */
export const isReady = async (patienceMs) => {
  // Reads the clock, because timers of a background tab run late.
  for (const since = performance.now(); !isLoaded();) {
    if (isBlocked || performance.now() - since >= patienceMs) return false;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
  return true;
};

/**
 * Waits until the library's request for an event has ended, with or without success. The visitor may leave
 * the page when a call has resolved, and Firefox then drops the page's requests for images.
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
