// Reads the server's answers, for the engine without WebAssembly: gRPC-web's frames and statuses
// (PROTOCOL-WEB.md), the messages, and the events for fbq.

import { asBytes, asNumber, asText, fieldsOf, textOf, utf8 } from "./plain_wire.js";

const [LEAD, PURCHASE, CONFIRMATION] = [0, 3, 4];
const PENDING = 1n; // PurchaseState

const [OK, UNKNOWN, RESOURCE_EXHAUSTED, UNAVAILABLE] = [0, 2, 8, 14];
export const INVALID_ARGUMENT = 3;
// Codes of mistakes that a page can correct.
const NAMES = {
  3: "INVALID_ARGUMENT", 7: "PERMISSION_DENIED", 9: "FAILED_PRECONDITION", 11: "OUT_OF_RANGE", 16: "UNAUTHENTICATED",
};
const THROTTLED_MS = 5000;
const DAY_S = 86400;

// Flag of the frame with the trailers.
const TRAILERS = 0x80;
const HEAD_BYTES = 5;

/** The value to throw: [code, message, fields] if the page can correct it, else milliseconds to wait. */
export const thrown = (code, message = "", fields = [], retryAfterMs = 0) => {
  if (NAMES[code]) return [NAMES[code], message, fields];
  return retryAfterMs || (code === RESOURCE_EXHAUSTED ? THROTTLED_MS : 0);
};

// ---- frames and statuses (src/grpc/) -------------------------------------------------------------

// A response's parts: [message, trailers]. Empty if the response is cut short or compressed, or has two messages.
const partsOf = (body) => {
  let message, trailers = new Uint8Array();
  for (let at = 0; at < body.length;) {
    const head = body.subarray(at, at += HEAD_BYTES);
    if (head.length < HEAD_BYTES) return [];
    const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
    if (length > body.length - at) return [];
    const content = body.subarray(at, at += length);
    if (head[0] === TRAILERS) trailers = content;
    else if (head[0] === 0 && !message) message = content;
    else return [];
  }
  return [message, trailers];
};

// Decodes the percent-encoding of grpc-message. Invalid escapes are kept.
const unescaped = (text) => {
  const bytes = utf8.encode(text);
  const out = [];
  for (let at = 0; at < bytes.length; at++) {
    const hex = bytes[at] === 0x25 && /^[0-9a-f]{2}$/i.exec(String.fromCharCode(...bytes.subarray(at + 1, at + 3)));
    if (hex) at += 2;
    out.push(hex ? parseInt(hex[0], 16) : bytes[at]);
  }
  return textOf(Uint8Array.from(out));
};

// Decodes standard or URL-safe base64, with or without padding.
const fromBase64 = (text) => {
  const plain = text.replace(/=+$/, "").replace(/-/g, "+").replace(/_/g, "/");
  if (!/^[A-Za-z0-9+/]*$/.test(plain)) return undefined;
  try { return Uint8Array.from(atob(plain), (byte) => byte.charCodeAt(0)); } catch { return undefined; }
};

// google.rpc.Status: details (3) of Any: type_url (1), value (2).
const readDetails = (status, bytes) => {
  for (const [number, detail] of fieldsOf(bytes)) {
    if (number !== 3) continue;
    let kind = "", value = new Uint8Array();
    for (const [part, found] of fieldsOf(asBytes(detail))) {
      if (part === 1) kind = asText(found);
      if (part === 2) value = asBytes(found);
    }
    if (kind.endsWith("google.rpc.BadRequest")) readViolations(status, value);
    else if (kind.endsWith("google.rpc.RetryInfo")) readDelay(status, value);
  }
};

// BadRequest: field_violations (1) of field (1), description (2).
const readViolations = (status, request) => {
  for (const [number, violation] of fieldsOf(request)) {
    if (number !== 1) continue;
    const parts = { 1: "", 2: "" };
    for (const [part, text] of fieldsOf(asBytes(violation))) parts[part] = asText(text);
    status.fields.push([parts[1], parts[2]]);
  }
};

// RetryInfo: retry_delay (1) of seconds (1), nanos (2). Negative delays and delays of more than a day are ignored.
const readDelay = (status, info) => {
  for (const [number, delay] of fieldsOf(info)) {
    if (number !== 1) continue;
    for (const [part, value] of fieldsOf(asBytes(delay))) {
      const amount = Number(asNumber(value));
      if (part === 1 && amount <= DAY_S) status.retryAfterMs += amount * 1000;
      if (part === 2 && amount < 1e9) status.retryAfterMs += Math.trunc(amount / 1e6);
    }
  }
};

// A status from headers or trailers. Undefined if there is none.
const statusOf = (code, message, details) => {
  if (!code) return undefined;
  const digits = code.trim();
  const status = {
    code: /^\d+$/.test(digits) ? +digits : UNKNOWN,
    message: message ? unescaped(message) : "",
    fields: [],
    retryAfterMs: 0,
  };
  const bytes = details ? fromBase64(details) : undefined;
  if (bytes) readDetails(status, bytes);
  return status;
};

// Reads lines `name: value`, separated by CRLF. If a name is repeated, the first line counts.
const statusOfTrailers = (trailers) => {
  const values = {};
  for (const line of textOf(trailers).split("\n")) {
    const colon = line.indexOf(":");
    if (colon >= 0) values[line.slice(0, colon).trim().toLowerCase()] ??= line.slice(colon + 1).trim();
  }
  return statusOf(values["grpc-status"], values["grpc-message"], values["grpc-status-details-bin"]);
};

// ---- events for the pixel (src/pixel.rs) ---------------------------------------------------------

/** An event for fbq. */
export const forFbq = (name, id, parameters, isCustom) => [isCustom ? "trackCustom" : "track", name, parameters, id];

const PARAMETERS = {
  4: "content_type", 5: "content_name", 6: "content_category", 8: "search_string", 9: "status", 12: "order_id",
};

// Null for a text that is not a plain decimal.
const decimal = (text) => (/^(0|[1-9]\d*)(\.\d+)?$/.test(text) ? +text : null);

const setMoney = (of, key, money) => {
  for (const [number, value] of fieldsOf(money)) {
    if (number === 1) of[key] = decimal(asText(value));
    if (number === 2 && key !== "item_price") of.currency = asText(value);
  }
};

const contentOf = (content) => {
  const line = {};
  for (const [number, value] of fieldsOf(content)) {
    if (number === 1) line.id = asText(value);
    if (number === 2) line.quantity = Number(asNumber(value));
    if (number === 3) setMoney(line, "item_price", asBytes(value));
  }
  return line;
};

/** An encoded CustomData as the pixel's parameters. */
export const parametersOf = (customData) => {
  const of = {};
  for (const [number, value] of fieldsOf(customData)) {
    if (number === 1) setMoney(of, "value", asBytes(value));
    else if (number === 2) (of.content_ids ??= []).push(asText(value));
    else if (number === 3) (of.contents ??= []).push(contentOf(asBytes(value)));
    else if (number === 7) of.num_items = Number(asNumber(value));
    else if (number === 10) setMoney(of, "predicted_ltv", asBytes(value));
    else if (number === 11) {
      const pair = { 1: "", 2: "" };
      for (const [part, text] of fieldsOf(asBytes(value))) pair[part] = asText(text);
      of[pair[1]] = pair[2];
    } else if (PARAMETERS[number]) of[PARAMETERS[number]] = asText(value);
  }
  return of;
};

// An encoded BrowserEvent.
const browserEventOf = (event) => {
  let [name, id, customData, isCustom] = ["", "", new Uint8Array(), false];
  for (const [number, value] of fieldsOf(event)) {
    if (number === 1) name = asText(value);
    if (number === 2) id = asText(value);
    if (number === 3) customData = asBytes(value);
    if (number === 4) isCustom = asNumber(value) !== 0n;
  }
  return forFbq(name, id, parametersOf(customData), isCustom);
};

// ---- answers (src/answer.rs) ---------------------------------------------------------------------

/** Reads a response: [eventId, duplicate, pending, event for fbq]. Throws as engine.js says. */
export function answer(kind, status, message, details, body) {
  const [content, trailers] = partsOf(body);
  const known = statusOf(status, message, details) ?? (trailers && statusOfTrailers(trailers));
  // This may be a proxy's error page, which is not the server's refusal. So the call is tried again.
  if (!known || (known.code === OK && !content)) throw thrown(UNAVAILABLE);
  if (known.code !== OK) throw thrown(known.code, known.message, known.fields, known.retryAfterMs);
  if (kind === CONFIRMATION) return ["", false, false, undefined];

  // The numbers of the fields in tandem/v1/tracking.proto.
  const isLong = kind === LEAD || kind === PURCHASE;
  const [duplicateField, eventField, stateField] = [isLong ? 3 : 2, isLong ? 4 : 3, kind === PURCHASE ? 2 : 0];
  let [eventId, isDuplicate, isPending, event, confirmKey] = ["", false, false];
  for (const [number, value] of fieldsOf(content)) {
    if (number === 1) eventId = asText(value);
    else if (number === duplicateField) isDuplicate = asNumber(value) !== 0n;
    else if (number === eventField) event = asBytes(value);
    else if (number === stateField) isPending = asNumber(value) === PENDING;
    else if (number === 6) confirmKey = asText(value);
  }
  if (!eventId) throw thrown(UNAVAILABLE);
  if (event) {
    event = browserEventOf(event);
    if (confirmKey) event.push(confirmKey);
  }
  return [eventId, isDuplicate, isPending, event];
}
