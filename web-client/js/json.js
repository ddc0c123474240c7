// The engine without WebAssembly: it posts JSON (Connect protocol) to the same server. It loads only where WebAssembly
// does not start: a policy without 'wasm-unsafe-eval', a proxy that blocks .wasm files, an old browser. engine.js lists
// its functions. The protocol's names stand in this file alone.
//
// It knows less than the module. Unknown keys are not told, match keys go to the pixel as hashes only, and `_fbc` is the
// server's to make from the click ID.

import { textOf } from "./kinds.js";

const SERVICE = "/tandem.v1.TrackingService/";
const METHODS = {
  lead: "CaptureLead", event: "TrackEvent", custom: "TrackEvent", purchase: "RecordPurchase", report: "ConfirmBrowserEvents",
};
// Names of these belong to the person. Every other key of an event that is no member of the request is its data.
const PERSON = [
  "email", "phone", "firstName", "lastName", "city", "state", "postalCode", "country", "gender", "dateOfBirth", "externalId",
];
const OF_REQUEST = ["orderId", "claimKey", "paymentSessionId"];
const DATA = [
  "contentIds", "contentType", "contentName", "contentCategory", "numItems", "searchString", "status",
];
const METAS_KEYS = {
  email: "em", phone: "ph", firstName: "fn", lastName: "ln", gender: "ge", dateOfBirth: "db", city: "ct", state: "st",
  postalCode: "zp", country: "country", externalId: "external_id",
};

const PENDING_MS = [2000, 5000, 10000, 30000, 60000];
const THROTTLED_MS = 5000;
const CORRECTABLE = ["invalid_argument", "permission_denied", "failed_precondition", "out_of_range", "unauthenticated"];

const isGiven = (value) => value != null && value !== "";
const text = (value) => (isGiven(value) ? textOf(value) : undefined);
const texts = (of, keys) => Object.fromEntries(keys.map((key) => [key, text(of?.[key])]));
const list = (value) => (Array.isArray(value) ? value : isGiven(value) ? [value] : undefined);
const time = (ms) => new Date(ms).toISOString();

const mistake = (field, code, description) => {
  throw { code: "INVALID_ARGUMENT", message: field + ": " + description, fields: [{ field, code, description }] };
};

// Two names with the same letters and digits are one name. Letters beyond ASCII make another name.
const spelling = (name) => name.toLowerCase().replace(/[\x00-\x7f]/g, (sign) => (/[a-z0-9]/.test(sign) ? sign : ""));
// Event names that other calls or Meta reserve, in any spelling.
const RESERVED = ["purchase", "lead", "appendvalue", "appendattribution"];

const STANDARD = ("AddPaymentInfo AddToCart AddToWishlist CompleteRegistration Contact CustomizeProduct Donate FindLocation " +
  "InitiateCheckout Lead PageView Purchase Schedule Search StartTrial SubmitApplication Subscribe ViewContent").split(" ");
// The server's name for an event. The pixel must have the same, or Meta counts the event twice.
const nameOf = (name) => STANDARD.find((standard) => spelling(standard) === spelling(name)) ?? name;

const moneyIn = (currency) => (amount) => (isGiven(amount) ? { amount: textOf(amount), currencyCode: currency } : undefined);

const dataOf = (input, defaultCurrency) => {
  const money = moneyIn(text(input.currency) ?? text(defaultCurrency));
  return {
    ...texts(input, DATA.slice(1)),
    value: money(input.value),
    predictedLtv: money(input.predictedLtv),
    contentIds: list(input.contentIds)?.filter(isGiven).map(textOf),
    contents: list(input.contents)?.map((line) => {
      if (typeof line != "object") mistake("custom_data.contents", "WRONG_TYPE", "This must be an object.");
      return { id: text(line.id), quantity: +(line.quantity ?? 1), itemPrice: money(line.itemPrice) };
    }),
    numItems: isGiven(input.numItems) ? +input.numItems : undefined,
    properties: input.properties && Object.entries(input.properties)
      .filter(([, value]) => isGiven(value)).map(([key, value]) => ({ key, value: textOf(value) })),
  };
};

const consentOf = ({ ads, limitedDataUse, country, state }) => {
  if (isGiven(ads) && !["granted", "denied", "measure_only"].includes(ads)) {
    mistake("consent.ads", "VALUE_UNKNOWN", "This must be one of granted, denied, measure_only.");
  }
  return { ads: ads ? "CONSENT_" + ads.toUpperCase() : undefined, limitedDataUse, country, state };
};

const requestOf = ({ kind, name, input = {}, id, madeMs, visit, options }) => {
  if (kind === "report") {
    const confirmation = {
      eventName: input.name, eventId: input.id, outcome: "OUTCOME_" + input.outcome.toUpperCase(), occurredAt: time(input.atMs),
      confirmKey: input.key,
    };
    return { confirmations: [confirmation], pixelId: String(options.pixelId) };
  }
  const { id: experimentId, variant, testGroup } = input.experiment ?? options.experiment ?? {};
  const consent = input.consent ?? options.consent;
  const atMs = isGiven(input.occurredAt) ? +new Date(input.occurredAt) : madeMs;
  if (Number.isNaN(atMs)) {
    mistake("occurred_at", "WRONG_TYPE", "This must be a Date, a date's text or milliseconds since 1970.");
  }
  const isEvent = kind === "event" || kind === "custom";
  return {
    user: { ...texts(input, PERSON), defaultCountry: text(options.defaultCountry) },
    browser: {
      ...texts(visit, ["fbp", "fbc"]), fbclid: visit.click, eventSourceUrl: visit.page, referrerUrl: text(visit.referrer),
    },
    customData: dataOf(input, options.currency),
    experiment: texts({ experimentId, variant, testGroup }, ["experimentId", "variant", "testGroup"]),
    consent: consent && consentOf(consent),
    occurredAt: atMs ? time(atMs) : undefined,
    pixelId: String(options.pixelId),
    ...(kind === "lead" ? {} : texts(input, OF_REQUEST)),
    ...(kind === "purchase" ? {} : { clientEventId: id }),
    ...(isEvent ? { eventName: name } : {}),
  };
};

// The pixel's parameters (Meta Pixel reference, object properties) have the protocol's names with underscores.
const underscored = (key) => key.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
const decimal = (amount) => (/^(0|[1-9]\d*)(\.\d+)?$/.test(amount) ? +amount : null);
const parametersOf = (of) => {
  const out = {};
  for (const [key, value] of Object.entries(of ?? {})) {
    if (!isGiven(value) || value.length === 0) continue;
    if (key === "properties") for (const pair of value) out[pair.key] = pair.value;
    else if (value.amount !== undefined) {
      out[underscored(key)] = decimal(value.amount);
      if (key !== "itemPrice" && value.currencyCode) out.currency = value.currencyCode;
    } else out[underscored(key)] = key === "contents" ? value.map(parametersOf) : value;
  }
  return out;
};

// An event for fbq.
const eventOf = (name, id, parameters, key) => {
  const method = STANDARD.includes(name) ? "track" : "trackCustom";
  return { name, id, key: key || undefined, call: [method, name, parameters, { eventID: id }] };
};

const checkOptions = ({ endpoint, pixelId, consent }) => {
  if (!/^(https?:\/\/|\/(?!\/))/.test(endpoint)) {
    mistake("endpoint", "URL_MALFORMED", "Give the server's address, such as https://track.shop.example, " +
      "or a path of this site that leads to it, such as /t.");
  }
  if (!/^\d+$/.test(pixelId)) mistake("pixel_id", "PIXEL_UNKNOWN", "Give the pixel's ID: digits.");
  return consentOf(consent ?? {}).ads === "CONSENT_DENIED";
};

const prepare = (call) => {
  const { kind, input = {}, id } = call;
  if (kind === "report") return { unknown: [], request: requestOf(call) };
  const isEvent = kind === "event" || kind === "custom";
  const name = isEvent ? nameOf(call.name.trim()) : kind === "lead" ? "Lead" : "Purchase";
  if (isEvent && RESERVED.includes(spelling(name))) {
    mistake("event_name", "EVENT_NAME_RESERVED",
      "Use captureLead for Lead and recordPurchase for Purchase. Other reserved names cannot be sent.");
  }
  if (kind === "lead" && !isGiven(input.email) && !isGiven(input.phone)) {
    mistake("user.email", "EMAIL_OR_PHONE_REQUIRED", "Enter an e-mail address or a phone number.");
  }
  if (kind === "purchase" && !isGiven(input.orderId)) mistake("order_id", "REQUIRED", "Give the order's ID.");
  const request = requestOf({ ...call, name });
  const ads = request.consent?.ads;
  const isSilent = kind === "purchase" || ["CONSENT_DENIED", "CONSENT_MEASURE_ONLY"].includes(ads);
  const parameters = { ...parametersOf(request.customData), ...parametersOf({ ...request.experiment, orderId: request.orderId }) };
  const event = isSilent ? undefined : eventOf(name, id, parameters);
  return { name, event, denied: ads === "CONSENT_DENIED", unknown: [], request };
};

const fire = ({ call }) => {
  try {
    window.fbq(...call);
    return true;
  } catch { return false; }
};

// What js/ throws for an error of the server. A proxy's page has no code: the call is tried again.
const failureOf = ({ code, message, details = [] }) => {
  const detail = (name) => details.find(({ type }) => type === "google.rpc." + name)?.debug;
  if (!CORRECTABLE.includes(code)) {
    const waitMs = parseFloat(detail("RetryInfo")?.retryDelay) * 1000;
    return waitMs > 0 && waitMs <= 86_400_000 ? waitMs : code === "resource_exhausted" ? THROTTLED_MS : 0;
  }
  const fields = (detail("BadRequest")?.fieldViolations ?? [])
    .map(({ field = "", reason = "", description = "" }) => ({ field, code: reason, description }));
  const isTime = fields.some(({ field }) => field === "occurred_at") || undefined;
  return { code: code.toUpperCase(), message, fields, isTime };
};

const finish = ({ kind }, response, bytes, mayFire) => {
  let answer;
  try {
    answer = JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch { throw 0; }
  if (!response.ok) throw failureOf(answer);
  if (kind === "report") return {};
  const { eventId, duplicate = false, state, browserEvent: told, confirmKey } = answer;
  if (!eventId) throw 0;
  const event = told && eventOf(told.eventName, told.eventId, parametersOf(told.customData), confirmKey);
  const fired = event && mayFire ? fire(event) : undefined;
  return { eventId, duplicate, pending: state === "PURCHASE_STATE_PENDING", event, fired };
};

/** The engine. */
export const start = () => ({
  check: checkOptions,
  prepare,
  begin(call, signal) {
    const { endpoint, cookies } = call.options;
    const body = JSON.stringify(prepare(call).request);
    return fetch(endpoint.replace(/\/+$/, "") + SERVICE + METHODS[call.kind], {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1" },
      body,
      credentials: cookies === "server" ? "include" : "same-origin",
      // Browsers let a request continue after the page up to 64 KiB of bodies.
      keepalive: body.length < 15000,
      signal,
    });
  },
  finish,
  fire,
  newId() {
    // UUID version 7 (RFC 9562): 48 bits of time, then random bits.
    const random = crypto.getRandomValues(new Uint8Array(10));
    random[0] = random[0] & 15 | 112;
    random[2] = random[2] & 63 | 128;
    const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const all = Date.now().toString(16).padStart(12, "0") + hex(random);
    return all.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
  },
  pause: (failures, dice) => {
    const fullMs = Math.min(1000 * 2 ** (failures - 1), 30000);
    return fullMs / 2 * (1 + dice);
  },
  schedule: (n) => PENDING_MS[n] ?? 0,
  click(page, referrer) {
    for (const address of [page, referrer]) {
      try {
        const id = new URL(address).searchParams.get("fbclid");
        if (id) return id;
      } catch { /* no address */ }
    }
    return undefined;
  },
  cookies: ({ fbp }, dots, random) => [fbp ?? `fb.${dots}.${Date.now()}.${1e9 + random}`, ""],
  matching(person) {
    const found = {};
    for (const [key, name] of Object.entries(METAS_KEYS)) {
      const value = String(person?.[key] ?? "").trim();
      if (/^(?!e3b0c442)[\da-f]{64}$/i.test(value)) found[name] = value.toLowerCase();
    }
    return found;
  },
});
