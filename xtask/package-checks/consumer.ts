// A shop's program against the package's types. `cargo xtask package` compiles it with --strict, and fails if it leaves
// out a name that the package exports.

import {
  Tandem,
  TandemError,
  type Amount,
  type Common,
  type ConnectOptions,
  type Consent,
  type Content,
  type CustomData,
  type EventInput as TandemEvent,
  type Experiment,
  type FieldError,
  type Lead,
  type Loader,
  type News,
  type Person,
  type Purchase,
  type Result,
  type StandardEvent,
  type VisitorConsent,
} from "tandem-web";
import { watchForms } from "tandem-web/forms";
import "tandem-web/auto";
import "tandem-web/auto.js";

const person: Person = { email: "asha@example.com", phone: "+919876501234", dateOfBirth: "1990-02-28" };
const consent: Consent = { ads: "granted", limitedDataUse: true, country: 1, state: 1000 };
const experiment: Experiment = { id: "price", variant: "b", testGroup: "in" };
const price: Amount = "1499.00";
const content: Content = { id: "deck", quantity: 1, itemPrice: price };
const data: CustomData = { value: 1499, currency: "INR", contents: [content], contentIds: ["deck"] };
const options: ConnectOptions = {
  endpoint: "https://track.shop.example",
  pixelId: "123456789012345",
  currency: "INR",
  defaultCountry: "IN",
  consent,
  experiment,
  person,
  debug: false,
};

const common: Common = { ...person, ...data, consent, experiment, occurredAt: new Date() };
const lead: Lead = { ...common, contentName: "Free chapter" };
const order: TandemEvent = { ...common, orderId: "KB-1", claimKey: "00" };
const purchase: Purchase = { orderId: "KB-1" };
const names: StandardEvent[] = ["InitiateCheckout", "AddToCart"];

const shown = (fields: readonly FieldError[]): string => fields.map((field) => `${field.field}: ${field.description}`).join();

export const run = async (): Promise<Result[]> => {
  const tandem: Tandem = await Tandem.connect(options);
  const decision: VisitorConsent = tandem.consent;
  decision.grant();
  decision.measureOnly();
  decision.deny();
  watchForms(tandem);
  document.addEventListener("tandem:fired", ({ detail }) => {
    const news: News = detail;
    console.log(news.eventName, news.eventId);
  });
  const early: Tandem | Loader | undefined = window.tandem;
  await early?.captureLead(lead);
  try {
    const results = [await tandem.captureLead(lead), await tandem.trackCustom("DeckConfigured", order)];
    for (const name of names) results.push(await tandem.track(name, order));
    results.push(await tandem.recordPurchase(purchase));
    return results;
  } catch (error) {
    if (error instanceof TandemError) console.log(error.code, error.message, shown(error.fields));
    throw error;
  }
};

// What must not compile.
// @ts-expect-error an order is needed
const withoutOrder: Purchase = {};
// @ts-expect-error a pixel is needed
const withoutPixel: ConnectOptions = { endpoint: "https://track.shop.example" };
// @ts-expect-error a misspelt field
const misspelt: Lead = { emial: "asha@example.com" };
export const wrong = [withoutOrder, withoutPixel, misspelt];
