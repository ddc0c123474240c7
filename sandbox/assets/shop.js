// How the demo shop uses Tandem. Each page has one function, which gets `tandem`, the promise of
// Tandem.connect(), so that its handlers are ready while the package still loads.
//
// On every page a sale is more important than tracking. A form waits for Tandem for a second at most, and an error of
// Tandem stops nothing. A mistake that the visitor can correct is shown under its field, once: if the form is
// sent again, it goes through. Without Tandem the forms are posted as without this file.

const PATIENCE_MS = 1000;

// The promise's value, or null if it fails or takes too long.
function soon(promise, patienceMs = PATIENCE_MS) {
  let timer;
  const patience = new Promise((resolve) => { timer = setTimeout(resolve, patienceMs, null); });
  const outcome = promise.catch((error) => {
    console.warn("Tandem:", error);
    return null;
  });
  return Promise.race([outcome, patience]).finally(() => clearTimeout(timer));
}

const valueOf = (form, name) => (form.elements[name] ? form.elements[name].value.trim() : "");

// Without the empty fields, because an empty field is not a value.
function filled(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== "" && value !== undefined));
}

// Shows a text under an input, and ties it to the input for those who do not see it.
function explain(input, text) {
  const id = `${input.form.id}-${input.name}-error`;
  let place = document.getElementById(id);
  if (!place) {
    place = Object.assign(document.createElement("p"), { id, className: "field-error" });
    input.closest("label").after(place);
    input.setAttribute("aria-describedby", id);
  }
  place.textContent = text;
  place.hidden = false;
  input.setAttribute("aria-invalid", "true");
}

// The form's own error, about no single field.
function showMistake(form, text) {
  const box = form.querySelector(".form-error");
  box.textContent = text;
  box.hidden = false;
}

function clearMistakes(form) {
  for (const place of form.querySelectorAll(".form-error, .field-error")) place.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
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
    throw Object.assign(new Error(message), { isForVisitor: true });
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
  // What Tandem refused, by the input's name. A value that is sent again is left out of the lead.
  const refused = new Map();
  const usable = (name) => (refused.get(name) === valueOf(form, name) ? "" : valueOf(form, name));
  let lead; // reported once, even if the form is sent again because the shop was unreachable

  // Whether the visitor is asked about a mistake: each value once.
  const isAsked = ({ field, description }) => {
    const input = form.elements[field.replace(/^user\./, "")];
    if (!input || refused.get(input.name) === valueOf(form, input.name)) return false;
    refused.set(input.name, valueOf(form, input.name));
    explain(input, description);
    return true;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearMistakes(form);
    setBusy(form, true);
    try {
      lead ??= tandem.then((client) => client.captureLead(filled({
        email: usable("email"),
        phone: usable("phone"),
        firstName: usable("first_name"),
        ...offer,
      })));
      const mistakes = await soon(lead.then(() => [], (error) => error.fields || []));
      if (mistakes && mistakes.length) lead = undefined;
      if (mistakes && mistakes.filter(isAsked).length) {
        form.querySelector("[aria-invalid=true]").focus();
        return;
      }
      const kept = await reach(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!kept.ok) throw new Error("the mailing list did not accept the address");
      if (lead) lead.then((result) => noteOn(done, result), (error) => console.warn("Tandem:", error));
      form.hidden = true;
      done.hidden = false;
    } catch (error) {
      if (error.isForVisitor) showMistake(form, error.message);
      else form.submit();
    } finally {
      setBusy(form, false);
    }
  });
}

export function productPage(tandem, product) {
  const view = contents(product, 1);
  delete view.numItems;
  soon(tandem.then((client) => client.track("ViewContent", view)));

  const form = document.getElementById("add-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { numItems, ...added } = contents(product, Number(valueOf(form, "quantity")) || 1);
    await soon(tandem.then((client) => client.track("AddToCart", added)));
    form.submit();
  });
}

// Checkout: creates the order before the event, so that the event has the order's ID.
export function checkoutPage(tandem, product) {
  tandem.catch(() => {});
  const form = document.getElementById("checkout-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearMistakes(form);
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
        showMistake(form, order.error);
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
      );
      location.assign(order.checkout_url);
    } catch (error) {
      console.warn(error);
      if (error.isForVisitor) showMistake(form, error.message);
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
