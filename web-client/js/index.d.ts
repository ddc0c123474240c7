/**
 * Tandem in the page: your leads and purchases reach Meta's pixel and your server under one event
 * ID, so that Meta counts them once.
 */

/** Options of {@link Tandem.connect}. */
export interface ConnectOptions {
  /** Address of your Tandem server, such as `https://track.shop.example`. */
  endpoint: string;
  /** The pixel's (dataset's) ID: digits. */
  pixelId: string;
  /** Currency of amounts that name none, ISO 4217, such as `INR`. */
  currency?: string;
  /**
   * Country of the shop, ISO 3166-1 alpha-2. Phone numbers without a calling code are read as
   * numbers of the country that the server is configured for (`TANDEM_DEFAULT_COUNTRY`); write it
   * here too, so that the page says what it expects.
   */
  defaultCountry?: string;
  /** Address of Meta's library, if the page serves it from elsewhere. */
  pixelScript?: string;
  /** Permission that holds for every call that names none. */
  consent?: Consent;
  /** A/B test that holds for every call that names none. */
  experiment?: Experiment;
  /** Say in the console what happens. */
  debug?: boolean;
}

/**
 * A person. Values are sent as they are typed, over TLS; the server normalises and hashes them, and
 * stores nothing else. A value that is a SHA-256 hash already (64 hex digits) is taken as one.
 */
export interface Person {
  email?: string;
  /** With or without calling code. */
  phone?: string;
  firstName?: string;
  lastName?: string;
  city?: string;
  /** Code or name. */
  state?: string;
  postalCode?: string;
  /** ISO 3166-1 alpha-2, alpha-3 or English name. */
  country?: string;
  gender?: string;
  /** `YYYY-MM-DD` or `YYYYMMDD`. */
  dateOfBirth?: string;
  /** Your own ID of the person. */
  externalId?: string;
}

/**
 * A decimal amount: `1499`, `"1499.00"`. Numbers are sent as JavaScript spells them; use text for
 * amounts that you computed (`0.1 + 0.2` is `0.30000000000000004`, which no currency has).
 */
export type Amount = number | string;

/** One line of a basket. */
export interface Content {
  /** The product's ID in your catalogue. */
  id: string | number;
  /** 1 if absent. */
  quantity?: number;
  /** Price of one. */
  itemPrice?: Amount;
}

/** What an event is about. */
export interface CustomData {
  value?: Amount;
  /** Currency of all amounts of the call, ISO 4217. */
  currency?: string;
  contentIds?: (string | number)[];
  contents?: Content[];
  contentType?: "product" | "product_group" | string;
  contentName?: string;
  contentCategory?: string;
  numItems?: number;
  searchString?: string;
  status?: string;
  predictedLtv?: Amount;
  /** Your own properties. Never personal data. */
  properties?: Record<string, string | number | boolean>;
}

/** An A/B test. */
export interface Experiment {
  id: string;
  variant?: string;
  testGroup?: string;
}

/** Permission to use the event for advertising. */
export interface Consent {
  /** `denied`: nothing goes to Meta, from the page or from the server. */
  ads?: "granted" | "denied";
  /** Meta's Limited Data Use. */
  limitedDataUse?: boolean;
  /** Country and state of Limited Data Use, Meta's codes. 0: where Meta finds the person to be. */
  country?: number;
  state?: number;
}

/** What every call takes. */
export interface Common extends Person, CustomData {
  experiment?: Experiment;
  consent?: Consent;
  /** When it happened, if not now; at most 7 days ago. */
  occurredAt?: Date | string | number;
}

/** A lead: an e-mail address or a phone number is required. */
export interface Lead extends Common {}

/** Any other event. */
export interface Event extends Common {
  /** The order it belongs to. Name it on `InitiateCheckout`, so that the Purchase knows its browser. */
  orderId?: string;
}

/** A purchase. The server knows the amount from the payment; the order's ID is enough. */
export interface Purchase extends Common {
  orderId: string;
  /** Your proof that the order is this visitor's, if the server asks for one (`TANDEM_CLAIM_SECRET`). */
  claimKey?: string;
}

/** What became of an event. */
export interface Result {
  /** The ID under which pixel and server report it. */
  eventId: string;
  /**
   * - `fired`: Meta's library has it.
   * - `blocked`: the library did not answer within three seconds, or not at all.
   * - `suppressed`: the pixel is not to be told (no consent, or told earlier).
   * - `pending`: the payment is not known yet; it is asked for again, and fires when it is.
   */
  pixel: "fired" | "blocked" | "suppressed" | "pending";
  /** The server knew the event, or the order, already. */
  duplicate: boolean;
  /** The server was away: it gets the event later, under the same ID. */
  queued: boolean;
}

/** One thing that is wrong with what the page gave. */
export interface FieldError {
  /** The server's name of the field, such as `user.email`. */
  field: string;
  /** What is wrong with it. */
  description: string;
}

/** A mistake that the page can correct. Calls reject with this and nothing else. */
export declare class TandemError extends Error {
  readonly name: "TandemError";
  /**
   * - `INVALID_ARGUMENT`: see `fields`.
   * - `PERMISSION_DENIED`: the page's origin is not in `TANDEM_ALLOWED_ORIGINS`.
   * - `UNAUTHENTICATED`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`: as the message says.
   * - `INTERNAL`: a fault of Tandem's own.
   */
  readonly code: string;
  readonly fields: FieldError[];
}

/** Meta's standard events that {@link Tandem.track} takes. `Lead` and `Purchase` have calls of their own. */
export type StandardEvent =
  | "AddPaymentInfo" | "AddToCart" | "AddToWishlist" | "CompleteRegistration" | "Contact"
  | "CustomizeProduct" | "Donate" | "FindLocation" | "InitiateCheckout" | "PageView" | "Schedule"
  | "Search" | "StartTrial" | "SubmitApplication" | "Subscribe" | "ViewContent";

/** The page's connection to Tandem. Connect once per page. */
export declare class Tandem {
  private constructor();

  /**
   * Starts Tandem, and the pixel if the page has not: base code, `init` and one `PageView`. An
   * `fbq` that the page brought is used as it is.
   */
  static connect(options: ConnectOptions): Promise<Tandem>;

  /** Reports a lead. Resolves when your server has it on disk, or it is queued. */
  captureLead(lead: Lead): Promise<Result>;

  /** Reports a standard event. */
  track(name: StandardEvent, event?: Event): Promise<Result>;

  /** Reports an event with a name of your own. */
  trackCustom(name: string, event?: Event): Promise<Result>;

  /**
   * Reports a purchase, on the thank-you page. The pixel is told only when the server knows that
   * the order is paid, and once for each order and browser. A pending one is asked for again after
   * 2, 5, 10, 30 and 60 seconds, and on the next page.
   */
  recordPurchase(purchase: Purchase): Promise<Result>;
}
