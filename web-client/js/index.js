// Tandem's entry: the classes that a page sees. What is sent, what an answer means and when to try
// again is decided by the engine (engine.js); the files beside this one do the work that waits:
//
//   calls.js       a call on its way to the server and the pixel
//   purchases.js   purchases: told to the pixel once, on the server's word
//   unsent.js      calls that the server has not taken yet; shelf.js their storage
//   pixel.js       fbq            transport.js   fetch
//   identity.js    cookies        storage.js     orders remembered between pages

import { Calls } from "./calls.js";
import { load } from "./engine.js";
import { explained } from "./errors.js";
import { cookie, visit } from "./identity.js";
import { CUSTOM_EVENT, EVENT, FIRED, LEAD } from "./kinds.js";
import * as pixel from "./pixel.js";
import { Purchases } from "./purchases.js";
import { Unsent } from "./unsent.js";

export { TandemError } from "./errors.js";

// How long an event of a page's first moments waits for the pixel's cookies, so that the server's
// copy carries them too.
const COOKIES_MS = 800;
// How long an answer may take before its call is put where it survives the page.
const SLOW_MS = 1000;

export class Tandem {
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
    const calls = tandem.#calls = new Calls(engine, { ...options });
    tandem.#unsent = calls.unsent = new Unsent(calls);
    tandem.#purchases = new Purchases(calls);
    tandem.#unsent.mayStore = () => !isDenied;
    if (!isDenied) {
      pixel.start(calls.options);
      tandem.#purchases.resume();
      tandem.#unsent.resume();
    }
    addEventListener("pagehide", () => tandem.#leave());
    // On a phone this may be the last that a page hears.
    addEventListener("visibilitychange", () => { if (document.hidden) tandem.#unsent.leave(); });
    return tandem;
  }

  captureLead(lead) { return this.#event(LEAD, "Lead", lead); }
  track(name, event) { return this.#event(EVENT, name, event); }
  trackCustom(name, event) { return this.#event(CUSTOM_EVENT, name, event); }
  async recordPurchase(purchase) { return this.#purchases.record(purchase); }

  async #event(kind, name, input) {
    const call = this.#calls.make(kind, name, input);
    this.#inFlight.add(call);
    let result, event;
    try {
      if (!cookie("_fbp")) {
        await pixel.isReady(COOKIES_MS);
        call.visit = visit();
      }
      const guard = setTimeout(() => this.#unsent.guard(call), SLOW_MS);
      const [eventId, duplicate, , told] = await this.#calls.send(call, 0)
        .finally(() => clearTimeout(guard));
      this.#unsent.forget(call);
      result = { eventId, duplicate, queued: false };
      event = told;
    } catch (fault) {
      if (typeof fault != "number") {
        this.#unsent.forget(call);
        throw explained(fault);
      }
      this.#unsent.keep(call, fault);
      result = { eventId: call.id, duplicate: false, queued: true };
      event = call.own;
    } finally {
      this.#inFlight.delete(call);
    }
    return { ...result, pixel: event ? await this.#calls.tell(call, event) : "suppressed" };
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
