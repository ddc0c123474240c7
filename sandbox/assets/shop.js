// How the demo shop uses Tandem. Each page has one function, which gets `tandem`, the promise of
// Tandem.connect(), so that its handlers are ready while the package still loads.
//
// On every page a sale is more important than tracking. The page waits for Tandem only a short time,
// and an error of Tandem stops nothing. Without Tandem the forms are posted as without this file.

const LEAD_PATIENCE_MS = 10000;
const LEAVING_PATIENCE_MS = 2500;

// The promise's value, or null if it fails or takes too long. Throws a mistake that the visitor can
// correct (TandemError with fields).
function soon(promise, patienceMs) {
  let timer;
  const patience = new Promise((resolve) => { timer = setTimeout(resolve, patienceMs, null); });
  const outcome = promise.catch((error) => {
    if (error && error.fields && error.fields.length) throw error;
    console.warn("Tandem is not available:", error);
    return null;
  });
  return Promise.race([outcome, patience]).finally(() => clearTimeout(timer));
}

const valueOf = (form, name) => (form.elements[name] ? form.elements[name].value.trim() : "");

// Without the empty fields, because an empty field is not a value.
function filled(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== "" && value !== undefined));
}

// Maps Tandem's fields to the names of the form's inputs.
const INPUT_OF_FIELD = {
  email: "email", phone: "phone", first_name: "first_name", last_name: "last_name",
  city: "city", state: "state", postal_code: "postal_code",
};

function showMistake(form, error) {
  const box = form.querySelector(".form-error");
  const names = error.fields.map((field) => String(field.field || field).replace(/^user\./, ""));
  box.textContent = error.fields.map((field) => field.description).filter(Boolean).join(" ") || error.message;
  box.hidden = false;
  const input = names.map((name) => form.elements[INPUT_OF_FIELD[name]]).find(Boolean);
  if (input) input.focus();
}

function clearMistake(form) {
  form.querySelector(".form-error").hidden = true;
}

function setBusy(form, isBusy) {
  form.querySelector("button[type=submit]").disabled = isBusy;
}

function noteOn(element, result) {
  element.dataset.eventId = result.eventId;
  element.dataset.pixel = result.pixel;
  element.dataset.duplicate = String(result.duplicate);
  element.dataset.queued = String(result.queued);
}

// The shop's own answer. Without a network the form keeps its values and shows an error.
async function reach(address, request) {
  try {
    return await fetch(address, request);
  } catch {
    const message = navigator.onLine
      ? "We cannot be reached at the moment. Please try again in a minute."
      : "You seem to be offline. Please try again when you are back.";
    throw Object.assign(new Error(message), { fields: [] });
  }
}

function contents(product, quantity) {
  return {
    value: product.price * quantity,
    currency: product.currency,
    contentIds: [product.id],
    contentType: "product",
    contentName: product.name,
    contents: [{ id: product.id, quantity, itemPrice: product.price }],
    numItems: quantity,
  };
}

// Landing page: sends the form to the shop's mailing list and to Tandem.
export function leadPage(tandem, offer) {
  tandem.catch(() => {});
  const form = document.getElementById("lead-form");
  const done = document.getElementById("lead-done");
  let lead; // reported once, even if the form is sent again because the shop was unreachable
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearMistake(form);
    setBusy(form, true);
    try {
      lead ??= await soon(
        tandem.then((client) => client.captureLead(filled({
          email: valueOf(form, "email"),
          phone: valueOf(form, "phone"),
          firstName: valueOf(form, "first_name"),
          ...offer,
        }))),
        LEAD_PATIENCE_MS,
      );
      const kept = await reach(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!kept.ok) throw new Error("the mailing list did not accept the address");
      if (lead) noteOn(done, lead);
      form.hidden = true;
      done.hidden = false;
    } catch (error) {
      if (error.fields) showMistake(form, error);
      else form.submit();
    } finally {
      setBusy(form, false);
    }
  });
}

export function productPage(tandem, product) {
  const view = contents(product, 1);
  delete view.numItems;
  soon(tandem.then((client) => client.track("ViewContent", view)), LEAD_PATIENCE_MS).catch(console.warn);

  const form = document.getElementById("add-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { numItems, ...added } = contents(product, Number(valueOf(form, "quantity")) || 1);
    await soon(tandem.then((client) => client.track("AddToCart", added)), LEAVING_PATIENCE_MS).catch(console.warn);
    form.submit();
  });
}

// Checkout: creates the order before the event, so that the event has the order's ID.
export function checkoutPage(tandem, product) {
  tandem.catch(() => {});
  const form = document.getElementById("checkout-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearMistake(form);
    setBusy(form, true);
    const fields = Object.fromEntries(new FormData(form));
    try {
      const answer = await reach("/shop/api/orders", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(fields),
      });
      const order = await answer.json();
      if (!answer.ok) {
        showMistake(form, { message: order.error, fields: [] });
        return;
      }
      await soon(
        tandem.then((client) => client.track("InitiateCheckout", filled({
          orderId: order.order_id,
          paymentSessionId: order.payment_session_id,
          ...contents(product, product.quantity),
          email: valueOf(form, "email"),
          phone: valueOf(form, "phone"),
          firstName: valueOf(form, "first_name"),
          lastName: valueOf(form, "last_name"),
          city: valueOf(form, "city"),
          state: valueOf(form, "state"),
          postalCode: valueOf(form, "postal_code"),
          country: "IN",
        }))),
        LEAVING_PATIENCE_MS,
      ).catch(console.warn); // the shop has checked the form, and a match key that Tandem cannot use must not stop a sale
      location.assign(order.checkout_url);
    } catch (error) {
      console.warn(error);
      if (error.fields) showMistake(form, error);
      else form.submit();
    } finally {
      setBusy(form, false);
    }
  });
}

// Thank-you page: Tandem decides whether the Purchase is real before the pixel fires.
export async function thankYouPage(tandem, { orderId }) {
  const status = document.getElementById("purchase-status");
  const away = status.textContent;
  status.textContent = "Asking Tandem about this purchase…";
  const show = () => {
    status.textContent = `Purchase ${status.dataset.eventId}: pixel ${status.dataset.pixel}` +
      (status.dataset.duplicate === "true" ? ", seen before" : "");
  };
  // The package itself asks again for a pending purchase while the page is open. The purchase has
  // fired when the browser lists the pixel's request with this event ID.
  const watcher = new PerformanceObserver((list) => {
    const wanted = `eid=${encodeURIComponent(`purchase_${orderId}`)}`;
    const fired = list.getEntries().some((entry) =>
      entry.name.includes("ev=Purchase") && entry.name.split(/[?&]/).includes(wanted));
    if (fired && status.dataset.pixel === "pending") {
      status.dataset.pixel = "fired";
      show();
    }
  });
  watcher.observe({ type: "resource" });
  try {
    const purchase = await (await tandem).recordPurchase({ orderId });
    noteOn(status, purchase);
    show();
  } catch (error) {
    status.textContent = away;
    console.warn("Tandem is not available:", error);
  }
}
