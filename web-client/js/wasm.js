// The engine in WebAssembly (src/, in Rust). It takes and returns bytes. This file turns the page's argument
// into a text of entries (src/flat.rs has the format) and reads the JSON that comes back.

import { CONFIRMATION, textOf } from "./kinds.js";
import { initSync, pause, run, schedule } from "./tandem_web.js";

// Keys whose values are objects or lists, and how deep these may be. Other objects are not read, because
// a page may pass any object.
const DEPTH = { contentIds: 1, contents: 2, properties: 1, experiment: 1, consent: 1 };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Values of `what` for `run` besides the kinds of calls.
const [CHECK, NEW_ID, ANSWER] = [5, 6, 8];

// An object's entries. `level` is the separator's code. `depth` is how deep its values may be.
const entries = (of, level, depth) => {
  let text = "";
  for (const key in of) text += entry(key, of[key], level, depth);
  return text;
};

const entry = (key, value, level, depth) => {
  if (value == null || value === "") return "";
  if (key === "occurredAt") value = +new Date(value);
  const deeper = level > 1 ? depth - 1 : level ? DEPTH[key] : 1;
  if (level === 1 && deeper && (deeper > 1 || typeof value != "object")) value = [].concat(value);
  const isObject = typeof value == "object" || typeof value == "function";
  const text = !isObject ? plain(value) : deeper > 0 ? entries(value, level + 1, deeper) : "";
  const end = String.fromCharCode(level);
  return (isObject ? "{" : "=") + plain(key) + end + text + end;
};

// Removes the separators from a text.
const plain = (value) => textOf(value).replace(/[\0-\4]/g, "");

const encoded = (of) => encoder.encode(entries(of, 0));

// Reads the result: JSON, then bytes after a U+0000. A "!" in front means that the JSON is thrown.
const read = (bytes) => {
  const isThrown = bytes[0] === 33;
  const end = bytes.indexOf(0);
  const json = JSON.parse(decoder.decode(bytes.subarray(isThrown, end < 0 ? bytes.length : end)));
  if (isThrown) throw json;
  return [json, bytes.subarray(end + 1)];
};

const ask = (what, number, input) => read(run(what, number, input));
const prepared = (kind, atMs, of) => {
  const [[path, denied, own], body] = ask(kind, atMs, encoded(of));
  return [path, body, own, denied];
};

// Compiles the module while it loads. If the server sends a wrong content type, compiles it after loading. The
// binder's own loader does the same in more bytes.
const compiled = async () => {
  const response = await fetch(new URL("tandem_web_bg.wasm", import.meta.url));
  if (!response.ok) throw response.status;
  try {
    return await WebAssembly.compileStreaming(response.clone());
  } catch { return WebAssembly.compile(await response.arrayBuffer()); }
};

/** Loads and starts the engine. */
export const start = async () => {
  initSync({ module: await compiled() });
  return {
    check: (options) => ask(CHECK, 0, encoded({ options }))[0],
    newId(nowMs, ...random) {
      const words = new DataView(new ArrayBuffer(12));
      random.forEach((word, place) => words.setUint32(4 * place, word));
      return ask(NEW_ID, nowMs, new Uint8Array(words.buffer))[0];
    },
    prepare: (options, visit, kind, name, input, id, madeMs) =>
      prepared(kind, madeMs, { options, visit, input, name, id }),
    confirmation: (pixelId, name, id, outcome, atMs, confirmKey) =>
      prepared(CONFIRMATION, atMs, { pixelId, name, id, outcome, confirmKey }),
    answer(kind, status, message, details, body) {
      const headers = encoded({ headers: { status, message, "status-details-bin": details } });
      const bytes = new Uint8Array(headers.length + body.length);
      bytes.set(headers);
      bytes.set(body, headers.length);
      return ask(ANSWER + kind, 0, bytes)[0];
    },
    pause,
    schedule: (n) => schedule(n) || undefined,
  };
};
