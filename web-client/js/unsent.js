// Calls that the server has not taken yet: kept, and sent again under the same ID.
//
//   keep(call, waitMs)   takes a call; waitMs is how long the server wants to be left alone
//   leave()              the page is being left: sends what is there, waits for nothing

import { nap } from "./transport.js";

// In memory alone, because calls hold raw personal data.
const UNSENT_MAX = 50;

export class Unsent {
  #calls;
  #kept = [];
  #isDraining = false;

  /** `calls` (calls.js) sends them. */
  constructor(calls) {
    this.#calls = calls;
  }

  keep(call, waitMs) {
    this.#kept.push(call);
    this.#kept.splice(0, this.#kept.length - UNSENT_MAX);
    if (!this.#isDraining) {
      this.#isDraining = true;
      this.#drain(waitMs).finally(() => { this.#isDraining = false; });
    }
  }

  leave() {
    this.#kept.forEach((call) => this.#calls.launch(call));
  }

  async #drain(waitMs) {
    const { engine, options } = this.#calls;
    for (let failures = 1; this.#kept.length;) {
      const call = this.#kept[0];
      if (failures) await nap(Math.max(engine.pause(failures, Math.random()), waitMs));
      try {
        await this.#send(call);
        if (call.outcome) this.#calls.confirm(...call.outcome);
      } catch (fault) {
        if (typeof fault == "number") {
          failures++;
          waitMs = fault;
          continue;
        }
        // Refused for good. The pixel's copy has gone out already.
        if (options.debug) console.debug("tandem: refused", call.id, fault);
      }
      failures = 0;
      this.#kept = this.#kept.filter((other) => other !== call);
    }
  }

  async #send(call) {
    try {
      return await this.#calls.send(call, call.madeMs);
    } catch (fault) {
      // A clock that is days off: the receipt will do.
      const isTime = Array.isArray(fault) && fault[2].some(([field]) => field === "occurred_at");
      if (!isTime) throw fault;
      return this.#calls.send(call, 0);
    }
  }
}
