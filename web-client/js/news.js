// What happens, for whoever listens: events on `document`, and the console with `debug`. Names and
// IDs of events only, never what the page said about a person.

/** Dispatches `tandem:<what>` on the document. A listener's errors are the browser's to report. */
export const announce = (what, eventName, eventId) => {
  document.dispatchEvent(new CustomEvent("tandem:" + what, { detail: { eventName, eventId } }));
};

/** Tells the console, if the options want that. The texts load when they are needed. */
export const say = ({ debug }, what, ...facts) => {
  if (debug) import("./debug.js").then((told) => told.say(what, facts)).catch(() => {});
};
