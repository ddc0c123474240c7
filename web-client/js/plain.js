// The engine without WebAssembly: what src/ (in Rust) does, once more by hand, for pages where
// WebAssembly does not start: a Content-Security-Policy without 'wasm-unsafe-eval', a proxy that
// keeps .wasm files back, an old browser. Loaded only then. Its functions are those of
// tandem_web.js, explained in src/lib.rs; tests/browser/engines.rs runs both over the same inputs
// and compares every byte.
//
//   plain.js          calls: what the page gave, as messages
//   plain_answer.js   responses: statuses, answers, what fbq is told
//   plain_wire.js     protobuf

import { forFbq, INVALID_ARGUMENT, parametersOf, thrown } from "./plain_answer.js";
import { page } from "./plain_page.js";
import { bytesField, messageField, numberField, textField, varint } from "./plain_wire.js";

export { answer } from "./plain_answer.js";

const [LEAD, CUSTOM_EVENT, PURCHASE] = [0, 2, 3];
const [CONSENT_GRANTED, CONSENT_DENIED] = [1, 2];

const PENDING_PURCHASE_MS = [2000, 5000, 10000, 30000, 60000];
const PAUSE_MS = 1000;
const PAUSE_MS_MAX = 30000;

const SERVICE = "/tandem.v1.TrackingService/";

// ---- what the page's calls say (src/input.rs) ----------------------------------------------------

// The server's name of a field: `user` and `firstName` are `user.first_name`.
const fieldName = (group, key) =>
  group + (group && key && ".") + key.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());

const seconds = (ms) => Math.trunc(ms / 1000);
const timestamp = (ms) => numberField(1, seconds(ms));

// Reads one argument, and collects what is wrong with it in `faults`.
class Input {
  faults = [];

  constructor(page, of) {
    this.page = page;
    this.of = of;
  }

  fault(group, key, what) { this.faults.push([fieldName(group, key), what]); }

  text(group, key, of = this.of) {
    try { return this.page.text(of, key); } catch { this.fault(group, key, "must be text"); }
    return undefined;
  }

  count(group, key, of = this.of) {
    const text = this.text(group, key, of);
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text) && +text <= 0xffffffff) return +text;
    this.fault(group, key, "must be a whole number");
    return undefined;
  }

  money(group, key, currency, of = this.of) {
    const amount = this.text(group, key, of);
    return amount === undefined ? undefined : [...textField(1, amount), ...textField(2, currency)];
  }

  done() {
    if (this.faults.length) throw thrown(INVALID_ARGUMENT, "some fields are missing or malformed", this.faults);
  }

  user(defaultCountry) {
    const keys = [
      "email", "phone", "firstName", "lastName", "city", "state", "postalCode", "country", "gender", "dateOfBirth",
      "externalId",
    ];
    const fields = keys.flatMap((key, place) => textField(place + 1, this.text("user", key)));
    return [...fields, ...textField(12, defaultCountry)];
  }

  browser() {
    const keys = ["fbp", "fbc", "fbclid", "eventSourceUrl", "referrerUrl"];
    return keys.flatMap((key, place) => textField(place + 1, this.text("browser", key)));
  }

  customData(defaultCurrency) {
    const group = "custom_data";
    const currency = this.text(group, "currency") ?? defaultCurrency;
    const text = (number, key) => textField(number, this.text(group, key));
    const count = (key) => {
      const number = this.count(group, key);
      return number === undefined ? [] : [7 << 3, ...varint(number)];
    };
    // In this order, because faults are listed as they are found.
    return [
      ...messageField(1, this.money(group, "value", currency)),
      ...this.page.list(this.of, "contentIds").flatMap((id) => this.#contentId(id)),
      ...this.page.list(this.of, "contents").flatMap((line) => bytesField(3, this.#content(line, currency))),
      ...text(4, "contentType"),
      ...text(5, "contentName"),
      ...text(6, "contentCategory"),
      ...count("numItems"),
      ...text(8, "searchString"),
      ...text(9, "status"),
      ...messageField(10, this.money(group, "predictedLtv", currency)),
      ...this.page.pairs(this.of, "properties").flatMap((pair) => this.#property(pair)),
    ];
  }

  #contentId(id) {
    return textField(2, this.text("custom_data.content_ids", "", id));
  }

  #content(line, currency) {
    const group = "custom_data.contents";
    return [
      ...textField(1, this.text(group, "id", line)),
      ...numberField(2, this.count(group, "quantity", line) ?? 1),
      ...messageField(3, this.money(group, "itemPrice", currency, line)),
    ];
  }

  #property(pair) {
    const group = "custom_data.properties";
    const [key, value] = [this.text(group, "0", pair), this.text(group, "1", pair)];
    if (key === undefined || value === undefined) return [];
    return bytesField(11, [...textField(1, key), ...textField(2, value)]);
  }

  experiment() {
    const of = this.page.get(this.of, "experiment");
    if (!of) return undefined;
    return ["id", "variant", "testGroup"].map((key) => this.text("experiment", key, of) ?? "");
  }

  consent() {
    const of = this.page.get(this.of, "consent");
    if (!of) return undefined;
    const ads = this.text("consent", "ads", of);
    if (ads !== undefined && ads !== "granted" && ads !== "denied") {
      this.fault("consent", "ads", "must be granted or denied");
    }
    const isLimited = !!this.page.get(of, "limitedDataUse");
    const place = (key) => (this.count("consent", key, of) ?? 0) | 0;
    return {
      ads: ads === undefined ? 0 : ads === "granted" ? CONSENT_GRANTED : CONSENT_DENIED,
      isLimited,
      country: place("country"),
      state: place("state"),
    };
  }

  occurredAt() {
    const ms = this.page.time(this.of, "occurredAt");
    if (Number.isNaN(ms)) {
      this.fault("", "occurredAt", "must be a Date, a date's text or milliseconds since 1970");
    }
    return ms > 0 ? ms : undefined;
  }
}

const encodedConsent = ({ ads, isLimited, country, state }) => [
  ...numberField(1, ads), ...numberField(2, isLimited ? 1 : 0), ...numberField(3, country), ...numberField(4, state),
];

// ---- calls (src/request.rs) ----------------------------------------------------------------------

/** Checks the options of `Tandem.connect`; whether they deny advertising use. */
export function check(options) {
  const input = new Input(page, options);
  const endpoint = input.text("", "endpoint") ?? "";
  if (!/^https?:\/\//.test(endpoint)) {
    input.fault("endpoint", "", "must be the server's address, such as https://track.shop.example");
  }
  if (!/^[0-9]+$/.test(input.text("", "pixelId") ?? "")) {
    input.fault("pixelId", "", "must be the pixel's ID: digits");
  }
  input.text("", "currency");
  input.experiment();
  const consent = input.consent();
  input.done();
  return consent?.ads === CONSENT_DENIED;
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

/** Prepares a call: [path, body, event for fbq without the server's word, denied]. */
export function prepare(options, visit, kind, name, of, id, madeMs) {
  const defaults = new Input(page, options);
  const pixelId = defaults.text("", "pixelId");
  const currency = defaults.text("", "currency");
  const input = new Input(page, of);
  const user = input.user(defaults.text("", "defaultCountry"));
  const customData = input.customData(currency);
  const experiment = input.experiment() ?? defaults.experiment();
  const consent = input.consent() ?? defaults.consent();
  const orderId = input.text("", "orderId");
  const occurredMs = input.occurredAt() ?? (madeMs > 0 ? madeMs : undefined);
  const claimKey = input.text("", "claimKey");
  if (kind === PURCHASE && !orderId) input.fault("", "orderId", "is required");
  const browser = new Input(page, visit).browser();
  input.done();

  const isDenied = consent?.ads === CONSENT_DENIED;
  let own;
  if (!isDenied && kind !== PURCHASE) {
    const parameters = parametersOf(page, Uint8Array.from(customData));
    const add = (key, value) => { if (value) page.set(parameters, key, value); };
    if (kind !== LEAD) add("order_id", orderId);
    ["experiment_id", "variant", "test_group"].forEach((key, place) => add(key, experiment?.[place]));
    own = forFbq(kind === LEAD ? "Lead" : name, id, parameters, kind === CUSTOM_EVENT);
  }
  const first = kind === PURCHASE ? 2 : 1;
  const texts = kind === LEAD ? [[6, id], [8, pixelId]]
    : kind === PURCHASE ? [[1, orderId], [8, pixelId], [9, claimKey]]
    : [[6, id], [8, pixelId], [9, name], [10, orderId]];
  const message = [
    ...bytesField(first, user),
    ...bytesField(first + 1, browser),
    ...bytesField(first + 2, customData),
    ...messageField(first + 3, experiment?.flatMap((text, place) => textField(place + 1, text))),
    ...messageField(first + 4, consent && encodedConsent(consent)),
    ...messageField(7, occurredMs === undefined ? undefined : timestamp(occurredMs)),
    ...texts.flatMap(([number, text]) => textField(number, text)),
  ];
  const method = kind === LEAD ? "CaptureLead" : kind === PURCHASE ? "RecordPurchase" : "TrackEvent";
  return [SERVICE + method, framed(message), own, isDenied];
}

/** Prepares the report of what the pixel did: 1 fired, 2 blocked, 3 failed. */
export function confirmation(pixelId, name, id, outcome, atMs) {
  const report = [...textField(1, name), ...textField(2, id), ...numberField(3, outcome), ...bytesField(4, timestamp(atMs))];
  const message = [...bytesField(1, report), ...textField(2, pixelId)];
  return [SERVICE + "ConfirmBrowserEvents", framed(message), undefined, false];
}

// One plain frame of gRPC-web: a flag, a length, the message.
const framed = (message) => {
  const body = new Uint8Array(5 + message.length);
  new DataView(body.buffer).setUint32(1, message.length);
  body.set(message, 5);
  return body;
};


// ---- when to try again (src/retry.rs) ------------------------------------------------------------

/** The pause in milliseconds after so many failures in a row; `dice` is from 0 to 1. */
export function pause(failures, dice) {
  const half = Math.min(PAUSE_MS * 2 ** Math.min(Math.max(failures - 1, 0), 8), PAUSE_MS_MAX) / 2;
  return half + Math.trunc(half * dice);
}

/** When a pending purchase is asked for the n-th time, from 0; undefined: no more on this page. */
export const schedule = (n) => PENDING_PURCHASE_MS[n];
