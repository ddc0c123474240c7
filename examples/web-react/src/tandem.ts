// Tandem, connected once for the whole app.

import { Tandem, type Result } from "tandem-web";

const { endpoint = "", pixelId = "", pixelScript } = document.getElementById("root")!.dataset;

const connecting = Tandem.connect({ endpoint, pixelId, pixelScript, currency: "INR", defaultCountry: "IN" });
connecting.catch((error) => console.warn("Tandem is not available:", error));

/** Calls Tandem. Returns null on an error, because tracking must not stop a sale. */
export async function report(call: (tandem: Tandem) => Promise<Result>): Promise<Result | null> {
  try {
    return await call(await connecting);
  } catch (error) {
    console.warn("not reported:", error);
    return null;
  }
}

/** Like `report`, but throws a mistake that the visitor can correct, with its fields. */
export async function reportForm(call: (tandem: Tandem) => Promise<Result>): Promise<Result | null> {
  try {
    return await call(await connecting);
  } catch (error) {
    if (error instanceof Error && "fields" in error && (error.fields as unknown[]).length) throw error;
    return null;
  }
}

/** Waits for at most `ms` milliseconds, because a visitor who leaves the page must not wait longer. */
export function atMost<T>(ms: number, work: Promise<T>): Promise<T | null> {
  return Promise.race([work, new Promise<null>((resolve) => { setTimeout(resolve, ms, null); })]);
}

/** `data-` attributes that show an event's result. The tests read them. */
export function shown(result: Result | null): Record<string, string> {
  if (!result) return {};
  const { eventId, pixel, duplicate, queued } = result;
  return {
    "data-event-id": eventId, "data-pixel": pixel,
    "data-duplicate": String(duplicate), "data-queued": String(queued),
  };
}
