// Calls that the server has not accepted yet. They survive reload and tab close, and are sent again under
// the same ID.
//
//   keep(call, waitMs)   keeps a failed call; waitMs is how long the server asks to wait. Resolves when the call is stored,
//                        or cannot be, within a second
//   guard(call)          stores a call whose answer is slow, in case the visitor leaves the page
//   forget(call)         removes a guarded call that got its answer
//   note(call)           records what the pixel did with a call (call.outcome)
//   resume()             sends the calls that earlier pages and other tabs have left
//   leave()              the visitor leaves the page: sends every call without waiting
//   clear()              consent was withdrawn: removes every call
//
// The call that the page made contains raw personal data and stays in memory. Its storable form is hashed
// (storable.js, loaded on demand). It goes to localStorage, one entry for each call, because localStorage
// writes at once. From then on every tab uses the stored form only. A tab locks an entry before it sends
// it (stored_calls.js), so that no two tabs send it at once. Nothing here throws. Without storage, calls
// wait in memory.

import { say } from "./events.js";
import * as storedCalls from "./stored_calls.js";
import { nap } from "./transport.js";

// Most calls in memory: those that are not stored yet, or cannot be stored.
const MEMORY_MAX = 50;
// How long a page waits for a call to be stored. Hashing loads a file first.
const STORE_MS = 1000;
// Pause before the next try while another tab is sending.
const BUSY_MS = 2000;
// Most calls that a page sends when the visitor leaves it. Browsers allow 64 KiB for that.
const LEAVE_MAX = 20;
// Meta merges the pixel's copy with the server's within 48 hours. For a call that waited longer than
// this, the pixel's report goes first, so that the server does not send a second copy.
const LATE_MS = 40 * 3600 * 1000;

const keyOf = ({ kind, id }) => (kind === "report" ? id + "!" : id);

export class Unsent {
  /** Set by the owner: whether anything may be stored now, by the visitor's consent. */
  mayStore = () => true;
  #calls;
  #kept = new Map();
  #isDraining = false;

  /** `calls` (calls.js) sends them. */
  constructor(calls) {
    this.#calls = calls;
  }

  keep(call, waitMs) {
    this.#kept.set(keyOf(call), call);
    if (this.#kept.size > MEMORY_MAX) this.#kept.delete(this.#kept.keys().next().value);
    const stored = this.#store(call);
    this.#start(1, waitMs);
    return Promise.race([stored, nap(STORE_MS)]);
  }

  guard(call) { this.#store(call); }

  forget(call) {
    call.isDone = true;
    if (call.isStored) storedCalls.remove(keyOf(call));
  }

  note(call) {
    if (!call.isStored) return;
    const key = keyOf(call), record = storedCalls.read(key);
    // A missing entry was sent from storage, by this tab or another.
    if (record) storedCalls.write(key, { ...record, outcome: reportOf(call) });
    else if (!call.isDone) this.#calls.confirm(...call.outcome);
  }

  resume() {
    if (this.mayStore() && storedCalls.keys(this.#pixelId).length) this.#start(0, 0);
  }

  leave() {
    for (const call of [...this.#kept.values()].slice(-LEAVE_MAX)) {
      if (!call.isFlying) this.#deliver(call).catch(() => {});
    }
    if (!this.mayStore()) return;
    for (const key of storedCalls.keys(this.#pixelId).slice(-LEAVE_MAX)) {
      const record = storedCalls.lock(key);
      if (record) this.#deliver(callOf(record)).catch(() => storedCalls.unlock(key));
    }
  }

  clear() {
    this.#kept.clear();
    storedCalls.clear();
  }

  get #pixelId() { return String(this.#calls.options.pixelId); }

  // Stores a call. Writes of one call run one after the other. The call stays in memory if it cannot be
  // stored: no consent, no storage, no room, nothing left to store, or storable.js did not load (offline).
  #store(call) {
    return call.storing = Promise.resolve(call.storing).then(async () => {
      const record = await this.#recordOf(call).catch(() => undefined);
      if (!record || call.isDone || !this.mayStore()) return;
      const key = keyOf(call);
      if (call.isStored) {
        const known = storedCalls.read(key);
        if (known) storedCalls.write(key, { ...known, until: 0 });
      } else {
        call.isStored = storedCalls.put(key, record, call.isFlying);
      }
      if (call.isStored) this.#kept.delete(key);
    });
  }

  async #recordOf(call) {
    const { kind, id, madeMs, input } = call;
    if (call.denied || !this.mayStore()) return undefined;
    if (kind === "report") return { kind, id, madeMs, input, pixelId: this.#pixelId };
    if (call.isStored) return {};
    const { storable } = await import("./storable.js");
    const record = await storable(call, this.#calls.options);
    return record && { ...record, outcome: reportOf(call) };
  }

  #start(failures, waitMs) {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#drain(failures, waitMs);
  }

  async #drain(failures, waitMs) {
    const { engine } = this.#calls;
    for (;;) {
      if (failures) await nap(Math.max(engine.pause(failures, Math.random()), waitMs));
      try {
        const busyMs = await this.#round();
        failures = 0;
        if (busyMs) await nap(busyMs);
        else if (!this.#kept.size && !(this.mayStore() && storedCalls.keys(this.#pixelId).length)) break;
      } catch (error) {
        failures++;
        waitMs = typeof error == "number" ? error : 0;
      }
    }
    this.#isDraining = false;
  }

  // Tries every call once. Throws a number at the first call that fails. Returns milliseconds to wait if
  // another tab is sending.
  async #round() {
    for (const [key, call] of [...this.#kept]) {
      await this.#store(call);
      if (this.#kept.has(key)) await this.#deliver(call);
    }
    if (!this.mayStore() || !storedCalls.keys(this.#pixelId).length) return 0;
    return storedCalls.alone(BUSY_MS, async () => {
      let busyMs = 0;
      for (const key of storedCalls.keys(this.#pixelId)) {
        const record = await storedCalls.lockSafely(key);
        if (!record) {
          busyMs = BUSY_MS;
          continue;
        }
        try {
          await this.#deliver(callOf(record));
        } catch (error) {
          storedCalls.unlock(key);
          throw error;
        }
      }
      return busyMs;
    });
  }

  // Tries one call. Throws a number if the server is unreachable. Otherwise the call is done.
  async #deliver(call) {
    const calls = this.#calls, key = keyOf(call);
    const isLate = call.outcome?.[1] === "fired" && Date.now() - call.madeMs > LATE_MS;
    let isTaken = false;
    try {
      if (isLate) await calls.send(calls.report(...call.outcome), 0);
      await this.#send(call);
      isTaken = true;
    } catch (error) {
      if (typeof error == "number") throw error;
      // The refusal is final. The pixel has sent its copy already.
      say(calls.options, "refused", call.name, call.id, error.code, error.fields?.map(({ field }) => field));
    }
    // The pixel may have reported meanwhile.
    const report = storedCalls.read(key)?.outcome;
    const outcome = report ? outcomeOf(report) : call.outcome;
    call.isDone = true;
    this.#kept.delete(key);
    storedCalls.remove(key);
    if (isTaken && outcome && !isLate) calls.confirm(...outcome);
  }

  async #send(call) {
    const calls = this.#calls;
    try {
      return await calls.send(call, call.madeMs);
    } catch (error) {
      // The visitor's clock is days off. The server uses the time of receipt instead.
      if (!error?.isTime) throw error;
      return calls.send(call, 0);
    }
  }
}

// The stored form of the pixel's outcome: [name, id, outcome, atMs]. outcomeOf turns it back.
const reportOf = ({ outcome }) => outcome && [outcome[0].name, outcome[0].id, outcome[1], outcome[2]];
const outcomeOf = ([name, id, outcome, atMs]) => [{ name, id }, outcome, atMs];

// A stored call, ready to be sent.
const callOf = (record) => ({
  ...record,
  outcome: record.outcome && outcomeOf(record.outcome),
  timeoutMs: storedCalls.TIMEOUT_MS,
  isStored: true,
});
