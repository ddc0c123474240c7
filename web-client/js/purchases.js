// Purchases. The pixel fires only when the server says that the order is paid, and once for each order and
// browser.

import { ended } from "./calls.js";
import { toTandemError } from "./errors.js";
import { announce, say } from "./events.js";
import { FIRED_KEY, PENDING_KEY, clear, load, outcomeOf, store } from "./storage.js";
import { nap } from "./transport.js";

const PENDING_AGE_MS = 48 * 3600 * 1000;

// How long to wait for another tab that fires the pixel. It needs three seconds, or more if the browser slows it down.
const LOCK_MS = 5000;

const isOpen = ({ pending, event }) => pending && !event;

export class Purchases {
  #calls;
  #asked = new Set();
  #told = new Set();

  constructor(calls) {
    this.#calls = calls;
    // Offline, the library does not send the event later. Then the next page may fire it again.
    calls.wasTaken = ({ orderId }, outcome) => {
      if (orderId) store(FIRED_KEY, orderId, outcome !== "failed" && [orderId, outcome]);
    };
  }

  async record(purchase) {
    const call = this.#calls.make("purchase", "", purchase);
    const orderId = call.orderId = String(purchase.orderId);
    this.#asked.add(orderId);
    const { consent, options } = this.#calls;
    if (!consent.isOpen) return this.#ask(call);
    say(options, "held", "Purchase", orderId);
    consent.hold(() => this.#ask(call).catch((error) => say(options, "refused", "Purchase", orderId, error.code, "")));
    return { ...this.#pending(call), queued: true };
  }

  /** Forgets every order, because consent was withdrawn. */
  clear() {
    for (const key of [PENDING_KEY, FIRED_KEY]) clear(key);
  }

  #pending({ orderId }) {
    return { eventId: "purchase_" + orderId, ...ended("pending"), duplicate: false, queued: false };
  }

  async #ask(call) {
    const { orderId } = call;
    let queued = false;
    try {
      const answer = await this.#calls.send(call, 0);
      if (!isOpen(answer)) return this.#settle(call, answer);
    } catch (error) {
      if (typeof error != "number") throw toTandemError(error);
      queued = true;
      say(this.#calls.options, "queued", "Purchase", orderId, error);
      announce("queued", "Purchase", "purchase_" + orderId);
    }
    if (!call.denied) {
      say(this.#calls.options, "pending", orderId);
      store(PENDING_KEY, orderId, [orderId, call.input.claimKey, Date.now()]);
      this.#watch(call, queued);
    }
    return { ...this.#pending(call), queued };
  }

  /** Asks again for the purchases that were pending when the visitor left the last page. */
  async resume() {
    const open = load(PENDING_KEY).filter(([, , sinceMs]) => sinceMs > Date.now() - PENDING_AGE_MS);
    if (!open.length) return;
    // Waits first, because the page may record the purchase itself, with more data.
    await nap(this.#calls.engine.schedule(0));
    for (const [orderId, claimKey] of open) {
      if (this.#asked.has(orderId)) continue;
      this.#asked.add(orderId);
      const call = this.#calls.make("purchase", "", { orderId, claimKey });
      call.orderId = orderId;
      this.#watch(call, true);
    }
  }

  // Only one tab of a browser settles an order at a time, so that the pixel fires once.
  async #settle(call, answer) {
    let settled;
    const work = () => settled ??= this.#settleAlone(call, answer);
    try {
      const signal = AbortSignal.timeout(LOCK_MS);
      return await navigator.locks.request("tandem.order." + call.orderId, { signal }, work);
    } catch { return work(); }
  }

  async #settleAlone(call, { eventId, duplicate, event }) {
    const { orderId } = call;
    let pixel = "suppressed";
    const known = outcomeOf(orderId);
    if (known) {
      pixel = known;
      say(this.#calls.options, "known", orderId);
      if (event) this.#calls.confirm(event, known); // the first report was lost
    } else if (event) {
      call.isTold = this.#told.has(orderId);
      this.#told.add(orderId);
      // Other tabs wait too: they may fire what did not leave.
      pixel = await (await this.#calls.tell(call, event)).sent;
    }
    store(PENDING_KEY, orderId);
    return { eventId, ...ended(pixel), duplicate, queued: false };
  }

  // Asks for a pending purchase again, with growing pauses.
  async #watch(call, wasAway) {
    const { engine } = this.#calls;
    let asked = 0, failures = wasAway ? 1 : 0, waitMs = 0, sinceMs = Date.now();
    for (let atMs; (atMs = engine.schedule(asked));) {
      await nap(failures ? Math.max(engine.pause(failures, Math.random()), waitMs) : sinceMs + atMs - Date.now());
      // Stops if another tab has fired the pixel, or the visitor has withdrawn consent.
      if (outcomeOf(call.orderId) || !this.#calls.consent.isGiven) return store(PENDING_KEY, call.orderId);
      try {
        const answer = await this.#calls.send(call, 0);
        if (!isOpen(answer)) return void await this.#settle(call, answer);
        if (!failures) asked++;
        else if (!asked) sinceMs = Date.now();
        failures = 0;
      } catch (error) {
        if (typeof error != "number") return store(PENDING_KEY, call.orderId);
        failures++;
        waitMs = error;
      }
    }
  }
}
