// Tandem's entry: the classes that a page uses. The engine (engine.js) makes and sends calls, reads answers and
// calls fbq. These files wait, store and listen:
//
//   calls.js       a call: sent to the server, reported by the pixel
//   purchases.js   purchases: the pixel fires once, when the server says that the order is paid
//   unsent.js      calls that the server has not accepted yet; stored_calls.js stores them
//   consent.js     the visitor's consent
//   pixel.js       Meta's library
//   transport.js   waiting for answers
//   identity.js    cookies
//   storage.js     orders remembered between pages
//   events.js      events on the document, the console

import { Calls } from "./calls.js";
import { Consent } from "./consent.js";
import { load } from "./engine.js";
import { toTandemError } from "./errors.js";
import * as identity from "./identity.js";
import { announce, say } from "./events.js";
import * as pixel from "./pixel.js";
import { Purchases } from "./purchases.js";
import { Unsent } from "./unsent.js";

export { TandemError } from "./errors.js";

// If an answer takes longer, its call is stored, so that it survives the page.
const SLOW_MS = 1000;

export class Tandem {
  /** What the visitor allows: `grant()`, `measureOnly()` and `deny()`. */
  consent;
  #calls;
  #unsent;
  #purchases;
  #inFlight = new Set();

  static async connect(options) {
    const engine = await load();
    // Browsers prerender pages that nobody may ever see.
    if (document.prerendering) {
      await new Promise((shown) => document.addEventListener("prerenderingchange", shown, { once: true }));
    }
    const tandem = new Tandem();
    let isDenied;
    try {
      isDenied = engine.check(options);
    } catch (error) {
      throw toTandemError(error);
    }
    tandem.#start(engine, { ...options }, isDenied);
    return tandem;
  }

  captureLead(lead) { return this.#event("lead", "Lead", lead); }
  track(name, event) { return this.#event("event", name, event); }
  trackCustom(name, event) { return this.#event("custom", name, event); }
  async recordPurchase(purchase) { return this.#purchases.record(purchase); }

  #start(engine, options, isDenied) {
    const consent = new Consent(options, isDenied);
    const calls = this.#calls = new Calls(engine, options, consent);
    this.#unsent = calls.unsent = new Unsent(calls);
    this.#unsent.mayStore = () => consent.isGiven;
    this.#purchases = new Purchases(calls);
    const word = (ads) => () => consent.decide(ads);
    this.consent = { grant: word("granted"), measureOnly: word("measure_only"), deny: word("denied") };
    consent.decided = () => this.#follow();
    say(options, "connected", consent.isOpen ? "awaited" : options.consent?.ads ?? "not asked for");
    say(options, "pixel", !!window.fbq);
    if (!consent.mayFire) pixel.consent("revoke");
    if (consent.isGiven) this.#open();
    addEventListener("pagehide", () => this.#leave());
    // On a phone, this may be the last event that a page gets.
    addEventListener("visibilitychange", () => { if (document.hidden) this.#unsent.leave(); });
  }

  // Starts everything that needs consent.
  #open() {
    if (this.#calls.options.cookies !== "server") identity.start(this.#calls.engine);
    if (this.#calls.consent.mayFire) pixel.start(this.#calls.options, this.#calls.engine);
    this.#purchases.resume();
    this.#unsent.resume();
  }

  // The visitor has decided.
  #follow() {
    const { consent, options } = this.#calls;
    say(options, "consent", options.consent.ads);
    pixel.consent(consent.mayFire ? "grant" : "revoke");
    if (consent.isGiven) this.#open();
    else {
      identity.clear();
      this.#purchases.clear();
      this.#unsent.clear();
    }
  }

  async #event(kind, name, input) {
    const call = this.#calls.make(kind, name, input);
    const { consent, options } = this.#calls;
    if (!consent.isOpen) return this.#deliver(call);
    say(options, "held", call.name, call.id);
    consent.hold(() => {
      // The call keeps the page on which it was made. The cookies exist only now.
      const { fbp, fbc } = identity.visit(this.#calls.engine);
      Object.assign(call.visit, { fbp, fbc });
      this.#deliver(call).catch((error) => say(options, "refused", call.name, call.id, error.code, ""));
    });
    return { eventId: call.id, pixel: "pending", duplicate: false, queued: true };
  }

  async #deliver(call) {
    const calls = this.#calls, { name, id } = call;
    this.#inFlight.add(call);
    let result, event, stored;
    try {
      say(calls.options, "sent", name, id);
      const guard = setTimeout(() => this.#unsent.guard(call), SLOW_MS);
      const { eventId, duplicate, event: told } = await calls.send(call, 0, true)
        .finally(() => clearTimeout(guard));
      this.#unsent.forget(call);
      say(calls.options, "answered", name, eventId, duplicate, !!told);
      result = { eventId, duplicate, queued: false };
      event = told;
    } catch (error) {
      if (typeof error != "number") {
        this.#unsent.forget(call);
        throw toTandemError(error);
      }
      stored = this.#unsent.keep(call, error);
      say(calls.options, "queued", name, id, error);
      announce("queued", name, id);
      result = { eventId: id, duplicate: false, queued: true };
      event = call.own;
    } finally {
      this.#inFlight.delete(call);
    }
    const told = event ? await calls.tell(call, event) : "suppressed";
    // The visitor may leave the page when the call has resolved.
    await stored;
    return { ...result, pixel: told };
  }

  // The visitor leaves the page. The pixel fires the calls that wait for an answer, under the client's own
  // IDs, and calls that were not sent yet are sent.
  #leave() {
    const calls = this.#calls;
    for (const call of this.#inFlight) {
      if (!call.isPosted) calls.launch(call);
      if (call.own && !call.isTold && calls.fire(call, call.own) && pixel.isLoaded()) {
        calls.launch(calls.report(call.own, "fired"));
      }
    }
    this.#unsent.leave();
  }
}
