// Whether the library's requests left the browser. The library does not say so, and no page sees the answer. The browser lists each
// request when it has ended (Resource Timing), also one that an ad blocker refused.
//
// For a request to the page's own origin, and if Meta allows it (Timing-Allow-Origin), the list has a status, a size
// or a protocol if there was an answer. For other origins it has only the duration. A refused request ends at once; one over a network needs a
// round trip. Safari and old browsers do not list refused requests. Then, and for the library's long
// events, which it sends as a form that nobody lists, the page's other events decide.
//
// What stays unknown does not count as sent.

// How long to wait for the end of a request.
const SENT_MS = 400;
// Requests of a real network take longer. Refused ones take less, also with a blocker that is asked first.
const REFUSED_MS = 5;

// The library's requests: [address, whether it left].
const requests = [];
const waiting = new Set();

const hasLeft = ({ responseStatus, transferSize, nextHopProtocol, duration }) =>
  !!(responseStatus || transferSize || nextHopProtocol) || navigator.onLine && duration >= REFUSED_MS;

const isOf = (id) => {
  const wanted = encodeURIComponent(id);
  return ([address]) => address.includes(wanted);
};

try {
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (/\/tr\/?\?(.*&)?ev=/.test(entry.name)) requests.push([entry.name, hasLeft(entry)]);
    }
    for (const look of waiting) look();
  }).observe({ type: "resource", buffered: true });
} catch { /* no request is seen */ }

/** What became of an event that the library has, as far as it is known: "fired", "blocked", or "failed" (offline). */
export const verdict = (id) => {
  const own = requests.filter(isOf(id));
  if (!own.length && !navigator.onLine) return "failed";
  // Without a request of its own: as the page's latest event.
  return (own.length ? own : requests.slice(-1)).some(([, left]) => left) ? "fired" : navigator.onLine ? "blocked" : "failed";
};

/** What is likely for a request that has just begun: it goes as the page's latest one. */
export const expected = () => (navigator.onLine && (requests.at(-1)?.[1] ?? true) ? "fired" : "blocked");

/** Whether an event's own request has ended. */
export const hasEnded = (id) => requests.some(isOf(id));

/**
 * Waits for the end of an event's request, for a while. The visitor may leave the page then: Firefox drops image requests of a
 * page that is left.
 */
export const outcome = (id, patienceMs = SENT_MS) => new Promise((resolve) => {
  const end = () => {
    waiting.delete(look);
    clearTimeout(timer);
    resolve(verdict(id));
  };
  const look = () => { if (hasEnded(id)) end(); };
  const timer = setTimeout(end, patienceMs);
  waiting.add(look);
  look();
});
