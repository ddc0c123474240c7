// The engine without WebAssembly: what src/ (in Rust) does, once more by hand, for pages where
// WebAssembly does not start: a Content-Security-Policy without 'wasm-unsafe-eval', a proxy that
// keeps .wasm files back, an old browser. Loaded only then. It has the functions of tandem_web.js
// and their contract, explained in src/lib.rs; tests/browser/engines.rs runs both over the same
// inputs and compares every byte.

const [LEAD, CUSTOM_EVENT, PURCHASE, CONFIRMATION] = [0, 2, 3, 4];
const [INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE, UNKNOWN] = [3, 8, 14, 2];
const [CONSENT_GRANTED, CONSENT_DENIED] = [1, 2];
const PENDING = 1n; // PurchaseState

// Codes that a page can do something about.
const NAMES = {
  3: "INVALID_ARGUMENT", 7: "PERMISSION_DENIED", 9: "FAILED_PRECONDITION", 11: "OUT_OF_RANGE", 16: "UNAUTHENTICATED",
};

const THROTTLED_MS = 5000;
const PENDING_PURCHASE_MS = [2000, 5000, 10000, 30000, 60000];
const PAUSE_MS = 1000;
const PAUSE_MS_MAX = 30000;
const DAY_S = 86400;

const SERVICE = "/tandem.v1.TrackingService/";

/** Nothing to start. In place of tandem_web.js's own. */
export default async function init() {}

// ---- protobuf (protobuf.dev, "Encoding"), just enough of it --------------------------------------

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const textOf = (bytes) => {
  try { return strict.decode(bytes); } catch { return ""; }
};

// Negative numbers take ten bytes.
const varint = (number) => {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(number));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
};

const bytesField = (number, bytes) => [number << 3 | 2, ...varint(bytes.length), ...bytes];
// Absent and empty texts are not written, nor are zeros, as prost has it.
const textField = (number, text) => (text ? bytesField(number, utf8.encode(text)) : []);
const numberField = (number, value) => (value ? [number << 3, ...varint(value)] : []);
const messageField = (number, message) => (message ? bytesField(number, message) : []);

// The fields of a message as [number, value], in the order in which they were written: a BigInt or
// bytes. Ends where the message is broken.
function* fieldsOf(message) {
  let at = 0;
  const number = () => {
    let value = 0n;
    for (let shift = 0n; shift < 64n && at < message.length; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  };
  for (;;) {
    const tag = number();
    if (tag === undefined) return;
    const kind = Number(tag & 7n);
    let value;
    if (kind === 0) {
      value = number();
      if (value === undefined) return;
    } else {
      const length = { 1: 8n, 2: kind === 2 ? number() : 0n, 5: 4n }[kind];
      if (length === undefined || length > BigInt(message.length - at)) return;
      value = message.subarray(at, at += Number(length));
    }
    yield [Number(tag >> 3n), value];
  }
}

const asNumber = (value) => (typeof value == "bigint" ? value : 0n);
const asBytes = (value) => (typeof value == "bigint" ? new Uint8Array() : value);
const asText = (value) => textOf(asBytes(value));

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
export function check(page, options) {
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
export function prepare(page, options, visit, kind, name, of, id, madeMs) {
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

// ---- what the pixel is told (src/pixel.rs) -------------------------------------------------------

const forFbq = (name, id, parameters, isCustom) => [isCustom ? "trackCustom" : "track", name, parameters, id];

const PARAMETERS = {
  4: "content_type", 5: "content_name", 6: "content_category", 8: "search_string", 9: "status", 12: "order_id",
};

const setMoney = (page, of, key, money) => {
  for (const [number, value] of fieldsOf(money)) {
    if (number === 1) page.setNumber(of, key, asText(value));
    if (number === 2 && key !== "item_price") page.set(of, "currency", asText(value));
  }
};

const u32 = (value) => Number(BigInt.asUintN(32, asNumber(value)));

const contentOf = (page, content) => {
  const line = page.object();
  for (const [number, value] of fieldsOf(content)) {
    if (number === 1) page.set(line, "id", asText(value));
    if (number === 2) page.set(line, "quantity", u32(value));
    if (number === 3) setMoney(page, line, "item_price", asBytes(value));
  }
  return line;
};

// An encoded CustomData as the pixel's parameters.
const parametersOf = (page, customData) => {
  const of = page.object();
  for (const [number, value] of fieldsOf(customData)) {
    if (number === 1) setMoney(page, of, "value", asBytes(value));
    else if (number === 2) page.push(of, "content_ids", asText(value));
    else if (number === 3) page.push(of, "contents", contentOf(page, asBytes(value)));
    else if (number === 7) page.set(of, "num_items", u32(value));
    else if (number === 10) setMoney(page, of, "predicted_ltv", asBytes(value));
    else if (number === 11) {
      const pair = { 1: "", 2: "" };
      for (const [part, text] of fieldsOf(asBytes(value))) pair[part] = asText(text);
      page.set(of, pair[1], pair[2]);
    } else if (PARAMETERS[number]) page.set(of, PARAMETERS[number], asText(value));
  }
  return of;
};

// An encoded BrowserEvent.
const browserEventOf = (page, event) => {
  let [name, id, customData, isCustom] = ["", "", new Uint8Array(), false];
  for (const [number, value] of fieldsOf(event)) {
    if (number === 1) name = asText(value);
    if (number === 2) id = asText(value);
    if (number === 3) customData = asBytes(value);
    if (number === 4) isCustom = asNumber(value) !== 0n;
  }
  return forFbq(name, id, parametersOf(page, customData), isCustom);
};

// ---- answers (src/answer.rs) ---------------------------------------------------------------------

/** Reads a response: [eventId, duplicate, pending, event for fbq]; throws as tandem_web.js does. */
export function answer(page, kind, status, message, details, body) {
  const parts = responseOf(body);
  const known = statusOf(status, message, details) ?? parts.status;
  if (!known || (known.code === 0 && !parts.message)) throw thrown(UNAVAILABLE);
  if (known.code !== 0) throw thrown(known.code, known.message, known.fields, known.retryAfterMs);
  if (kind === CONFIRMATION) return ["", false, false, undefined];

  // Numbers of the fields as tandem/v1/tracking.proto has them.
  const isLong = kind === LEAD || kind === PURCHASE;
  const [duplicateField, eventField, stateField] = [isLong ? 3 : 2, isLong ? 4 : 3, kind === PURCHASE ? 2 : 0];
  let [eventId, isDuplicate, isPending, event] = ["", false, false, undefined];
  for (const [number, value] of fieldsOf(parts.message)) {
    if (number === 1) eventId = asText(value);
    else if (number === duplicateField) isDuplicate = asNumber(value) !== 0n;
    else if (number === eventField) event = asBytes(value);
    else if (number === stateField) isPending = asNumber(value) === PENDING;
  }
  if (!eventId) throw thrown(UNAVAILABLE);
  return [eventId, isDuplicate, isPending, event && browserEventOf(page, event)];
}
