// Reports what happens: as events on `document`, and in the console with `debug`. The reports contain
// names and IDs of events, never personal data.

/** Dispatches `tandem:<what>` on the document. The browser reports a listener's errors. */
export const announce = (what, eventName, eventId) => {
  document.dispatchEvent(new CustomEvent("tandem:" + what, { detail: { eventName, eventId } }));
};

/** Writes to the console if the option `debug` is set. The texts load when they are needed. */
export const say = ({ debug }, what, ...details) => {
  if (debug) import("./debug.js").then((module) => module.say(what, details)).catch(() => {});
};
