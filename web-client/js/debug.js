// What `debug` says in the console: what happens, and why. Loaded only then.

const OUTCOMES = [, "fired", "did not fire: Meta's library is not there (blocked, or slow)", "failed: fbq threw an error"];

const TEXTS = {
  connected: (consent) => `connected; consent ${consent}`,
  pixel: (isAdopted) => (isAdopted ? "the page's own fbq is used as it is" : "Meta's base code, init and PageView are added"),
  consent: (ads) => `the visitor's consent: ${ads}`,
  held: (name, id) => `${name} ${id} waits for the visitor's consent, in memory`,
  sent: (name, id) => `${name} ${id} goes to the server`,
  answered: (name, id, isDuplicate, hasEvent) => `${name} ${id} is on the server's disk` +
    (isDuplicate ? ", which had it already" : "") + (hasEvent ? "; the pixel is told" : "; the pixel is not to be told"),
  queued: (name, id, waitMs) => `${name} ${id} could not be sent (the server is away${waitMs ? `, and wants ${waitMs} ms` : ""}); ` +
    "it is kept and sent again under this ID",
  refused: (name, id, code, fields) => `${name} ${id} was refused: ${code} ${fields}`,
  told: (name, id, outcome) => `${name} ${id}: the pixel ${OUTCOMES[outcome]}`,
  pending: (orderId) => `order ${orderId}: the payment is not known yet; asked for again after 2, 5, 10, 30 and 60 s`,
  known: (orderId) => `order ${orderId}: this browser's pixel has fired it before; not again`,
};

export const say = (what, facts) => {
  console.debug("tandem:", TEXTS[what]?.(...facts) ?? [what, ...facts].join(" "));
};
