// Google Consent Mode v2: what gtag("consent", …) says in the page's dataLayer.
// A "default" without a region grants if it grants. If it denies, the visitor has not decided yet.
(() => {
  let said;
  const tell = (word) => { said = word; window.tandem?.consent[word](); };
  document.addEventListener("tandem:ready", () => said && tell(said));

  const state = {};
  const hear = (entry) => {
    const [command, kind, given] = Array.from(entry?.length ? entry : []);
    if (command !== "consent" || kind === "default" && given.region) return;
    Object.assign(state, given);
    const isGranted = (...names) => names.every((name) => state[name] === "granted");
    if (!isGranted("ad_storage", "ad_user_data")) { if (kind === "update") tell("deny"); }
    else tell(state.ad_personalization === "denied" ? "measureOnly" : "grant");
  };
  const layer = window.dataLayer = window.dataLayer || [], { push } = layer;
  layer.push = (...entries) => { entries.forEach(hear); return push.apply(layer, entries); };
  Array.from(layer).forEach(hear);
})();
