// Cookiebot: its category "marketing".
(() => {
  let said;
  const tell = (word) => { said = word; window.tandem?.consent[word](); };
  document.addEventListener("tandem:ready", () => said && tell(said));

  const hear = () => {
    const { Cookiebot } = window;
    if (Cookiebot?.hasResponse) tell(Cookiebot.consent.marketing ? "grant" : "deny");
  };
  for (const name of ["CookiebotOnConsentReady", "CookiebotOnAccept", "CookiebotOnDecline"]) addEventListener(name, hear);
  hear(); // the banner may have loaded before this script
})();
