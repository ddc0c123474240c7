// The shop's own backend. In the sandbox the demo shop answers.

export const PRODUCT = { id: "deck", name: "The Dusk Bowl", price: 1499, currency: "INR" };

export interface Order {
  order_id: string;
  checkout_url: string;
}

async function post(path: string, headers: HeadersInit, body: BodyInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { method: "POST", headers, body });
  } catch {
    throw new Error(navigator.onLine
      ? "We cannot be reached at the moment. Please try again in a minute."
      : "You seem to be offline. Please try again when you are back.");
  }
  if (!answer.ok) throw new Error("That did not work. Please look over what you typed.");
  return answer;
}

/** Adds a visitor to the mailing list. */
export async function subscribe(form: FormData): Promise<void> {
  await post("/shop/leads", {}, new URLSearchParams(form as unknown as Record<string, string>));
}

/** Creates an order. The buyer pays it at `checkout_url`. */
export async function placeOrder(form: FormData): Promise<Order> {
  const thanks = `${new URL("thank-you", document.baseURI).pathname}?order_id={order_id}`;
  const order = { ...Object.fromEntries(form), product: PRODUCT.id, quantity: 1, return_path: thanks };
  const answer = await post("/shop/api/orders", { "content-type": "application/json" }, JSON.stringify(order));
  return answer.json();
}
