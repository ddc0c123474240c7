import { useEffect, useState } from "react";
import { Link, useSearchParams } from "react-router";
import type { Result } from "tandem-web";

import { report, shown } from "./tandem";

/** The page to which the payment provider sends the buyer back. */
export function ThankYou() {
  const [search] = useSearchParams();
  const orderId = search.get("order_id");
  const [purchase, setPurchase] = useState<Result | null>(null);

  useEffect(() => {
    // The server knows whether the order is paid, and the amount. A visit to this page proves nothing.
    if (orderId) report((tandem) => tandem.recordPurchase({ orderId })).then(setPurchase);
  }, [orderId]);

  // If the payment is not known yet, Tandem asks again by itself. This event tells the page the result.
  useEffect(() => {
    if (purchase?.pixel !== "pending") return;
    const told = ({ detail }: DocumentEventMap["tandem:fired"]) => {
      if (detail.eventId === purchase.eventId) setPurchase({ ...purchase, pixel: "fired" });
    };
    document.addEventListener("tandem:fired", told);
    return () => document.removeEventListener("tandem:fired", told);
  }, [purchase]);

  return (
    <main className="narrow">
      <h1>Thank you.</h1>
      <p>Your bowl is being wrapped in last month’s newspaper. We write when it leaves.</p>
      <p className="note" id="purchase-status" role="status" {...shown(purchase)}>Order {orderId}</p>
      <p><Link to="/">Back to the kiln</Link></p>
    </main>
  );
}
