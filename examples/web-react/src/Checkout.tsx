import { useState, type FormEvent } from "react";

import { Mistake, mistakesOf } from "./Mistake";
import { PRODUCT, placeOrder } from "./shop";
import { atMost, report } from "./tandem";

export function Checkout() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    setProblem("");
    try {
      // The order is created before the event, so that the Purchase can find its browser by the order's ID.
      const order = await placeOrder(form);
      await atMost(1000, report((tandem) => tandem.track("InitiateCheckout", {
        orderId: order.order_id, value: PRODUCT.price, contentIds: [PRODUCT.id], contentType: "product",
        email: text("email"), phone: text("phone"), firstName: text("first_name"), lastName: text("last_name"),
      })));
      location.assign(order.checkout_url);
    } catch (error) {
      setProblem(mistakesOf(error)[""] ?? "");
      setBusy(false);
    }
  }

  return (
    <main className="narrow">
      <h1>Where shall it go?</h1>
      <form id="checkout-form" className="panel" onSubmit={submit}>
        <div className="pair">
          <label>First name <input name="first_name" autoComplete="given-name" required maxLength={80} /></label>
          <label>Last name <input name="last_name" autoComplete="family-name" required maxLength={80} /></label>
        </div>
        <label>E-mail <input type="email" name="email" autoComplete="email" required maxLength={200} /></label>
        <label>Mobile <input type="tel" name="phone" autoComplete="tel" required maxLength={30} /></label>
        <Mistake text={problem} />
        <button id="pay" type="submit" disabled={busy}>Pay ₹1,499</button>
        <p className="note">{PRODUCT.name}, delivery included. You pay on the next page.</p>
      </form>
    </main>
  );
}
