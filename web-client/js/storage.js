// Short lists of orders in localStorage: [order ID, …]. An order ID is not personal data. Private windows
// and strict settings refuse storage. Then nothing is remembered.

/** Purchases that wait for their payment: [order ID, claim key, since]. */
export const PENDING_KEY = "tandem.pending";
/** Purchases that Meta's library in this browser has: [order ID, "fired" or "blocked"]. */
export const FIRED_KEY = "tandem.fired";
const ORDERS_MAX = 20;

export const load = (key) => {
  try { return JSON.parse(localStorage.getItem(key)) ?? []; } catch { return []; }
};

/** Replaces an order's entry. Without an entry, removes it. */
export const store = (key, orderId, entry) => {
  const kept = load(key).filter(([id]) => id !== orderId).concat(entry ? [entry] : []).slice(-ORDERS_MAX);
  try { localStorage.setItem(key, JSON.stringify(kept)); } catch { /* nothing is remembered */ }
};

/** Removes a list. */
export const clear = (key) => {
  try { localStorage.removeItem(key); } catch { /* nothing is remembered */ }
};

/** What became of an order's event in this browser: "fired", "blocked" (Meta's library could not send it), or undefined. */
export const outcomeOf = (orderId) => load(FIRED_KEY).find(([id]) => id === orderId)?.[1];
