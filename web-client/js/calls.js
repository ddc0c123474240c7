// A call of the page on its way: made, sent to the server, told to the pixel, and the pixel's
// outcome reported to the server.
//
// A call is an object: kind, name, input (what the page gave), id (the client's own event ID),
// madeMs, visit, timeoutMs, of a stored one the options of its page; from `prepare`: path, body, own
// (the event for fbq without the server's word), denied; and what became of it: isPosted, isFlying,
// isTaken (the server has it), isTold (the pixel has it), outcome ([event, FIRED | BLOCKED | FAILED,
// when]).

import { BLOCKED, CONFIRMATION, FAILED, FIRED, PURCHASE } from "./kinds.js";
import { explained } from "./errors.js";
import { visit } from "./identity.js";
import { announce, say } from "./news.js";
import * as pixel from "./pixel.js";
import { post } from "./transport.js";

// How long the server may take; a purchase's answer may wait 5 s for the payment.
const TIMEOUT_MS = 5000;
const PURCHASE_TIMEOUT_MS = 12000;
// How long Meta's library may take to answer before the pixel counts as blocked; and how long it
// is still watched then, because a slow network is no ad blocker.
const PIXEL_MS = 3000;
const LATE_MS = 60000;

export class Calls {
  /** Set by the owner: takes calls that the server could not take (unsent.js). */
  unsent;
  /** Set by the owner: told that the pixel has fired a call's event. */
  hasFired = () => {};

  /** `consent` (consent.js) is asked before anything is told to the pixel. */
  constructor(engine, options, consent) {
    this.engine = engine;
    this.options = options;
    this.consent = consent;
  }

  /** A call of the page, checked: what is wrong with it is thrown before anything happens. */
  make(kind, name, input) {
    const id = this.engine.newId(Date.now(), ...crypto.getRandomValues(new Uint32Array(3)));
    const timeoutMs = kind === PURCHASE ? PURCHASE_TIMEOUT_MS : TIMEOUT_MS;
    const call = { kind, name: String(name), input, id, madeMs: Date.now(), timeoutMs, visit: visit() };
    try {
      this.prepare(call, 0);
    } catch (fault) {
      throw explained(fault);
    }
    return call;
  }

  /** Writes the call's message. `madeMs` is 0 unless the call was delayed. */
  prepare(call, madeMs) {
    const { kind, name, id } = call;
    const input = this.consent.applied(call.input);
    [call.path, call.body, call.own, call.denied] =
      this.engine.prepare(call.options ?? this.options, call.visit, kind, name, input, id, madeMs);
  }

  /** One try. Throws a number (milliseconds to wait) when the server is away. */
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

  /** Sends a call whose answer nobody waits for: the page is being left. */
  launch({ path, body, timeoutMs }) {
    post(this.options, path, body, timeoutMs).catch(() => {});
  }

  /** Tells the pixel at once, if it may be told; false if fbq threw. */
  fire(call, event) {
    if (!this.consent.isGiven) return false;
    call.isTold = true;
    pixel.start(this.options);
    return pixel.fire(event);
  }

  /** Tells the pixel, once, and lets the server know what became of that. */
  async tell(call, event) {
    if (!this.consent.isGiven) return "suppressed";
    const threw = !call.isTold && !this.fire(call, event);
    const outcome = threw ? FAILED : await pixel.isReady(PIXEL_MS) ? FIRED : BLOCKED;
    this.#note(call, event, outcome);
    if (outcome === BLOCKED && !pixel.isRefused()) {
      // The call waits in the stub: a library that comes late still sends it.
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

  /** The report of what the pixel did, as a call. */
  confirmation([, name, , id], outcome, atMs = Date.now()) {
    const report = [name, id, outcome, atMs];
    const [path, body] = this.engine.confirmation(String(this.options.pixelId), ...report);
    return { kind: CONFIRMATION, id, report, path, body, madeMs: atMs, timeoutMs: TIMEOUT_MS };
  }

  async confirm(event, outcome, atMs) {
    const call = this.confirmation(event, outcome, atMs);
    try {
      await this.send(call, 0);
    } catch (fault) {
      if (typeof fault == "number") this.unsent.keep(call, fault);
    }
  }
}
