// Waiting: for the server's answer, and between tries.

/** Sends a call and waits for the whole response: [response, bytes]. Rejects when there is none in time. */
export const post = async (engine, call, timeoutMs) => {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const response = await engine.begin(call, stop.signal);
    return [response, new Uint8Array(await response.arrayBuffer())];
  } finally {
    clearTimeout(timer);
  }
};

/** Waits. Ends early when the network comes back. */
export const nap = (ms) => new Promise((resolve) => {
  const end = () => { removeEventListener("online", end); clearTimeout(timer); resolve(); };
  const timer = setTimeout(end, ms);
  addEventListener("online", end);
});
