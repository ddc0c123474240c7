// The engine: what is sent, what an answer means, when to try again. It decides and returns at
// once; it neither waits nor keeps anything. This file is the one place that knows that it is
// WebAssembly (src/, in Rust), or JavaScript where that does not start (plain.js). An engine has
// these functions:
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

import init, { answer, check, confirmation, newId, pause, prepare, schedule } from "./tandem_web.js";
import { TandemError } from "./errors.js";

export const [LEAD, EVENT, CUSTOM_EVENT, PURCHASE, CONFIRMATION] = [0, 1, 2, 3, 4];
export const [FIRED, BLOCKED, FAILED] = [1, 2, 3];

// Objects for WebAssembly: src/js.rs declares these.
const page = {
  text(of, key) {
    const value = key ? of?.[key] : of;
    if (value == null || value === "") return undefined;
    if (typeof value == "object" || typeof value == "function") throw key;
    return String(value);
  },
  get: (of, key) => of?.[key],
  list: (of, key) => [].concat(of?.[key] ?? []),
  pairs: (of, key) => Object.entries(of?.[key] ?? {}),
  time: (of, key) => (of?.[key] == null ? 0 : +new Date(of[key])),
  object: () => ({}),
  set(of, key, value) { of[key] = value; },
  setNumber(of, key, decimal) { of[key] = +decimal; },
  push(of, key, value) { (of[key] ??= []).push(value); },
};

// Forbidden by the page's policy, kept back on the way, or unknown to the browser: then WebAssembly
// does not start, and JavaScript does the same in more bytes.
const start = async () => {
  try {
    await init();
    return { answer, check, confirmation, newId, pause, prepare, schedule };
  } catch (fault) {
    try { return await import("./plain.js"); } catch {
      throw new TandemError("FAILED_PRECONDITION", "WebAssembly did not start: " + fault, []);
    }
  }
};

/** The engine, ready to work. */
export const load = async () => {
  const engine = await start();
  return {
    ...engine,
    check: (options) => engine.check(page, options),
    prepare: (...call) => engine.prepare(page, ...call),
    answer: (...response) => engine.answer(page, ...response),
  };
};
