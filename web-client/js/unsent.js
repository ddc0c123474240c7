// Calls that the server has not taken yet: kept over reload and tab close, and sent again under the
// same ID.
//
//   keep(call, waitMs)   takes a call that failed; waitMs is how long the server wants to be left alone
//   guard(call)          keeps a call that is under way for long, in case the page is left meanwhile
//   forget(call)         the guarded call has its answer
//   note(call)           the pixel's outcome of a call is known (call.outcome)
//   resume()             takes up what earlier pages and other tabs have left
//   leave()              the page is being left: sends what is there, waits for nothing
//   clear()              consent was withdrawn: nothing is kept any longer
//
// A call as the page made it holds raw personal data and stays in memory. Once it is in its storable
// form (storable.js: hashed, loaded when it is needed) it goes to localStorage, one entry for each
// call, because that writes at once; from then on only the stored form counts, for every tab alike.
// A tab claims an entry before it sends it (shelf.js), so that no two send it at once. Nothing here
// throws: without storage, calls wait in memory.

import { CONFIRMATION, FIRED } from "./kinds.js";
import { say } from "./news.js";
import * as shelf from "./shelf.js";
import { nap } from "./transport.js";

// Calls in memory: those that are not stored yet, or cannot be.
const MEMORY_MAX = 50;
// How soon another look is worth it while another tab is sending.
const BUSY_MS = 2000;
// Calls that a page sends when it is left; browsers take 64 KiB of that.
const LEAVE_MAX = 20;
// Meta merges the pixel's copy with the server's within 48 hours. A call that waited longer than
// this is announced by the pixel's report: then the server knows not to send a second copy.
const LATE_MS = 40 * 3600 * 1000;

const keyOf = ({ kind, id }) => (kind === CONFIRMATION ? id + "!" : id);

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
    this.#store(call);
    this.#start(1, waitMs);
  }

  guard(call) { this.#store(call); }

  forget(call) {
    call.isDone = true;
    if (call.isStored) shelf.remove(keyOf(call));
  }

  note(call) {
    if (!call.isStored) return;
    const key = keyOf(call), record = shelf.read(key);
    // Gone: it was sent from storage, by this tab or another.
    if (record) shelf.write(key, { ...record, outcome: reportOf(call) });
    else if (!call.isDone) this.#calls.confirm(...call.outcome);
  }

  resume() {
    if (this.mayStore() && shelf.keys(this.#pixelId).length) this.#start(0, 0);
  }

  leave() {
    for (const call of [...this.#kept.values()].slice(-LEAVE_MAX)) {
      if (!call.isFlying) this.#deliver(call).catch(() => {});
    }
    if (!this.mayStore()) return;
    for (const key of shelf.keys(this.#pixelId).slice(-LEAVE_MAX)) {
      const record = shelf.claim(key);
      if (record) this.#deliver(callOf(record)).catch(() => shelf.release(key));
    }
  }

  clear() {
    this.#kept.clear();
    shelf.clear();
  }

  get #pixelId() { return String(this.#calls.options.pixelId); }

  // Puts a call into storage, one writing after the other. It stays in memory if it cannot be stored:
  // no consent, no storage, no room, nothing left to store, or storable.js did not come (offline).
  #store(call) {
    return call.storing = Promise.resolve(call.storing).then(async () => {
      const record = await this.#recordOf(call).catch(() => undefined);
      if (!record || call.isDone || !this.mayStore()) return;
      const key = keyOf(call);
      if (call.isStored) {
        const known = shelf.read(key);
        if (known) shelf.write(key, { ...known, until: 0 });
      } else {
        call.isStored = shelf.put(key, record, call.isFlying);
      }
      if (call.isStored) this.#kept.delete(key);
    });
  }

  async #recordOf(call) {
    const { kind, id, madeMs, report } = call;
    if (call.denied || !this.mayStore()) return undefined;
    if (kind === CONFIRMATION) return { kind, id, madeMs, report, pixelId: this.#pixelId };
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
        else if (!this.#kept.size && !(this.mayStore() && shelf.keys(this.#pixelId).length)) break;
      } catch (fault) {
        failures++;
        waitMs = typeof fault == "number" ? fault : 0;
      }
    }
    this.#isDraining = false;
  }

  // Sends everything once. Throws a number at the first call that fails; returns milliseconds to wait
  // if another tab is at work.
  async #round() {
    for (const [key, call] of [...this.#kept]) {
      await this.#store(call);
      if (this.#kept.has(key)) await this.#deliver(call);
    }
    if (!this.mayStore() || !shelf.keys(this.#pixelId).length) return 0;
    return shelf.alone(BUSY_MS, async () => {
      let busyMs = 0;
      for (const key of shelf.keys(this.#pixelId)) {
        const record = await shelf.claimSafely(key);
        if (!record) {
          busyMs = BUSY_MS;
          continue;
        }
        try {
          await this.#deliver(callOf(record));
        } catch (fault) {
          shelf.release(key);
          throw fault;
        }
      }
      return busyMs;
    });
  }

  // One try of one call. Throws a number when the server is away; otherwise it is done with.
  async #deliver(call) {
    const calls = this.#calls, key = keyOf(call);
    const isLate = call.outcome?.[1] === FIRED && Date.now() - call.madeMs > LATE_MS;
    let isTaken = false;
    try {
      if (isLate) await calls.send(calls.confirmation(...call.outcome), 0);
      await this.#send(call);
      isTaken = true;
    } catch (fault) {
      if (typeof fault == "number") throw fault;
      // Refused for good. The pixel's copy has gone out already.
      say(calls.options, "refused", call.name, call.id, fault[0], fault[2]);
    }
    // The pixel may have answered meanwhile.
    const report = shelf.read(key)?.outcome;
    const outcome = report ? outcomeOf(report) : call.outcome;
    call.isDone = true;
    this.#kept.delete(key);
    shelf.remove(key);
    if (isTaken && outcome && !isLate) calls.confirm(...outcome);
  }

  async #send(call) {
    const calls = this.#calls;
    if (call.report) [call.path, call.body] = calls.engine.confirmation(this.#pixelId, ...call.report);
    try {
      return await calls.send(call, call.madeMs);
    } catch (fault) {
      // A clock that is days off: the receipt will do.
      const isTime = Array.isArray(fault) && fault[2].some(([field]) => field === "occurred_at");
      if (!isTime) throw fault;
      return calls.send(call, 0);
    }
  }
}

// The pixel's outcome as it is stored: [name, id, outcome, atMs]; and back, as calls.js has it.
const reportOf = ({ outcome }) => outcome && [outcome[0][1], outcome[0][3], outcome[1], outcome[2]];
const outcomeOf = ([name, id, outcome, atMs]) => [[, name, , id], outcome, atMs];

// A stored call, ready to be sent.
const callOf = (record) => ({
  ...record,
  outcome: record.outcome && outcomeOf(record.outcome),
  timeoutMs: shelf.TIMEOUT_MS,
  isStored: true,
});
