// The engine in WebAssembly: src/, in Rust. It takes and gives bytes, so this file turns what the
// page gave into a text of entries (src/flat.rs has the form) and reads the JSON that comes back.

import init, { answer, check, confirmation, newId, pause, prepare, schedule } from "./tandem_web.js";

// The keys whose values are objects or lists, and how deep these go. What else is an object is
// wrong or none of our business: an argument may hold whatever a page has at hand.
const DEPTH = { contentIds: 1, contents: 2, properties: 1, experiment: 1, consent: 1 };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// An object's entries. `level` is the separator's code; `depth` how deep its values may go.
const entries = (of, level, depth) => {
  let text = "";
  for (const key in of) text += entry(key, of[key], level, depth);
  return text;
};

const entry = (key, value, level, depth) => {
  if (value == null || value === "") return "";
  if (key === "occurredAt") value = +new Date(value);
  const end = String.fromCharCode(level);
  const isObject = typeof value == "object" || typeof value == "function";
  const deeper = level === 1 ? DEPTH[key] ?? 0 : depth - 1;
  const text = !isObject ? plain(value)
    : deeper > 0 ? entries(deeper > 1 ? [].concat(value) : value, level + 1, deeper) : "";
  return (isObject ? "{" : "=") + plain(key) + end + text + end;
};

// The separators have no place in a text.
const plain = (value) => String(value).replace(/[\0-\4]/g, "");

const object = (key, of) => "{" + key + "\0" + entries(of, 1, 1) + "\0";
const text = (key, value) => "=" + key + "\0" + plain(value) + "\0";

// What came back: JSON, and bytes after a U+0000. "!" stands before what is to be thrown.
const read = (bytes) => {
  const isThrown = bytes[0] === 33;
  const end = bytes.indexOf(0);
  const json = JSON.parse(decoder.decode(bytes.subarray(isThrown, end < 0 ? bytes.length : end)));
  if (isThrown) throw json;
  return [json, bytes.subarray(end + 1)];
};

const prepared = (bytes) => {
  const [[path, denied, own], body] = read(bytes);
  return [path, body, own, denied];
};

/** Fetches and starts it, compiling while it loads. */
export const start = async () => {
  await init();
  return {
    check: (options) => read(check(encoder.encode(object("", options))))[0],
    newId: (...parts) => read(newId(...parts))[0],
    prepare: (options, visit, kind, name, input, id, madeMs) => prepared(prepare(kind, madeMs, encoder.encode(
      object("options", options) + object("visit", visit) + object("input", input) + text("name", name) + text("id", id),
    ))),
    confirmation: (pixelId, name, id, outcome, atMs) => prepared(confirmation(outcome, atMs, encoder.encode(
      text("pixelId", pixelId) + text("name", name) + text("id", id),
    ))),
    answer: (kind, status = "", message = "", details = "", bytes) => read(answer(kind, encoder.encode(
      text("grpc-status", status) + text("grpc-message", message) + text("grpc-status-details-bin", details),
    ), bytes))[0],
    pause,
    schedule: (n) => schedule(n) || undefined,
  };
};
