// Tandem's entry: the classes that a page sees, and the work that waits (fetch, timers, fbq,
// storage). What is sent, what an answer means and when to try again is decided in WebAssembly
// (src/, in Rust), by functions that return at once.

import init, { answer, check, confirmation, newId, pause, prepare, schedule } from "./tandem_web.js";

const SCRIPT = "https://connect.facebook.net/en_US/fbevents.js";
// How long the server may take; a purchase's answer may wait 5 s for the payment.
const TIMEOUT_MS = 5000;
const PURCHASE_TIMEOUT_MS = 12000;
// How long Meta's library may take to answer before the pixel counts as blocked; how long it is
// still watched then, because a slow network is no ad blocker; and how long an event of a page's
// first moments waits for the pixel's cookies, so that the server's copy carries them too.
const PIXEL_MS = 3000;
const LATE_MS = 60000;
const COOKIES_MS = 800;
const LOOK_MS = 50;
// Calls kept for a server that is away: in memory alone, because they hold raw personal data.
const UNSENT_MAX = 50;
// Orders remembered between pages. An order ID says nothing about a person.
const PENDING_KEY = "tandem.pending";
const FIRED_KEY = "tandem.fired";
const ORDERS_MAX = 20;
const PENDING_AGE_MS = 48 * 3600 * 1000;

const [LEAD, EVENT, CUSTOM_EVENT, PURCHASE, CONFIRMATION] = [0, 1, 2, 3, 4];
const [FIRED, BLOCKED, FAILED] = [1, 2, 3];

/** A mistake that the page can correct. */
export class TandemError extends Error {
  constructor(code, message, fields) {
    super(message);
    this.name = "TandemError";
    this.code = code;
    this.fields = fields;
  }
}

// WebAssembly throws [code, message, [[field, description]]].
const explained = (fault) => {
  const [code, message, fields = []] = Array.isArray(fault) ? fault : ["INTERNAL", String(fault)];
  return new TandemError(code, message, fields.map(([field, description]) => ({ field, description })));
};

// Objects for WebAssembly: src/js.rs declares these.
const page = {
  text(of, key) {
    const value = key ? of?.[key] : of;
    if (value == null || value === "") return undefined;
    if (typeof value == "object" || typeof value == "function") throw key;
    return String(value);
  },
  get: (of, key) => of?.[key],
  list: (of, key) => [].concat(of?.[key] ?? []),
  pairs: (of, key) => Object.entries(of?.[key] ?? {}),
  time: (of, key) => (of?.[key] == null ? 0 : +new Date(of[key])),
  object: () => ({}),
  set(of, key, value) { of[key] = value; },
  setNumber(of, key, decimal) { of[key] = +decimal; },
  push(of, key, value) { (of[key] ??= []).push(value); },
};

// Ends early when the network comes back.
const nap = (ms) => new Promise((resolve) => {
  const end = () => { removeEventListener("online", end); clearTimeout(timer); resolve(); };
  const timer = setTimeout(end, ms);
  addEventListener("online", end);
});

// Sandboxed frames refuse to show cookies: then there are none.
const cookie = (name) => {
  try {
    return document.cookie.split("; ").find((pair) => pair.startsWith(name + "="))?.slice(name.length + 1);
  } catch { return undefined; }
};

const visit = () => ({
  eventSourceUrl: location.href,
  referrerUrl: document.referrer,
  fbclid: new URLSearchParams(location.search).get("fbclid"),
  fbp: cookie("_fbp"),
  fbc: cookie("_fbc"),
});

// Entries of localStorage: [order ID, claim key, since]. Private windows and strict settings
// refuse storage: then nothing is remembered.
const load = (key) => {
  try { return JSON.parse(localStorage.getItem(key)) ?? []; } catch { return []; }
};
const store = (key, orderId, entry) => {
  const kept = load(key).filter(([id]) => id !== orderId).concat(entry ? [entry] : []).slice(-ORDERS_MAX);
  try { localStorage.setItem(key, JSON.stringify(kept)); } catch { /* nothing is remembered */ }
};
const hasFired = (orderId) => load(FIRED_KEY).some(([id]) => id === orderId);

// ---- the pixel -------------------------------------------------------------------------------

let isBlocked = false;

// Meta's base code, once: a stub that keeps calls until the library has loaded. An fbq that the
// page brought is adopted as it is.
const ensurePixel = ({ pixelId, pixelScript = SCRIPT, consent }) => {
  if (window.fbq) return;
  const fbq = window.fbq = function () {
    if (fbq.callMethod) fbq.callMethod.apply(fbq, arguments);
    else fbq.queue.push(arguments);
  };
  window._fbq ||= fbq;
  fbq.push = fbq;
  fbq.loaded = true;
  fbq.version = "2.0";
  fbq.queue = [];
  const script = document.createElement("script");
  script.async = true;
  script.src = pixelScript;
  script.onerror = () => { isBlocked = true; };
  document.head.append(script);
  if (consent?.limitedDataUse) fbq("dataProcessingOptions", ["LDU"], consent.country ?? 0, consent.state ?? 0);
  fbq("init", String(pixelId));
  fbq("track", "PageView");
};

// The stub alone sends nothing: the library answers once callMethod is there.
const isLoaded = () => typeof window.fbq?.callMethod == "function";

const isReady = async (patienceMs) => {
  for (let waited = 0; !isLoaded(); waited += LOOK_MS) {
    if (isBlocked || waited >= patienceMs) return false;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
  return true;
};

// ---- the server ------------------------------------------------------------------------------

const post = async ({ endpoint }, path, body, timeoutMs) => {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const response = await fetch(endpoint.replace(/\/+$/, "") + path, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
      body,
      signal: stop.signal,
      // Goes on when the page is left; browsers take 64 KiB of that at a time.
      keepalive: body.length < 60000,
    });
    const header = (name) => response.headers.get("grpc-" + name) ?? undefined;
    const bytes = new Uint8Array(await response.arrayBuffer());
    return [header("status"), header("message"), header("status-details-bin"), bytes];
  } finally {
    clearTimeout(timer);
  }
};

export class Tandem {
  #options;
  #denied;
  #inFlight = new Set();
  #unsent = [];
  #isDraining = false;
  #askedOrders = new Set();
  #toldOrders = new Set();

  static async connect(options) {
    try {
      await init();
    } catch (fault) {
      throw new TandemError("FAILED_PRECONDITION", "WebAssembly did not start: " + fault, []);
    }
    const tandem = new Tandem();
    try {
      tandem.#options = { ...options };
      tandem.#denied = check(page, options);
    } catch (fault) {
      throw explained(fault);
    }
    if (!tandem.#denied) {
      tandem.#pixel();
      tandem.#resume();
    }
    addEventListener("pagehide", () => tandem.#leave());
    return tandem;
  }

  captureLead(lead) { return this.#event(LEAD, "Lead", lead); }
  track(name, event) { return this.#event(EVENT, name, event); }
  trackCustom(name, event) { return this.#event(CUSTOM_EVENT, name, event); }

  async recordPurchase(purchase) {
    const call = this.#call(PURCHASE, "", purchase);
    const orderId = call.orderId = String(purchase.orderId);
    this.#askedOrders.add(orderId);
    let queued = false;
    try {
      const answer = await this.#send(call, 0);
      if (!this.#isOpen(answer)) return this.#settle(call, answer);
    } catch (fault) {
      if (typeof fault != "number") throw explained(fault);
      queued = true;
    }
    if (!call.denied) {
      store(PENDING_KEY, orderId, [orderId, purchase.claimKey, Date.now()]);
      this.#watch(call, queued);
    }
    return { eventId: "purchase_" + orderId, pixel: "pending", duplicate: false, queued };
  }

  // A call of the page, checked: what is wrong with it is thrown before anything happens.
  #call(kind, name, input) {
    const id = newId(Date.now(), ...crypto.getRandomValues(new Uint32Array(3)));
    const call = { kind, name: String(name), input, id, madeMs: Date.now(), timeoutMs: TIMEOUT_MS };
    if (kind === PURCHASE) call.timeoutMs = PURCHASE_TIMEOUT_MS;
    try {
      this.#prepare(call, 0);
    } catch (fault) {
      throw explained(fault);
    }
    return call;
  }

  #prepare(call, madeMs) {
    const { kind, name, input, id } = call;
    [call.path, call.body, call.own, call.denied] = prepare(page, this.#options, visit(), kind, name, input, id, madeMs);
  }

  // One try. Throws a number (milliseconds to wait) when the server is away.
  async #send(call, madeMs) {
    if (call.kind !== CONFIRMATION) this.#prepare(call, madeMs);
    call.isPosted = true;
    const response = await post(this.#options, call.path, call.body, call.timeoutMs).catch(() => { throw 0; });
    const result = answer(page, call.kind, ...response);
    call.isTaken = true;
    return result;
  }

  async #event(kind, name, input) {
    const call = this.#call(kind, name, input);
    this.#inFlight.add(call);
    let result, event;
    try {
      if (!cookie("_fbp")) await isReady(COOKIES_MS);
      const [eventId, duplicate, , told] = await this.#send(call, 0);
      result = { eventId, duplicate, queued: false };
      event = told;
    } catch (fault) {
      if (typeof fault != "number") throw explained(fault);
      this.#keep(call, fault);
      result = { eventId: call.id, duplicate: false, queued: true };
      event = call.own;
    } finally {
      this.#inFlight.delete(call);
    }
    return { ...result, pixel: event ? await this.#tell(call, event) : "suppressed" };
  }

  #pixel() {
    // A page may have forbidden to touch fbq: then the pixel is blocked.
    try { ensurePixel(this.#options); } catch { isBlocked = true; }
  }

  // False if fbq threw.
  #fire(call, [method, name, parameters, eventID]) {
    call.isTold = true;
    this.#pixel();
    try {
      window.fbq(method, name, parameters, { eventID });
      return true;
    } catch { return false; }
  }

  // Tells the pixel, once, and lets the server know what became of that.
  async #tell(call, event) {
    const threw = !call.isTold && !this.#fire(call, event);
    const outcome = threw ? FAILED : await isReady(PIXEL_MS) ? FIRED : BLOCKED;
    this.#note(call, event, outcome);
    if (outcome === BLOCKED && !isBlocked) {
      // The call waits in the stub: a library that comes late still sends it.
      isReady(LATE_MS).then((isLate) => { if (isLate) this.#note(call, event, FIRED); });
    }
    return outcome === FIRED ? "fired" : "blocked";
  }

  #note(call, event, outcome) {
    if (this.#options.debug) console.debug("tandem:", event[1], event[3], [, "fired", "blocked", "failed"][outcome]);
    call.outcome = [event, outcome];
    if (call.orderId && outcome === FIRED) store(FIRED_KEY, call.orderId, [call.orderId]);
    if (call.isTaken) this.#confirm(event, outcome);
  }

  #confirmation([, name, , id], outcome) {
    const [path, body] = confirmation(String(this.#options.pixelId), name, id, outcome, Date.now());
    return { kind: CONFIRMATION, path, body, timeoutMs: TIMEOUT_MS };
  }

  async #confirm(event, outcome) {
    const call = this.#confirmation(event, outcome);
    try {
      await this.#send(call, 0);
    } catch (fault) {
      if (typeof fault == "number") this.#keep(call, fault);
    }
  }

  // ---- calls that the server has not taken yet ----

  #keep(call, waitMs) {
    this.#unsent.push(call);
    this.#unsent.splice(0, this.#unsent.length - UNSENT_MAX);
    if (!this.#isDraining) {
      this.#isDraining = true;
      this.#drain(waitMs).finally(() => { this.#isDraining = false; });
    }
  }

  async #drain(waitMs) {
    for (let failures = 1; this.#unsent.length;) {
      const call = this.#unsent[0];
      if (failures) await nap(Math.max(pause(failures, Math.random()), waitMs));
      try {
        await this.#send(call, call.madeMs).catch((fault) => {
          // A clock that is days off: the receipt will do.
          if (Array.isArray(fault) && fault[2].some(([field]) => field === "occurred_at")) return this.#send(call, 0);
          throw fault;
        });
        if (call.outcome) this.#confirm(...call.outcome);
      } catch (fault) {
        if (typeof fault == "number") {
          failures++;
          waitMs = fault;
          continue;
        }
        // Refused for good. The pixel's copy has gone out already.
        if (this.#options.debug) console.debug("tandem: refused", call.id, fault);
      }
      failures = 0;
      this.#unsent = this.#unsent.filter((other) => other !== call);
    }
  }

  // The page is being left: what waits for an answer goes to the pixel under the client's own ID,
  // and what was not sent yet is sent.
  #leave() {
    const send = ({ path, body, timeoutMs }) => { post(this.#options, path, body, timeoutMs).catch(() => {}); };
    for (const call of this.#inFlight) {
      if (!call.isPosted) send(call);
      if (call.own && !call.isTold && this.#fire(call, call.own) && isLoaded()) send(this.#confirmation(call.own, FIRED));
    }
    this.#unsent.forEach(send);
  }

  // ---- purchases: only the server's word tells the pixel, once for each order and browser ----

  #isOpen([, , isPending, event]) { return isPending && !event; }

  async #settle(call, [eventId, duplicate, , event]) {
    const { orderId } = call;
    let pixel = "suppressed";
    if (hasFired(orderId)) {
      pixel = "fired";
      if (event) this.#confirm(event, FIRED); // the first report of it got lost
    } else if (event) {
      call.isTold = this.#toldOrders.has(orderId);
      this.#toldOrders.add(orderId);
      pixel = await this.#tell(call, event);
    }
    store(PENDING_KEY, orderId);
    return { eventId, pixel, duplicate, queued: false };
  }

  // Asks for a pending purchase again and again, less and less often.
  async #watch(call, wasAway) {
    let asked = 0, failures = wasAway ? 1 : 0, waitMs = 0, sinceMs = Date.now();
    for (let atMs; (atMs = schedule(asked)) !== undefined;) {
      await nap(failures ? Math.max(pause(failures, Math.random()), waitMs) : sinceMs + atMs - Date.now());
      try {
        const answer = await this.#send(call, 0);
        if (!this.#isOpen(answer)) return void await this.#settle(call, answer);
        if (!failures) asked++;
        else if (!asked) sinceMs = Date.now();
        failures = 0;
      } catch (fault) {
        if (typeof fault != "number") return store(PENDING_KEY, call.orderId);
        failures++;
        waitMs = fault;
      }
    }
  }

  // Takes up the purchases that were pending when the last page was left.
  async #resume() {
    const open = load(PENDING_KEY).filter(([, , sinceMs]) => sinceMs > Date.now() - PENDING_AGE_MS);
    if (!open.length) return;
    // The page may be about to ask itself, and knows more.
    await nap(schedule(0));
    for (const [orderId, claimKey] of open) {
      if (this.#askedOrders.has(orderId)) continue;
      this.#askedOrders.add(orderId);
      const call = this.#call(PURCHASE, "", { orderId, claimKey });
      call.orderId = orderId;
      this.#watch(call, true);
    }
  }
}
