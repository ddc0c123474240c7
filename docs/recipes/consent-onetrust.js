// OneTrust: its category C0004, "Targeting". If your shop's categories have other names, put yours here.
(() => {
  let said;
  const tell = (word) => { said = word; window.tandem?.consent[word](); };
  document.addEventListener("tandem:ready", () => said && tell(said));

  const hear = () => {
    const isActive = window.OnetrustActiveGroups.split(",").includes("C0004");
    // Until the visitor has closed the banner, a missing category is no refusal.
    if (isActive || window.OneTrust.IsAlertBoxClosed()) tell(isActive ? "grant" : "deny");
  };
  const start = () => { hear(); window.OneTrust.OnConsentChanged(hear); };
  if (window.OneTrust?.OnConsentChanged) start();
  else addEventListener("OneTrustGroupsUpdated", start, { once: true });
})();
