// Meta's cookies: `_fbp` names the browser, `_fbc` the click on an ad. The engine makes their values. The owner
// calls this file only with the visitor's consent.

const LIFE_S = 90 * 24 * 3600;
const NAMES = ["_fbp", "_fbc"];

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

/** Makes missing cookies, and extends the life of existing ones. */
export const start = (engine) => {
  try {
    const domain = widest();
    const dots = domain.split(".").length - 1;
    const [random] = crypto.getRandomValues(new Uint32Array(1));
    engine.cookies(visit(engine), dots, random)
      .forEach((value, index) => value && write(NAMES[index], value, domain));
  } catch { /* no cookies here */ }
};

/** Removes the cookies, because consent was withdrawn. */
export const clear = () => {
  try {
    for (const name of NAMES) for (const domain of ["", ...domains()]) write(name, "", domain, 0);
  } catch { /* no cookies here */ }
};

/** What a call keeps of the page on which it was made. */
export const visit = (engine) => ({
  page: location.href,
  referrer: document.referrer,
  click: engine.click(location.href, document.referrer),
  fbp: cookie(NAMES[0]),
  fbc: cookie(NAMES[1]),
});
