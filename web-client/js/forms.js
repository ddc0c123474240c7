// Forms without code. A submitted <form data-tandem="lead"> is reported as a lead, and
// <form data-tandem="Contact"> as that event. Fields are found by `data-tandem-field`, `autocomplete`,
// `name` or `type`. data-value, data-currency, data-content-name, data-content-category,
// data-content-ids, data-order-id and data-claim-key of the form describe the event.
//
// The form is always submitted, whatever happens here. If it leads to another page, it is held until the
// server has the event, but never longer than HELD_MS.

const HELD_MS = 1000;
const UNREAD = ["password", "file", "submit", "button", "reset", "image", "fieldset"];

// Names of fields, in lower case and without separators, and tokens of `autocomplete`.
const FIELDS = {
  email: "email e-mail mail emailaddress",
  phone: "phone tel tel-national mobile mobilenumber phonenumber telephone whatsapp contactnumber",
  firstName: "firstname fname givenname given-name forename",
  lastName: "lastname lname familyname family-name surname",
  city: "city town address-level2",
  state: "state province region address-level1",
  postalCode: "postalcode postal-code postcode zip zipcode pin pincode",
  country: "country country-name",
  gender: "gender sex",
  dateOfBirth: "dateofbirth birthdate birthday bday dob",
  name: "name fullname yourname",
};
const KNOWN = {};
for (const key in FIELDS) for (const word of FIELDS[key].split(" ")) KNOWN[word.replace(/\W/g, "")] = key;
const known = (word) => KNOWN[String(word ?? "").toLowerCase().replace(/[\W_]/g, "")];

const keyOf = (element) =>
  element.dataset.tandemField
  || String(element.getAttribute("autocomplete") ?? "").split(" ").map(known).find(Boolean)
  || (element.type !== "hidden" && known(element.name))
  || { email: "email", tel: "phone" }[element.type];

/** The values of a form, as the argument of `captureLead` or `track`. */
export const read = (form) => {
  const { value, currency, contentName, contentCategory, contentIds, orderId, claimKey } = form.dataset;
  const input = { value, currency, contentName, contentCategory, orderId, claimKey };
  if (contentIds) input.contentIds = contentIds.split(",").map((id) => id.trim());
  for (const element of form.elements) {
    const isChoice = element.type === "radio" || element.type === "checkbox";
    if (element.disabled || UNREAD.includes(element.type) || isChoice && !element.checked) continue;
    const key = keyOf(element), text = String(element.value ?? "").trim();
    if (key && text) input[key] ??= text;
  }
  const { name, ...rest } = input;
  if (!name) return rest;
  const [first, ...others] = name.split(/\s+/);
  return { ...rest, firstName: rest.firstName ?? first, lastName: rest.lastName ?? (others.join(" ") || undefined) };
};

// Nobody can correct a submitted form. Values that the server cannot use are left out.
const report = async (connection, kind, input) => {
  const tandem = await connection;
  const call = (given) => (kind.toLowerCase() === "lead" ? tandem.captureLead(given) : tandem.track(kind, given));
  try {
    await call(input);
  } catch (error) {
    const wrong = (error.fields ?? []).map(({ field }) => field.replace(/^user\./, "").replace(/_(.)/g, (_, c) => c.toUpperCase()));
    const rest = Object.fromEntries(Object.entries(input).filter(([key]) => !wrong.includes(key)));
    if (Object.keys(rest).length < Object.keys(input).length) await call(rest);
    else throw error;
  }
};

/** Reports the document's forms, also those that are added later. `connection` is the promise of `Tandem.connect`. */
export const watchForms = (connection) => {
  const held = new WeakSet(), released = new WeakSet();
  const send = (form) => report(connection, form.dataset.tandem, read(form))
    .catch((error) => { console.warn("tandem:", form.dataset.tandem, error.message); });

  const release = (form, submitter) => {
    held.delete(form);
    released.add(form);
    try {
      form.requestSubmit(submitter);
    } catch {
      HTMLFormElement.prototype.submit.call(form);
    }
    released.delete(form);
  };

  // Runs before all other listeners. A form that was held is submitted without calling them a second time.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset?.tandem) return;
    if (released.has(form)) {
      event.stopImmediatePropagation();
      return;
    }
    // If the page stops the event, the form is still reported.
    event.tandem = setTimeout(() => send(form));
  }, true);

  // Runs after all other listeners. A form that the page's own script sends needs no waiting.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (!event.tandem) return;
    clearTimeout(event.tandem);
    if (event.defaultPrevented) return void (held.has(form) || send(form));
    const [method, target] = ["method", "target"].map((name) => form.getAttribute(name));
    if (method === "dialog" || target && target !== "_self") return void send(form);
    event.preventDefault();
    if (held.has(form)) return;
    held.add(form);
    const patience = new Promise((resolve) => { setTimeout(resolve, HELD_MS); });
    Promise.race([send(form), patience]).then(() => release(form, event.submitter));
  });
};
