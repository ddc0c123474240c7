// The engine makes messages, starts requests, reads answers and calls fbq. It returns at once and keeps no
// state. This file chooses it: WebAssembly (wasm.js), or one script that posts JSON (json.js) where that does
// not start. An engine has these functions:
//
//   check(options)                 checks the options of Tandem.connect; returns whether they deny consent
//   newId()                        an event ID
//   prepare(call)                  checks a call: { name, event, denied, unknown }
//   begin(call, signal)            sends it; the browser's own promise of a response
//   finish(call, response, bytes, mayFire)
//                                  { eventId, duplicate, pending, event, fired }; with mayFire calls fbq, and
//                                  `fired` says whether fbq took the event
//   fire(event)                    calls fbq; returns false if it threw
//   pause(failures, dice)          milliseconds to wait after so many failures in a row
//   schedule(n)                    when a pending purchase is asked for the n-th time; 0: not again
//   click(page, referrer)          the click ID in the addresses of the page and the page before it
//   cookies(visit, dots, random)   [fbp, fbc] to write for a domain with so many dots; empty ones are not written
//   matching(person)               match keys for the pixel's init, by Meta's names
//
// A call has: kind ("lead", "event", "custom", "purchase", or "report" of what the pixel did), name (the
// event's, as the page wrote it), input (the page's argument; of a report { name, id, outcome, atMs, key }),
// id (the client's own event ID), madeMs (when a delayed call was made, else 0), visit (identity.js), options.
//
// prepare returns the name as Meta writes it, the event that the pixel fires if the server does not answer,
// whether consent is denied, and the argument's keys that mean nothing. An event is for the engine; others
// read its name and id, and its key, which confirms a Purchase.
//
// check, prepare and finish throw { code, message, fields, isTime } for a mistake that the page can correct
// (isTime: the event's time is refused). Otherwise finish throws a number: the milliseconds to wait before the
// next try.

import { TandemError } from "./errors.js";
import { start } from "./wasm.js";

/** The engine, ready to work. */
export const load = async () => {
  try {
    return await start();
  } catch (error) {
    // WebAssembly does not start if the page's policy forbids it, a proxy blocks the file, or the browser
    // does not know it.
    try {
      const json = await import("./json.js");
      return await json.start();
    } catch {
      throw new TandemError("FAILED_PRECONDITION", "WebAssembly did not start: " + error, []);
    }
  }
};
