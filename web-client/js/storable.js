// Turns a call into the form that may be stored. This file loads only when a call must be stored. It names each
// field, so that a new field is not stored by accident. Core's own rules (tandem_normaliser, WebAssembly)
// normalise and hash every field of the person. As on the server, anything that looks like an e-mail address
// or a phone number is removed from URLs and free text.

import { textOf } from "./kinds.js";
import init, { hash, matchKeys, scrubText, scrubUrl } from "./tandem_normaliser.js";

// Longest stored URL, as on the server. A longer one loses its query.
const URL_CHARS_MAX = 2048;

const isScalar = (value) => value != null && value !== "" && typeof value != "object" && typeof value != "function";
const text = (value) => (isScalar(value) ? scrubText(textOf(value)) : undefined);
// IDs and amounts. They are not scrubbed, because their digits are not phone numbers.
const plain = (value) => (isScalar(value) ? textOf(value) : undefined);
const list = (value) => [].concat(value ?? []);

const url = (value) => {
  const clean = isScalar(value) ? scrubUrl(String(value)) : "";
  return clean.length > URL_CHARS_MAX ? clean.split("?")[0].slice(0, URL_CHARS_MAX) : clean;
};

// A value that cannot be normalised is left out.
const hashed = (key, value, person, defaultCountry) => {
  try {
    return hash(key, value, plain(person.country) ?? "", plain(defaultCountry) ?? "", Date.now());
  } catch { return undefined; }
};

const personOf = (input, defaultCountry) => {
  const person = {};
  // The person's fields and their names for Meta.
  for (const [field, key] of matchKeys().split(",").map((pair) => pair.split(" "))) {
    const value = plain(input[field]);
    if (value) person[field] = hashed(key, value, input, defaultCountry);
  }
  return person;
};

const experimentOf = (of) => of && { id: text(of.id), variant: text(of.variant), testGroup: text(of.testGroup) };

const consentOf = (of) => of && {
  ads: plain(of.ads), limitedDataUse: !!of.limitedDataUse, country: plain(of.country), state: plain(of.state),
};

const dataOf = (input) => ({
  value: plain(input.value),
  currency: plain(input.currency),
  predictedLtv: plain(input.predictedLtv),
  numItems: plain(input.numItems),
  contentIds: list(input.contentIds).map(plain),
  contents: list(input.contents).map((line) => ({
    id: plain(line?.id), quantity: plain(line?.quantity), itemPrice: plain(line?.itemPrice),
  })),
  contentType: text(input.contentType),
  contentName: text(input.contentName),
  contentCategory: text(input.contentCategory),
  searchString: text(input.searchString),
  status: text(input.status),
  properties: Object.fromEntries(
    Object.entries(input.properties ?? {}).map(([key, value]) => [scrubText(key), text(value)]),
  ),
  orderId: plain(input.orderId),
  claimKey: plain(input.claimKey),
  paymentSessionId: plain(input.paymentSessionId),
});

/**
 * The entry of localStorage for a call. unsent.js sends it with the entry's `input`, `visit` and `options`.
 * Undefined for a lead without a usable e-mail address or phone number.
 */
export const storable = async (call, options) => {
  await init();
  const { kind, name, id, madeMs, visit } = call;
  const input = call.input ?? {};
  const person = personOf(input, options.defaultCountry);
  if (kind === "lead" && !person.email && !person.phone) return undefined;
  return {
    kind, name, id, madeMs,
    pixelId: String(options.pixelId),
    input: {
      ...person,
      ...dataOf(input),
      experiment: experimentOf(input.experiment),
      consent: consentOf(input.consent),
      occurredAt: input.occurredAt == null ? undefined : +new Date(input.occurredAt),
    },
    visit: {
      page: url(visit.page),
      referrer: url(visit.referrer),
      click: plain(visit.click),
      fbp: plain(visit.fbp),
      fbc: plain(visit.fbc),
    },
    options: {
      pixelId: plain(options.pixelId),
      currency: plain(options.currency),
      defaultCountry: plain(options.defaultCountry),
      experiment: experimentOf(options.experiment),
      consent: consentOf(options.consent),
    },
  };
};
