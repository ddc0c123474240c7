// Tandem without code. The page has a script tag with the options in its data attributes, or the loader
// (loader.html), which queues the page's calls until this file has loaded. This file connects, puts the
// connection into `window.tandem`, and reports forms with `data-tandem` (forms.js).
//
//   <script type="module" src="/tandem/auto.js" data-endpoint="https://track.shop.example"
//     data-pixel-id="123456789012345" data-currency="INR"></script>

import { Tandem } from "./index.js";
import { watchForms } from "./forms.js";

// Options by their data attributes (data-pixel-id is pixelId here).
const optionsOf = ({ consent, consentRequired, respectGpc, autoPageViews, autoConfig, debug, ...texts }) => ({
  ...texts,
  consent: consent ? { ads: consent } : undefined,
  consentRequired: isOn(consentRequired),
  respectGpc: isOn(respectGpc),
  autoPageViews: isOn(autoPageViews),
  autoConfig: autoConfig !== "false",
  debug: isOn(debug),
});

// An attribute without a value means true.
const isOn = (text) => text !== undefined && text !== "false";

const run = async () => {
  const script = [...document.scripts].find(({ src }) => src === import.meta.url);
  // From the loader: the options, and calls as [name, arguments, resolve, reject].
  const { o: options, q: calls = [] } = window.tandem ?? {};
  const connection = Tandem.connect(options ?? optionsOf(script?.dataset ?? {}));
  watchForms(connection);
  let tandem, mistake;
  try {
    tandem = await connection;
  } catch (error) {
    mistake = error;
    console.error("tandem:", error.message, error.fields);
  }
  const call = async ([name, given, resolve, reject]) => {
    try {
      if (mistake) throw mistake;
      resolve(await (name in tandem.consent ? tandem.consent : tandem)[name](...given));
    } catch (error) { reject(error); }
  };
  // The calls are taken from the loader only now. It posts them itself if the connection takes too long.
  calls.push = (...more) => { more.forEach(call); };
  calls.splice(0).forEach(call);
  if (mistake) return;
  window.tandem = tandem;
  document.dispatchEvent(new CustomEvent("tandem:ready"));
};

run();
