// The engine: what is sent, what an answer means, when to try again. It decides and returns at
// once; it neither waits nor keeps anything. This file picks it: WebAssembly (wasm.js), or JavaScript
// where that does not start (plain.js). An engine has these functions:
//
//   check(options)               options that Tandem.connect takes; whether they deny consent
//   newId(nowMs, r1, r2, r3)     an event ID, from the time and three random 32-bit numbers
//   prepare(options, visit, kind, name, input, id, madeMs)
//                                [path, body, event for fbq without the server's word, denied]
//   confirmation(pixelId, name, id, outcome, atMs)
//                                the same, for the report of what the pixel did
//   answer(kind, status, message, details, bytes)
//                                [eventId, duplicate, pending, event for fbq]
//   pause(failures, dice)        milliseconds to wait after so many failures in a row
//   schedule(n)                  when a pending purchase is asked for the n-th time, or undefined
//
// An event for fbq is [method, name, parameters, id]. What check, prepare and answer throw is
// [code, message, [[field, description]]] when the page can correct it, else a number: the
// milliseconds to wait before trying again.
//
// Texts lose U+0000 to U+0004. An amount that is no plain decimal (digits, a point, digits) is null
// for fbq. Of a page's argument only the known keys are read.

import { TandemError } from "./errors.js";
import { start } from "./wasm.js";

/** The engine, ready to work. */
export const load = async () => {
  try {
    return await start();
  } catch (fault) {
    // Forbidden by the page's policy, kept back on the way, or unknown to the browser: then
    // WebAssembly does not start, and JavaScript does the same in more bytes.
    try { return await import("./plain.js"); } catch {
      throw new TandemError("FAILED_PRECONDITION", "WebAssembly did not start: " + fault, []);
    }
  }
};
