// Who the visit is, as far as Meta's cookies say it.

// Sandboxed frames refuse to show cookies: then there are none.
export const cookie = (name) => {
  try {
    return document.cookie.split("; ").find((pair) => pair.startsWith(name + "="))?.slice(name.length + 1);
  } catch { return undefined; }
};

/** What the engine's `prepare` takes as the visit. */
export const visit = () => ({
  eventSourceUrl: location.href,
  referrerUrl: document.referrer,
  fbclid: new URLSearchParams(location.search).get("fbclid"),
  fbp: cookie("_fbp"),
  fbc: cookie("_fbc"),
});
