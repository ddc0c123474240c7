// The life of a call: make it, send it to the server, fire the pixel, report the pixel's outcome to the
// server.
//
// A call is an object. The page gives: kind, name, input (its argument), id (the client's own event ID),
// madeMs, visit, timeoutMs, and for a stored call the options of its page. `prepare` adds: path, body, own
// (the event for fbq if the server does not answer), denied. Its progress: isPosted, isFlying, isTaken
// (the server has it), isTold (the pixel has it), outcome ([event, FIRED | BLOCKED | FAILED, when]).

import { BLOCKED, CONFIRMATION, FAILED, FIRED, PURCHASE } from "./kinds.js";
import { toTandemError } from "./errors.js";
import { visit } from "./identity.js";
import { announce, say } from "./events.js";
import * as pixel from "./pixel.js";
import { post } from "./transport.js";

// Time limits of requests. The server may wait 5 s for the payment before it answers a purchase.
const TIMEOUT_MS = 5000;
const PURCHASE_TIMEOUT_MS = 12000;
// The pixel counts as blocked if Meta's library has not loaded within PIXEL_MS. The page watches it until
// LATE_MS, because the network may be slow.
const PIXEL_MS = 3000;
const LATE_MS = 60000;

export class Calls {
  /** Set by the owner: keeps calls that could not be sent (unsent.js). */
  unsent;
  /** Set by the owner: called when the pixel has fired a call's event. */
  hasFired = () => {};

  /** `consent` (consent.js) decides whether the pixel may fire. */
  constructor(engine, options, consent) {
    this.engine = engine;
    this.options = options;
    this.consent = consent;
  }

  /** Makes a call and checks it. Throws a TandemError before anything happens. */
  make(kind, name, input) {
    const id = this.engine.newId(Date.now(), ...crypto.getRandomValues(new Uint32Array(3)));
    const timeoutMs = kind === PURCHASE ? PURCHASE_TIMEOUT_MS : TIMEOUT_MS;
    const call = { kind, name: String(name), input, id, madeMs: Date.now(), timeoutMs, visit: visit() };
    try {
      this.prepare(call, 0);
    } catch (error) {
      throw toTandemError(error);
    }
    return call;
  }

  /** Encodes the call's message. `madeMs` is 0 unless the call was delayed. */
  prepare(call, madeMs) {
    const { kind, name, id } = call;
    const input = this.consent.applied(call.input, call.options);
    [call.path, call.body, call.own, call.denied] =
      this.engine.prepare(call.options ?? this.options, call.visit, kind, name, input, id, madeMs);
  }

  /** Sends the call once. Throws a number (milliseconds to wait) if the server is unreachable. */
  async send(call, madeMs) {
    if (call.kind !== CONFIRMATION) this.prepare(call, madeMs);
    call.isPosted = call.isFlying = true;
    const { path, body, timeoutMs } = call;
    const response = await post(this.options, path, body, timeoutMs)
      .catch(() => { throw 0; })
      .finally(() => { call.isFlying = false; });
    const result = this.engine.answer(call.kind, ...response);
    call.isTaken = true;
    return result;
  }

  /** Sends a call without waiting for the answer, because the visitor leaves the page. */
  launch({ path, body, timeoutMs }) {
    post(this.options, path, body, timeoutMs).catch(() => {});
  }

  /** Fires the pixel at once, with consent. Returns false if there is none or fbq threw. */
  fire(call, event) {
    if (!this.consent.mayFire) return false;
    call.isTold = true;
    pixel.start(this.options);
    return pixel.fire(event);
  }

  /** Fires the pixel once, and reports the outcome to the server. */
  async tell(call, event) {
    if (!this.consent.mayFire) return "suppressed";
    const threw = !call.isTold && !this.fire(call, event);
    const outcome = threw ? FAILED : await pixel.isReady(PIXEL_MS) ? FIRED : BLOCKED;
    this.#note(call, event, outcome);
    if (outcome === BLOCKED && !pixel.isRefused()) {
      // The event waits in fbq's queue. If the library loads late, it still sends the event.
      pixel.isReady(LATE_MS).then((isLate) => { if (isLate) this.#note(call, event, FIRED); });
    }
    if (outcome !== FIRED) return "blocked";
    await pixel.isSent(event[3]).catch(() => {});
    return "fired";
  }

  #note(call, event, outcome) {
    say(this.options, "told", event[1], event[3], outcome);
    call.outcome = [event, outcome, Date.now()];
    if (outcome === FIRED) {
      this.hasFired(call, event);
      announce("fired", event[1], event[3]);
    }
    if (call.isTaken) this.confirm(...call.outcome);
    else this.unsent.note(call);
  }

  /** The call that reports what the pixel did. */
  confirmation([, name, , id, confirmKey], outcome, atMs = Date.now()) {
    const report = [name, id, outcome, atMs, confirmKey];
    const [path, body] = this.engine.confirmation(String(this.options.pixelId), ...report);
    return { kind: CONFIRMATION, id, report, path, body, madeMs: atMs, timeoutMs: TIMEOUT_MS };
  }

  async confirm(event, outcome, atMs) {
    const call = this.confirmation(event, outcome, atMs);
    try {
      await this.send(call, 0);
    } catch (error) {
      if (typeof error == "number") this.unsent.keep(call, error);
    }
  }
}
