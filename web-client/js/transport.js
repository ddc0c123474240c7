// The way to the server: one POST per call, in gRPC-web's binary form.

/**
 * Sends a body to the endpoint of the options. Resolves to [status, message, details, bytes]: gRPC's three headers, undefined
 * where they are not set, and the response's body. Rejects when there is no response.
 */
export const post = async ({ endpoint, cookies }, path, body, timeoutMs) => {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const response = await fetch(endpoint.replace(/\/+$/, "") + path, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
      body,
      // The server reads and sets the shop's cookies only where it is told to make them; elsewhere it
      // allows no credentials, and a call with them would fail.
      credentials: cookies === "server" ? "include" : "same-origin",
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

/** Waits; ends early when the network comes back. */
export const nap = (ms) => new Promise((resolve) => {
  const end = () => { removeEventListener("online", end); clearTimeout(timer); resolve(); };
  const timer = setTimeout(end, ms);
  addEventListener("online", end);
});
