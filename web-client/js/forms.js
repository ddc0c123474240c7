// Forms without code. A submitted <form data-tandem="lead"> is reported as a lead, and
// <form data-tandem="Contact"> as that event. The attributes may stand on an element around the form.
// fields.js reads the form. data-value, data-currency, data-content-name, data-content-category,
// data-content-ids, data-order-id and data-claim-key describe the event.
//
// The form is always submitted, whatever happens here. If it leads to another page, it is held until the
// server has the event, but never longer than HELD_MS. A form that the page's own script sends is reported
// when the script says that it was accepted: data-tandem-after names the event, and BUILDERS has those of
// form builders. Without such an event it is reported at once, unless it is marked as invalid.

import { read } from "./fields.js";

export { read };

const HELD_MS = 1000;
// Two equal submissions of one form within this time are one: a double click. Equal leads are always one.
const TWICE_MS = 2000;

const HUBSPOT = "hs-form-event:on-submission:success";
// Forms of builders that are sent by a script, and the event by which it says that its server accepted the form.
// Contact Form 7 and HubSpot use the browser's events. WPForms, Elementor and Gravity Forms use jQuery's.
const BUILDERS = {
  ".wpcf7-form": "wpcf7mailsent",
  ".wpforms-ajax-form": "wpformsAjaxSubmitSuccess",
  ".elementor-form": "submit_success",
  // Without a frame, Gravity Forms leads to another page.
  "[id^=gform_][target]": "gform_confirmation_loaded",
  "[id^=hsForm_], .hs-form-html form": HUBSPOT,
};
const builderEvent = (form) => BUILDERS[Object.keys(BUILDERS).find((selector) => form.matches(selector))];

const isLead = (kind) => kind.trim().toLowerCase() === "lead";

// Nobody can correct a submitted form. Values that the server cannot use are left out.
const report = async (connection, kind, input) => {
  const tandem = await connection;
  const call = (given) => (isLead(kind) ? tandem.captureLead(given) : tandem.track(kind, given));
  try {
    await call(input);
  } catch (error) {
    const wrong = (error.fields ?? []).map(({ field }) => field.replace(/^user\./, "").replace(/_(.)/g, (_, c) => c.toUpperCase()));
    const rest = Object.fromEntries(Object.entries(input).filter(([key]) => !wrong.includes(key)));
    if (Object.keys(rest).length < Object.keys(input).length) await call(rest);
    else throw error;
  }
};

let isWatching = false;

/** Reports the document's forms, also those that are added later. `connection` is the promise of `Tandem.connect`. */
export const watchForms = (connection) => {
  if (isWatching) return;
  isWatching = true;
  const held = new WeakSet(), released = new WeakSet(), reported = new WeakMap();
  // Submissions that wait for an event, by their form, the latest last. And the events that are listened to.
  const waiting = new Map(), heard = new Set(), handled = new WeakSet();

  const send = async ({ form, kind, input }) => {
    const text = kind + JSON.stringify(input), now = Date.now();
    const [before, at] = reported.get(form) ?? [];
    if (text === before && (isLead(kind) || now - at < TWICE_MS)) return;
    reported.set(form, [text, now]);
    try {
      await report(connection, kind, input);
    } catch (error) {
      reported.delete(form);
      console.warn("tandem:", kind, error.message);
    }
  };

  // An event says that a form was accepted. It comes from the form, from what is around it, or from the document. Some
  // builders name the form: 1 is gform_1, a GUID is hsForm_<GUID>.
  const accepted = (name, target, number) => {
    const isNamed = (form) => number == null || typeof number == "object" || form.id.split("_").includes(String(number));
    const isOf = (form) =>
      isNamed(form) && (!(target instanceof Element) || target.contains(form) || form.contains(target));
    const found = [...waiting.values()].reverse().find(({ form, after }) => after === name && isOf(form));
    if (!found) return;
    waiting.delete(found.form);
    send(found);
  };

  const wait = (submission) => {
    const { form, after } = submission;
    waiting.delete(form);
    waiting.set(form, submission);
    if (heard.has(after)) return;
    heard.add(after);
    // jQuery hears the browser's events too. One event accepts one form.
    const hear = (event, number) => {
      const { target, originalEvent = event } = event;
      if (handled.has(originalEvent)) return;
      handled.add(originalEvent);
      accepted(after, target, number);
    };
    addEventListener(after, hear, true);
    window.jQuery?.(document).on(after, hear);
  };

  // HubSpot's older forms send a message.
  addEventListener("message", ({ data }) => {
    if (data?.type === "hsFormCallback" && data.eventName === "onFormSubmitted") accepted(HUBSPOT, undefined, data.id);
  });

  // A submission that does not lead to another page here.
  const stay = (submission) => {
    const { form, after, isInvalid } = submission;
    if (after) wait(submission);
    else if (!isInvalid && !form.querySelector("[aria-invalid=true]")) send(submission);
  };

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
    const form = event.target, marked = form.closest?.("[data-tandem]");
    if (!marked?.dataset.tandem) return;
    if (released.has(form)) {
      event.stopImmediatePropagation();
      return;
    }
    const marks = { ...marked.dataset, ...form.dataset };
    const submission = event.tandem = {
      form, marks, kind: marks.tandem, input: read(form, marks),
      after: marks.tandemAfter ?? builderEvent(form),
      // The browser has not checked the form. Its script does.
      isInvalid: form.matches(":invalid"),
    };
    // If the page stops the event, the form is still reported.
    submission.timer = setTimeout(() => (event.defaultPrevented ? stay : send)(submission));
  }, true);

  // Runs after all other listeners. A form that the page's own script sends needs no waiting.
  addEventListener("submit", (event) => {
    const submission = event.tandem;
    if (!submission) return;
    clearTimeout(submission.timer);
    const { form, marks } = submission;
    // What the page's script has added. What it has emptied was read before.
    const own = Object.entries(submission.input).filter(([, value]) => value !== undefined);
    submission.input = { ...read(form, marks), ...Object.fromEntries(own) };
    if (event.defaultPrevented) return void (held.has(form) || stay(submission));
    const [method, target] = ["method", "target"].map((name) => form.getAttribute(name));
    // Gravity Forms and HubSpot send the form into a frame.
    if (target && target !== "_self") return void stay(submission);
    if (method === "dialog") return void send(submission);
    event.preventDefault();
    if (held.has(form)) return;
    held.add(form);
    const patience = new Promise((resolve) => { setTimeout(resolve, HELD_MS); });
    Promise.race([send(submission), patience]).catch(() => {}).then(() => release(form, event.submitter));
  });
};
