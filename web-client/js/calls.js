// The life of a call: make it, send it to the server, fire the pixel, report the pixel's outcome to the
// server.
//
// A call is an object. It has what engine.js describes, and timeoutMs. A stored call has the options of its
// page; others have none. `prepare` adds: message (the call as the engine takes it), own (the event for fbq if
// the server does not answer), denied. Its progress: isPosted, isFlying, isTaken (the server has it), isTold
// (the pixel has it), hasThrown (fbq threw), outcome ([event, "fired" | "blocked" | "failed", when]).

import { toTandemError } from "./errors.js";
import { visit } from "./identity.js";
import { announce, say } from "./events.js";
import * as pixel from "./pixel.js";
import * as sent from "./sent.js";
import { post } from "./transport.js";

// Time limits of requests. The server may wait 5 s for the payment before it answers a purchase.
const TIMEOUT_MS = 5000;
const PURCHASE_TIMEOUT_MS = 12000;
// The pixel counts as blocked if Meta's library has not loaded within PIXEL_MS. The page watches it until
// LATE_MS, because the network may be slow.
const PIXEL_MS = 3000;
const LATE_MS = 60000;

/** The end of a result whose pixel needs no more waiting. */
export const ended = (pixel) => ({ pixel, sent: Promise.resolve(pixel) });

export class Calls {
  /** Set by the owner: keeps calls that could not be sent (unsent.js). */
  unsent;
  /** Set by the owner: called with a call and its outcome when Meta's library has the call's event. */
  wasTaken = () => {};
  // Calls whose event the library has, until its request has ended.
  #judged = new Map();

  /** `consent` (consent.js) decides whether the pixel may fire. */
  constructor(engine, options, consent) {
    this.engine = engine;
    this.options = options;
    this.consent = consent;
  }

  /** Makes a call and checks it. Throws a TandemError before anything happens. */
  make(kind, name, input) {
    const timeoutMs = kind === "purchase" ? PURCHASE_TIMEOUT_MS : TIMEOUT_MS;
    const call = {
      kind, name: String(name), input, id: this.engine.newId(), madeMs: Date.now(), timeoutMs, visit: visit(this.engine),
    };
    try {
      const unknown = this.prepare(call, 0);
      if (unknown.length) console.warn("tandem:", call.name, "has no", unknown.join(", "));
    } catch (error) {
      throw toTandemError(error);
    }
    return call;
  }

  /** Checks the call, and makes what the engine sends. `madeMs` is 0 unless the call was delayed. Returns unknown keys. */
  prepare(call, madeMs) {
    const { endpoint, cookies } = this.options;
    call.message = {
      ...call,
      madeMs,
      input: this.consent.applied(call.input, call.options),
      // The server's address is this page's, also for a call of an earlier page.
      options: { ...call.options ?? this.options, endpoint, cookies },
    };
    const { name, event, denied, unknown } = this.engine.prepare(call.message);
    Object.assign(call, { name, own: event, denied });
    return unknown;
  }

  /**
   * Sends the call once. With `mayFire`, the pixel fires as soon as the server answers. Throws a number
   * (milliseconds to wait) if the server is unreachable.
   */
  async send(call, madeMs, mayFire) {
    this.prepare(call, madeMs);
    call.isPosted = call.isFlying = true;
    const { message, timeoutMs } = call;
    const response = await post(this.engine, message, timeoutMs)
      .catch(() => { throw 0; })
      .finally(() => { call.isFlying = false; });
    const mayFireNow = mayFire && !call.isTold && this.consent.mayFire;
    if (mayFireNow) pixel.start(this.options, this.engine);
    const answer = this.engine.finish(message, ...response, !!mayFireNow);
    call.isTaken = true;
    if (answer.fired !== undefined) {
      call.isTold = true;
      call.hasThrown = !answer.fired;
    }
    return answer;
  }

  /** Sends a call without waiting for the answer, because the visitor leaves the page. */
  launch({ message, timeoutMs }) {
    post(this.engine, message, timeoutMs).catch(() => {});
  }

  /** Fires the pixel at once, with consent. Returns false if there is none or fbq threw. */
  fire(call, event) {
    if (!this.consent.mayFire) return false;
    call.isTold = true;
    pixel.start(this.options, this.engine);
    call.hasThrown = !this.engine.fire(event);
    return !call.hasThrown;
  }

  /**
   * Fires the pixel, unless it has the event, and reports the outcome to the server. Resolves when Meta's library
   * has the event. Only a page that the visitor leaves needs to wait for the library's request, so it has a promise of its own.
   */
  async tell(call, event) {
    if (!this.consent.mayFire) return ended("suppressed");
    if (!call.isTold) this.fire(call, event);
    if (call.hasThrown) this.#note(call, event, "failed");
    else if (await pixel.isReady(PIXEL_MS)) return { pixel: sent.expected(), sent: this.#judge(call, event) };
    else {
      this.#note(call, event, "blocked");
      // The event waits in fbq's queue. If the library loads late, it still sends the event.
      if (!pixel.isRefused()) pixel.isReady(LATE_MS).then((isLate) => { if (isLate) this.#judge(call, event); });
    }
    return ended("blocked");
  }

  // The library has the event. Waits for its request.
  async #judge(call, event) {
    this.#judged.set(call, event);
    this.wasTaken(call, sent.verdict(event.id));
    const outcome = await sent.outcome(event.id);
    this.#end(call, outcome);
    if (outcome === "fired") return outcome;
    if (!sent.hasEnded(event.id)) {
      // The network may be slow. Then the request ends later.
      sent.outcome(event.id, LATE_MS).then((late) => {
        if (late !== "fired") return;
        this.wasTaken(call, late);
        this.#note(call, event, late);
      });
    }
    return "blocked";
  }

  #end(call, outcome) {
    const event = this.#judged.get(call);
    if (!event) return; // the visitor has left the page meanwhile
    this.#judged.delete(call);
    this.wasTaken(call, outcome);
    this.#note(call, event, outcome);
  }

  /** Reports the events whose requests have not ended, because the visitor leaves the page. */
  leave() {
    for (const [call, { id }] of this.#judged) this.#end(call, sent.verdict(id));
  }

  #note(call, event, outcome) {
    say(this.options, "told", event.name, event.id, outcome);
    call.outcome = [event, outcome, Date.now()];
    if (outcome === "fired") announce("fired", event.name, event.id);
    if (call.isTaken) this.confirm(...call.outcome);
    else this.unsent.note(call);
  }

  /** The call that reports what the pixel did. */
  report({ name, id, key }, outcome, atMs = Date.now()) {
    const call = { kind: "report", id, input: { name, id, outcome, atMs, key }, madeMs: atMs, timeoutMs: TIMEOUT_MS };
    this.prepare(call, 0);
    return call;
  }

  async confirm(event, outcome, atMs) {
    const call = this.report(event, outcome, atMs);
    try {
      await this.send(call, 0);
    } catch (error) {
      if (typeof error == "number") this.unsent.keep(call, error);
    }
  }
}
