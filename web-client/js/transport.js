// Requests to the server: one POST per call, in gRPC-web's binary form.

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
      // The server uses the shop's cookies only if it is configured to write them. Otherwise it allows no
      // credentials, and a call with credentials would fail.
      credentials: cookies === "server" ? "include" : "same-origin",
      signal: stop.signal,
      // The request continues when the visitor leaves the page. Browsers allow 64 KiB of such requests.
      keepalive: body.length < 60000,
    });
    const header = (name) => response.headers.get("grpc-" + name) ?? undefined;
    const bytes = new Uint8Array(await response.arrayBuffer());
    return [header("status"), header("message"), header("status-details-bin"), bytes];
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
