// Tandem, connected once for the whole app.

import { Tandem, type Result } from "tandem-web";

const { endpoint = "", pixelId = "", pixelScript } = document.getElementById("root")!.dataset;

const connecting = Tandem.connect({ endpoint, pixelId, pixelScript, currency: "INR", defaultCountry: "IN" });
connecting.then(
  // Meta's library reports a PageView of its own whenever the address changes, under an ID that no
  // server knows. This app reports its routes itself (PageViews.tsx).
  () => { window.fbq!.disablePushState = true; },
  (error) => console.warn("Tandem is not available:", error),
);

declare global {
  interface Window { fbq?: { disablePushState?: boolean } }
}

/** Calls Tandem when it is there. Selling comes first: what goes wrong is nobody's problem but ours. */
export async function report(call: (tandem: Tandem) => Promise<Result>): Promise<Result | null> {
  try {
    return await call(await connecting);
  } catch (error) {
    console.warn("not reported:", error);
    return null;
  }
}

/** The same for a form: a mistake that the visitor can correct is thrown, with its fields. */
export async function reportForm(call: (tandem: Tandem) => Promise<Result>): Promise<Result | null> {
  try {
    return await call(await connecting);
  } catch (error) {
    if (error instanceof Error && "fields" in error && (error.fields as unknown[]).length) throw error;
    return null;
  }
}

/** Waits, but not for long: a visitor who is about to leave must not be kept. */
export function atMost<T>(ms: number, work: Promise<T>): Promise<T | null> {
  return Promise.race([work, new Promise<null>((resolve) => { setTimeout(resolve, ms, null); })]);
}

/** `data-` attributes that show what became of an event; the tests read them. */
export function shown(result: Result | null): Record<string, string> {
  if (!result) return {};
  const { eventId, pixel, duplicate, queued } = result;
  return {
    "data-event-id": eventId, "data-pixel": pixel,
    "data-duplicate": String(duplicate), "data-queued": String(queued),
  };
}
