// The console texts of the option `debug`. They say what happens, and why. This file loads only with `debug`.

const OUTCOMES = {
  fired: "fired",
  blocked: "did not fire: Meta's library has not loaded (blocked, or slow), or its request was refused",
  failed: "failed: fbq threw an error, or the browser is offline",
};

const TEXTS = {
  connected: (consent) => `connected; consent ${consent}`,
  pixel: (isAdopted) => (isAdopted ? "the page's own fbq is used as it is" : "Meta's base code, init and PageView are added"),
  consent: (ads) => `the visitor's consent: ${ads}`,
  held: (name, id) => `${name} ${id} waits for the visitor's consent, in memory`,
  sent: (name, id) => `sending ${name} ${id} to the server`,
  answered: (name, id, isDuplicate, hasEvent) => `the server has stored ${name} ${id}` +
    (isDuplicate ? " (it had it already)" : "") + (hasEvent ? "; the pixel will fire" : "; the pixel must not fire"),
  queued: (name, id, waitMs) => `${name} ${id} could not be sent (the server is unreachable${waitMs ? ` or asks to wait ${waitMs} ms` : ""}); ` +
    "it is kept and sent again under this ID",
  refused: (name, id, code, fields) => `${name} ${id} was refused: ${code} ${fields}`,
  told: (name, id, outcome) => `${name} ${id}: the pixel ${OUTCOMES[outcome]}`,
  pending: (orderId) => `order ${orderId}: the payment is not known yet; the page asks again after 2, 5, 10, 30 and 60 s`,
  known: (orderId) => `order ${orderId}: this browser's pixel has it already, so it does not fire again`,
};

export const say = (what, details) => {
  // Chrome hides `console.debug` unless the developer asks for verbose messages.
  console.info("tandem:", TEXTS[what]?.(...details) ?? [what, ...details].join(" "));
};
