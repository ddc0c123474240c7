// The engine decides what is sent, what an answer means, and when to try again. It returns at once and
// keeps no state. This file chooses it: WebAssembly (wasm.js), or JavaScript if that does not start
// (plain.js). An engine has these functions:
//
//   check(options)               checks the options of Tandem.connect; returns whether they deny consent
//   newId(nowMs, r1, r2, r3)     an event ID, from the time and three random 32-bit numbers
//   prepare(options, visit, kind, name, input, id, madeMs)
//                                [path, body, event for fbq if the server does not answer, denied]
//   confirmation(pixelId, name, id, outcome, atMs, confirmKey)
//                                the same, for the report of what the pixel did
//   answer(kind, status, message, details, bytes)
//                                [eventId, duplicate, pending, event for fbq]
//   pause(failures, dice)        milliseconds to wait after so many failures in a row
//   schedule(n)                  when a pending purchase is asked for the n-th time, or undefined
//
// An event for fbq is [method, name, parameters, id], and for a Purchase the key that confirms it. check, prepare and answer throw
// [code, message, [[field, description]]] for a mistake that the page can correct. Otherwise they throw a
// number: the milliseconds to wait before the next try.
//
// U+0000 to U+0004 are removed from texts. An amount that is not a plain decimal (digits, a point, digits)
// is null for fbq. Unknown keys of a page's argument are ignored.

import { TandemError } from "./errors.js";
import { start } from "./wasm.js";

/** The engine, ready to work. */
export const load = async () => {
  try {
    return await start();
  } catch (error) {
    // WebAssembly does not start if the page's policy forbids it, a proxy blocks the file, or the browser
    // does not know it. JavaScript does the same in more bytes.
    try { return await import("./plain.js"); } catch {
      throw new TandemError("FAILED_PRECONDITION", "WebAssembly did not start: " + error, []);
    }
  }
};
