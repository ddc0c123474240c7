// Tandem's entry: the classes that a page sees. What is sent, what an answer means and when to try
// again is decided by the engine (engine.js); the files beside this one do the work that waits:
//
//   calls.js       a call on its way to the server and the pixel
//   purchases.js   purchases: told to the pixel once, on the server's word
//   unsent.js      calls that the server has not taken yet; shelf.js their storage
//   consent.js     the visitor's permission
//   pixel.js       fbq            transport.js   fetch
//   identity.js    cookies        storage.js     orders remembered between pages
//   news.js        events on the document, the console

import { Calls } from "./calls.js";
import { Consent } from "./consent.js";
import { load } from "./engine.js";
import { explained } from "./errors.js";
import * as identity from "./identity.js";
import { CUSTOM_EVENT, EVENT, FIRED, LEAD } from "./kinds.js";
import { announce, say } from "./news.js";
import * as pixel from "./pixel.js";
import { Purchases } from "./purchases.js";
import { Unsent } from "./unsent.js";

export { TandemError } from "./errors.js";

// How long an answer may take before its call is put where it survives the page.
const SLOW_MS = 1000;

export class Tandem {
  /** What the visitor allows: `grant()` and `deny()`. */
  consent;
  #calls;
  #unsent;
  #purchases;
  #inFlight = new Set();

  static async connect(options) {
    const engine = await load();
    const tandem = new Tandem();
    let isDenied;
    try {
      isDenied = engine.check(options);
    } catch (fault) {
      throw explained(fault);
    }
    tandem.#start(engine, { ...options }, isDenied);
    return tandem;
  }

  captureLead(lead) { return this.#event(LEAD, "Lead", lead); }
  track(name, event) { return this.#event(EVENT, name, event); }
  trackCustom(name, event) { return this.#event(CUSTOM_EVENT, name, event); }
  async recordPurchase(purchase) { return this.#purchases.record(purchase); }

  #start(engine, options, isDenied) {
    const consent = new Consent(options, isDenied);
    const calls = this.#calls = new Calls(engine, options, consent);
    this.#unsent = calls.unsent = new Unsent(calls);
    this.#unsent.mayStore = () => consent.isGiven;
    this.#purchases = new Purchases(calls);
    this.consent = { grant: () => consent.decide("granted"), deny: () => consent.decide("denied") };
    consent.decided = () => this.#follow();
    say(options, "connected", consent.isOpen ? "awaited" : options.consent?.ads ?? "not asked for");
    say(options, "pixel", !!window.fbq);
    if (consent.isGiven) this.#open();
    else pixel.consent("revoke");
    addEventListener("pagehide", () => this.#leave());
    // On a phone this may be the last that a page hears.
    addEventListener("visibilitychange", () => { if (document.hidden) this.#unsent.leave(); });
  }

  // The visitor allows what needs permission.
  #open() {
    if (this.#calls.options.cookies !== "server") identity.start();
    pixel.start(this.#calls.options);
    this.#purchases.resume();
    this.#unsent.resume();
  }

  // The visitor has decided.
  #follow() {
    const { consent, options } = this.#calls;
    say(options, "consent", options.consent.ads);
    if (consent.isGiven) {
      pixel.consent("grant");
      this.#open();
    } else {
      pixel.consent("revoke");
      identity.clear();
      this.#purchases.clear();
      this.#unsent.clear();
    }
  }

  async #event(kind, name, input) {
    const call = this.#calls.make(kind, name, input);
    const { consent, options } = this.#calls;
    if (!consent.isOpen) return this.#deliver(call);
    say(options, "held", name, call.id);
    consent.hold(() => {
      // Its page is the one on which it was made; the cookies are there only now.
      const { fbp, fbc } = identity.visit();
      Object.assign(call.visit, { fbp, fbc });
      this.#deliver(call).catch((error) => say(options, "refused", name, call.id, error.code, ""));
    });
    return { eventId: call.id, pixel: "pending", duplicate: false, queued: true };
  }

  async #deliver(call) {
    const calls = this.#calls, { name, id } = call;
    this.#inFlight.add(call);
    let result, event;
    try {
      say(calls.options, "sent", name, id);
      const guard = setTimeout(() => this.#unsent.guard(call), SLOW_MS);
      const [eventId, duplicate, , told] = await calls.send(call, 0)
        .finally(() => clearTimeout(guard));
      this.#unsent.forget(call);
      say(calls.options, "answered", name, eventId, duplicate, !!told);
      result = { eventId, duplicate, queued: false };
      event = told;
    } catch (fault) {
      if (typeof fault != "number") {
        this.#unsent.forget(call);
        throw explained(fault);
      }
      this.#unsent.keep(call, fault);
      say(calls.options, "queued", name, id, fault);
      announce("queued", name, id);
      result = { eventId: id, duplicate: false, queued: true };
      event = call.own;
    } finally {
      this.#inFlight.delete(call);
    }
    return { ...result, pixel: event ? await calls.tell(call, event) : "suppressed" };
  }

  // The page is being left: what waits for an answer goes to the pixel under the client's own ID,
  // and what was not sent yet is sent.
  #leave() {
    const calls = this.#calls;
    for (const call of this.#inFlight) {
      if (!call.isPosted) calls.launch(call);
      if (call.own && !call.isTold && calls.fire(call, call.own) && pixel.isLoaded()) {
        calls.launch(calls.confirmation(call.own, FIRED));
      }
    }
    this.#unsent.leave();
  }
}
