// The engine in WebAssembly (src/, in Rust). It takes and returns JSON. This file loads it, writes the page's
// arguments as JSON and reads the results.

import { textOf } from "./kinds.js";
import { begin, finish, fire, initSync, pause, run, schedule } from "./tandem_web.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// What the function `run` does.
const [CHECK, NEW_ID, CLICK, COOKIES, MATCHING, PREPARE] = [0, 1, 2, 3, 4, 5];
// Objects of the page. They may have members that cannot be JSON, such as an element of the page. Those mean nothing to
// Tandem and are left out.
const OPEN = ["input", "options"];

const plain = (_, value) => (["number", "bigint"].includes(typeof value) ? textOf(value) : value);

const json = (of) => {
  const members = [];
  for (const key in of) {
    let value = of[key];
    if (key === "occurredAt" && value != null) value = +new Date(value);
    try {
      const text = OPEN.includes(key) ? json(value) : JSON.stringify(value, plain);
      if (text) members.push(JSON.stringify(key) + ":" + text);
    } catch { /* no value for Tandem */ }
  }
  return "{" + members + "}";
};

const encoded = (of) => encoder.encode(json(of));

// A call without what only js/ needs.
const plainCall = ({ kind, name, input, id, madeMs, visit, options }) =>
  encoded({ kind, name, input, id, madeMs, visit, options });

// Reads a result. A "!" in front means that the JSON is thrown.
const read = (bytes) => {
  const isThrown = bytes[0] === 33;
  const result = JSON.parse(decoder.decode(bytes.subarray(isThrown)));
  if (isThrown) throw result;
  return result;
};

const ask = (what, input) => read(run(what, Date.now(), input));

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
    check: (options) => ask(CHECK, encoded(options)),
    newId: () => ask(NEW_ID, crypto.getRandomValues(new Uint8Array(10))),
    prepare: (call) => ask(PREPARE, plainCall(call)),
    begin: (call, signal) => begin(plainCall(call), signal),
    finish(call, response, bytes, mayFire) {
      const header = (name) => response.headers.get("grpc-" + name);
      const headers = { status: header("status"), message: header("message"), "status-details-bin": header("status-details-bin") };
      return read(finish(encoded({ kind: call.kind, headers }), bytes, mayFire));
    },
    fire: (event) => fire(event.call),
    pause,
    schedule,
    click: (page, referrer) => ask(CLICK, encoded({ page, referrer })) || undefined,
    cookies: (visit, dots, random) => ask(COOKIES, encoded({ visit, dots, random })),
    matching: (person) => ask(MATCHING, encoded(person)),
  };
};
