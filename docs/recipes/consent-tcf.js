// IAB Transparency and Consent Framework 2.2 (any banner that has __tcfapi).
(() => {
  let said;
  const tell = (word) => { said = word; window.tandem?.consent[word](); };
  document.addEventListener("tandem:ready", () => said && tell(said));

  // 1: store on the device, 3 and 4: a profile for ads and its use, 7: measure ads.
  const PURPOSES = [1, 3, 4, 7];
  // Meta is not on the IAB's list of vendors. If your banner offers Google's providers too, put Meta's number there
  // between the quotes: the visitor must then have allowed it.
  const PROVIDER = "";
  const hear = (tcData, isOk) => {
    if (!isOk || !["tcloaded", "useractioncomplete"].includes(tcData.eventStatus)) return;
    const [, allowed = ""] = (tcData.addtlConsent ?? "").split("~");
    const isAllowed = PURPOSES.every((purpose) => tcData.purpose.consents[purpose]) &&
      (!PROVIDER || allowed.split(".").includes(PROVIDER));
    tell(tcData.gdprApplies === false || isAllowed ? "grant" : "deny");
  };
  const listen = () => window.__tcfapi && (window.__tcfapi("addEventListener", 2, hear), true);
  if (!listen()) { const timer = setInterval(() => listen() && clearInterval(timer), 200); }
})();
