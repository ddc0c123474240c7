// The engine in WebAssembly (src/, in Rust). This file loads it.

import {
  begin, check, click, cookies, finish, fire, initSync, matching, newId, pause, prepare, schedule,
} from "./tandem_web.js";

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
    begin, check, click, cookies, finish, fire, matching, pause, prepare, schedule,
    newId: () => newId(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
  };
};
