import { useEffect } from "react";

declare global { interface Window { fbq?: (...args: unknown[]) => void } }

export function ThankYou({ order }: { order: { id: string; total: number } }) {
  useEffect(() => {
    const isThere = typeof window !== "undefined" && typeof window.fbq === "function";
    if (isThere) {
      window.fbq!("track", "Purchase", { value: order.total, currency: "INR" }, { eventID: `purchase_${order.id}` });
    }
  }, [order.id]);
  return <p>Thank you <b>{order.id}</b></p>;
}

export async function lead(tandem: { captureLead(l: object): Promise<unknown> }, email: string) {
  try {
    await tandem.captureLead({ email });
  } catch (error) {
    (window as any).fbq?.("track", "Lead", {}, { eventID: crypto.randomUUID() });
  }
}
