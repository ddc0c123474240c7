// The engine without WebAssembly. It does the same as src/ (in Rust), for pages where WebAssembly does not
// start: a Content-Security-Policy without 'wasm-unsafe-eval', a proxy that blocks .wasm files, an old
// browser. This file loads only then. engine.js lists its functions. tests/browser/engines.rs runs both
// engines with the same inputs and compares every byte.
//
//   plain.js          calls: encodes the page's arguments as messages
//   plain_answer.js   responses: statuses, answers, events for fbq
//   plain_wire.js     protobuf

import { textOf } from "./kinds.js";
import { forFbq, INVALID_ARGUMENT, parametersOf, thrown } from "./plain_answer.js";
import { bytesField, messageField, numberField, textField, varint, wellFormed } from "./plain_wire.js";

export { answer } from "./plain_answer.js";

const [LEAD, CUSTOM_EVENT, PURCHASE] = [0, 2, 3];
const CONSENT_DENIED = 2, CONSENT_MEASURE_ONLY = 3;

const PENDING_PURCHASE_MS = [2000, 5000, 10000, 30000, 60000];
const PAUSE_MS = 1000;
const PAUSE_MS_MAX = 30000;

const SERVICE = "/tandem.v1.TrackingService/";

// ---- the page's arguments (src/input.rs) ---------------------------------------------------------

const USER = [
  "email", "phone", "firstName", "lastName", "city", "state", "postalCode", "country", "gender", "dateOfBirth",
  "externalId",
];
const BROWSER = ["fbp", "fbc", "fbclid", "eventSourceUrl", "referrerUrl"];
const EXPERIMENT = ["id", "variant", "testGroup"];

const isGiven = (value) => value != null && value !== "";
const isObject = (value) => value != null && (typeof value == "object" || typeof value == "function");
// A value as text, without the separators that wasm.js uses. Both engines must give the same text.
const plainly = (value) =>
  (isGiven(value) && !isObject(value) && textOf(value).replace(/[\0-\4]/g, "")) || undefined;
// Elements of a list. A single value is a list of one.
const valuesOf = (of) => (isObject(of) ? Object.values(of) : [of]).filter(isGiven);
const pairsOf = (of) => (isObject(of) ? Object.entries(of).filter(([, value]) => isGiven(value)) : []);

// The server's name of a field: `user` and `firstName` are `user.first_name`.
const fieldName = (group, key) =>
  group + (group && key && ".") + key.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());

const seconds = (ms) => Math.trunc(ms / 1000);
const timestamp = (ms) => numberField(1, seconds(ms));

// Reads arguments and collects errors, by the server's names of fields.
class Input {
  #errors = [];

  addError(group, key, what) { this.#errors.push([fieldName(group, key), what]); }

  done() {
    if (this.#errors.length) throw thrown(INVALID_ARGUMENT, "some fields are missing or malformed", this.#errors);
  }

  /** A text. Undefined if absent. */
  text(of, group, key) { return this.textOf(of?.[key], group, key); }

  textOf(value, group, key) {
    if (isObject(value)) this.addError(group, key, "must be text");
    return plainly(value);
  }

  #texts(of, group, keys) {
    return keys.flatMap((key, place) => textField(place + 1, this.text(of, group, key)));
  }

  #count(of, group, key) {
    const text = this.text(of, group, key);
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text) && +text <= 0xffffffff) return +text;
    this.addError(group, key, "must be a whole number");
    return undefined;
  }

  #money(number, of, group, key, currency) {
    const amount = this.text(of, group, key);
    return amount === undefined ? [] : bytesField(number, [...textField(1, amount), ...textField(2, currency)]);
  }

  user(of, defaultCountry) { return [...this.#texts(of, "user", USER), ...textField(12, defaultCountry)]; }

  browser(visit) { return this.#texts(visit, "browser", BROWSER); }

  customData(of, defaultCurrency) {
    const group = "custom_data";
    const currency = this.text(of, group, "currency") ?? defaultCurrency;
    const text = (number, key) => textField(number, this.text(of, group, key));
    const numItems = () => {
      const count = this.#count(of, group, "numItems");
      return count === undefined ? [] : [7 << 3, ...varint(count)];
    };
    // The order matters: errors are listed in the order in which they are found.
    return [
      ...this.#money(1, of, group, "value", currency),
      ...valuesOf(of?.contentIds).flatMap((id) => textField(2, this.textOf(id, "custom_data.content_ids", ""))),
      ...[].concat(of?.contents ?? []).filter(isGiven).flatMap((line) => bytesField(3, this.#content(line, currency))),
      ...text(4, "contentType"),
      ...text(5, "contentName"),
      ...text(6, "contentCategory"),
      ...numItems(),
      ...text(8, "searchString"),
      ...text(9, "status"),
      ...this.#money(10, of, group, "predictedLtv", currency),
      ...pairsOf(of?.properties).flatMap(([key, value]) => this.#property(key, value)),
    ];
  }

  #content(line, currency) {
    const group = "custom_data.contents";
    if (!isObject(line)) {
      this.addError(group, "", "must be objects");
      return [];
    }
    return [
      ...textField(1, this.text(line, group, "id")),
      ...numberField(2, this.#count(line, group, "quantity") ?? 1),
      ...this.#money(3, line, group, "itemPrice", currency),
    ];
  }

  #property(key, value) {
    const text = this.textOf(value, "custom_data.properties", key);
    return bytesField(11, [...textField(1, plainly(key)), ...textField(2, text)]);
  }

  /** The A/B test, if the argument has one. */
  experiment(of) {
    return isObject(of?.experiment) ? this.#texts(of.experiment, "experiment", EXPERIMENT) : undefined;
  }

  /** The permission, if the argument has one. */
  consent(of) {
    const group = "consent", said = of?.consent;
    if (!isObject(said)) return undefined;
    const word = this.text(said, group, "ads") ?? "";
    let ads = ["", "granted", "denied", "measure_only"].indexOf(word);
    if (ads < 0) {
      this.addError(group, "ads", "must be granted, measure_only or denied");
      ads = CONSENT_DENIED;
    }
    const isLimited = !["", "false", "0"].includes(plainly(said.limitedDataUse) ?? "");
    const message = [
      ...numberField(1, ads),
      ...numberField(2, isLimited ? 1 : 0),
      ...numberField(3, this.#count(said, group, "country")),
      ...numberField(4, this.#count(said, group, "state")),
    ];
    // The pixel has no word for measurement alone, so the server sends such an event.
    const isDenied = ads === CONSENT_DENIED;
    return { message, isDenied, forbidsPixel: isDenied || ads === CONSENT_MEASURE_ONLY };
  }

  /** The time of the event, in milliseconds since 1970. 0 if the argument has no time. */
  occurredAt(of) {
    if (!isGiven(of?.occurredAt)) return 0;
    const ms = +new Date(of.occurredAt);
    if (ms >= 0) return ms;
    this.addError("", "occurredAt", "must be a Date, a date's text or milliseconds since 1970");
    return 0;
  }
}

// ---- calls (src/request.rs) ----------------------------------------------------------------------

/** Checks the options of `Tandem.connect`. Returns whether they deny advertising use. */
export function check(options) {
  const input = new Input();
  if (!/^https?:\/\//.test(input.text(options, "", "endpoint") ?? "")) {
    input.addError("endpoint", "", "must be the server's address, such as https://track.shop.example");
  }
  if (!/^[0-9]+$/.test(input.text(options, "", "pixelId") ?? "")) {
    input.addError("pixelId", "", "must be the pixel's ID: digits");
  }
  input.text(options, "", "currency");
  input.text(options, "", "defaultCountry");
  input.experiment(options);
  const consent = input.consent(options);
  input.done();
  return !!consent?.isDenied;
}

/** A new event ID: a UUID of version 7. */
export function newId(nowMs, ...random) {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(Math.max(Math.trunc(nowMs), 0)) << 16n);
  random.forEach((word, place) => {
    for (let byte = 0; byte < 4 && place * 4 + byte < 10; byte++) bytes[6 + place * 4 + byte] = word >>> (24 - 8 * byte);
  });
  bytes[6] = bytes[6] & 0x0f | 0x70;
  bytes[8] = bytes[8] & 0x3f | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Prepares a call: [path, body, event for fbq if the server does not answer, denied]. */
export function prepare(options, visit, kind, eventName, of, eventId, madeMs) {
  const [id, name, pixelId] = [plainly(eventId), plainly(eventName), plainly(options?.pixelId)];
  const input = new Input();
  const user = input.user(of, plainly(options?.defaultCountry));
  const browser = input.browser(visit);
  const customData = input.customData(of, plainly(options?.currency));
  const own = input.experiment(of);
  const experiment = own ?? input.experiment(options);
  const consent = input.consent(of) ?? input.consent(options);
  const orderId = input.text(of, "", "orderId");
  const occurredMs = input.occurredAt(of) || madeMs;
  const claimKey = input.text(of, "", "claimKey");
  const session = input.text(of, "", "paymentSessionId");
  if (kind === PURCHASE && !orderId) input.addError("", "orderId", "is required");
  input.done();

  const isPurchase = kind === PURCHASE, isLead = kind === LEAD;
  const first = isPurchase ? 2 : 1;
  const message = [
    ...textField(1, isPurchase ? orderId : ""),
    ...bytesField(first, user),
    ...bytesField(first + 1, browser),
    ...bytesField(first + 2, customData),
    ...messageField(first + 3, experiment),
    ...messageField(first + 4, consent?.message),
    ...textField(6, isPurchase ? "" : id),
    ...messageField(7, occurredMs > 0 ? timestamp(occurredMs) : undefined),
    ...textField(8, pixelId),
    ...textField(9, isLead ? "" : isPurchase ? claimKey : name),
    ...textField(10, isLead || isPurchase ? "" : orderId),
    ...textField(11, isLead ? "" : isPurchase ? session : claimKey),
    ...textField(12, isLead || isPurchase ? "" : session),
  ];
  const isDenied = !!consent?.isDenied;
  const path = SERVICE + (isLead ? "CaptureLead" : isPurchase ? "RecordPurchase" : "TrackEvent");
  if (consent?.forbidsPixel || isPurchase) return [path, framed(message), undefined, isDenied];

  const parameters = parametersOf(Uint8Array.from(customData));
  const add = (key, value) => { if (isGiven(value)) parameters[key] = wellFormed(value); };
  if (!isLead) add("order_id", orderId);
  const test = (own ? of : options)?.experiment;
  ["experiment_id", "variant", "test_group"].forEach((key, place) => add(key, plainly(test?.[EXPERIMENT[place]])));
  const event = forFbq(isLead ? "Lead" : wellFormed(name), wellFormed(id), parameters, kind === CUSTOM_EVENT);
  return [path, framed(message), event, isDenied];
}

/** Prepares the report of what the pixel did: 1 fired, 2 blocked, 3 failed. */
export function confirmation(pixelId, name, id, outcome, atMs, confirmKey) {
  const report = [
    ...textField(1, name), ...textField(2, id), ...numberField(3, outcome), ...bytesField(4, timestamp(atMs)),
    ...textField(5, confirmKey),
  ];
  const message = [...bytesField(1, report), ...textField(2, pixelId)];
  return [SERVICE + "ConfirmBrowserEvents", framed(message), undefined, false];
}

// One uncompressed frame of gRPC-web: a flag, a length, the message.
const framed = (message) => {
  const body = new Uint8Array(5 + message.length);
  new DataView(body.buffer).setUint32(1, message.length);
  body.set(message, 5);
  return body;
};


// ---- when to try again (src/retry.rs) ------------------------------------------------------------

/** The pause in milliseconds after `failures` failures in a row. `dice` is a random number from 0 to 1. */
export function pause(failures, dice) {
  const half = Math.min(PAUSE_MS * 2 ** Math.min(Math.max(failures - 1, 0), 8), PAUSE_MS_MAX) / 2;
  return half + Math.trunc(half * dice);
}

/** When the page asks for a pending purchase the n-th time, from 0. Undefined: it does not ask again. */
export const schedule = (n) => PENDING_PURCHASE_MS[n];
