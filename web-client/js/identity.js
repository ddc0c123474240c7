// Meta's cookies, by Meta's rules: `_fbp` names the browser, `_fbc` the click on an ad. Their form is
// fb.<labels of the cookie's domain, less one>.<time made, ms>.<random number or click ID>. The owner calls
// this file only with the visitor's consent. The date of a click is never changed.

import { isClick } from "./nobody.js";

const LIFE_S = 90 * 24 * 3600;
// Meta's own library ignores longer click IDs.
const CLICK_ID_MAX_CHARS = 500;
const NAMES = ["_fbp", "_fbc"];
// The form of both values. A fifth field is the appendix of Meta's param builder.
const VALID = /^fb\.\d+\.\d+\.[\w-]+(\.([AB][AQgw]|AQ[\w-]{6}))?$/;
const payload = (value) => value?.split(".")[3];

// Sandboxed frames refuse access to cookies. Then there are none.
const cookie = (name) => {
  try {
    return document.cookie.split("; ").find((pair) => pair.startsWith(name + "="))?.slice(name.length + 1);
  } catch { return undefined; }
};

const write = (name, value, domain, lifeS = LIFE_S) => {
  document.cookie = name + "=" + value + ";path=/;max-age=" + lifeS + ";SameSite=Lax" +
    (domain && ";domain=" + domain) + (location.protocol === "https:" ? ";Secure" : "");
};

// The domains that could hold the cookie, the widest first: shop.example, www.shop.example. For a single
// label or an IP address there are none: the cookie belongs to the host alone.
const domains = () => {
  const host = location.hostname, labels = host.split(".");
  if (/^[\d.]+$|:/.test(host)) return [];
  return labels.slice(1).map((_, index) => labels.slice(-2 - index).join("."));
};

// The widest domain that the browser accepts. The browser refuses public suffixes (co.in), so no list of
// them is needed.
const widest = () => {
  const probe = "_tandem";
  return domains().find((domain) => {
    write(probe, 1, domain);
    const isKept = cookie(probe);
    write(probe, "", domain, 0);
    return isKept;
  }) ?? "";
};

// The click ID of the page's address, or of the page before it. The server gets one that cannot stand in a
// cookie too, unchanged, and counts it.
const clickId = () => {
  const ids = [location.href, document.referrer].flatMap((address) => {
    try {
      return new URL(address).searchParams.getAll("fbclid");
    } catch { return []; }
  }).filter((id) => id && id.length <= CLICK_ID_MAX_CHARS);
  return ids.find(isClick) ?? ids[0];
};

/** Makes missing cookies, and extends the life of existing ones. */
export const start = () => {
  try {
    const domain = widest();
    const made = (last) => ["fb", domain && domain.split(".").length - 1 || 0, Date.now(), last].join(".");
    let [fbp, fbc] = NAMES.map((name) => [cookie(name)].find((value) => VALID.test(value)));
    if (!(payload(fbp) > 0)) fbp = made(Math.floor(1e9 + Math.random() * 9e9));
    const click = clickId();
    if (isClick(click ?? "") && payload(fbc) !== click) fbc = made(click);
    write(NAMES[0], fbp, domain);
    if (fbc && isClick(payload(fbc))) write(NAMES[1], fbc, domain);
  } catch { /* no cookies here */ }
};

/** Removes the cookies, because consent was withdrawn. */
export const clear = () => {
  try {
    for (const name of NAMES) for (const domain of ["", ...domains()]) write(name, "", domain, 0);
  } catch { /* no cookies here */ }
};

/** The argument `visit` of the engine's `prepare`. */
export const visit = () => ({
  eventSourceUrl: location.href,
  referrerUrl: document.referrer,
  fbclid: clickId(),
  fbp: cookie(NAMES[0]),
  fbc: cookie(NAMES[1]),
});
