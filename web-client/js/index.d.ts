/**
 * Tandem in the page: your leads and purchases reach Meta's pixel and your server under one event
 * ID, so that Meta counts them once.
 */

/** Options of {@link Tandem.connect}. */
export interface ConnectOptions {
  /**
   * Address of your Tandem server, such as `https://track.shop.example`, or a path of this site that leads to it, such
   * as `/t`.
   */
  endpoint: string;
  /** The pixel's (dataset's) ID: digits. */
  pixelId: string;
  /** Default currency of amounts, ISO 4217, such as `INR`. */
  currency?: string;
  /**
   * Country of the shop, ISO 3166-1 alpha-2. Phone numbers without a calling code belong to it. If
   * absent, the server uses its own (`TANDEM_DEFAULT_COUNTRY`), but the page cannot store such numbers
   * while the server is unreachable.
   */
  defaultCountry?: string;
  /** Address of Meta's library, if the page serves it from elsewhere. */
  pixelScript?: string;
  /**
   * Meta's library reports a PageView of its own on each `history.pushState` and `replaceState`, under an ID that no
   * server knows. `false` if absent: a single-page shop calls `track("PageView")` for each route. It has no effect on
   * an `fbq` of the page's own.
   */
  autoPageViews?: boolean;
  /**
   * Meta's automatic events (clicks on buttons, the page's metadata). With `false`, `fbq("set", "autoConfig", false)`
   * switches them off. `true` if absent, as in Meta's own base code. It has no effect on an `fbq` of the page's own.
   */
  autoConfig?: boolean;
  /** Default consent of calls. The visitor's own decision goes to {@link Tandem.consent}. */
  consent?: Consent;
  /**
   * Until {@link Tandem.consent} is granted, calls are held in memory, Meta's library is not loaded, no
   * cookie is written and nothing is stored. Set `TANDEM_CONSENT_REQUIRED` on the server too. `false` if
   * absent.
   */
  consentRequired?: boolean;
  /**
   * The browser's Global Privacy Control counts as a refusal until the page calls `consent.grant()`.
   * `false` if absent. The law decides whether the signal binds you (in California and other US states
   * it does).
   */
  respectGpc?: boolean;
  /**
   * Who writes `_fbp` and `_fbc`. `page` if absent. With `server`, your Tandem server writes them by HTTP,
   * so that Safari keeps them for 90 days and not for 7, if the address of `endpoint` resembles this
   * page's (one web server or CDN for both). The server needs `TANDEM_COOKIE_DOMAIN`, an `endpoint` on that domain over https, and this page's origin by name in `TANDEM_ALLOWED_ORIGINS`.
   * Without them the browser refuses every call.
   */
  cookies?: "page" | "server";
  /**
   * The visitor, if the page knows it when it connects. The pixel's `init` gets it (advanced matching).
   * Only hashes (64 hex digits), a plain e-mail address, and a mobile number with `+` and the calling code of
   * India, North America, the United Kingdom or the Emirates are used.
   * Meta would hash other values by other rules than the server, so they are left out. Calls do not
   * include it.
   */
  person?: Person;
  /** Default A/B test of calls. */
  experiment?: Experiment;
  /** Write to the console what happens, and why. */
  debug?: boolean;
}

/**
 * A person. Values are sent as typed, over TLS. The server normalises and hashes them, and stores only
 * the hashes. A value that is a SHA-256 hash already (64 hex digits) is used as a hash.
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
 * A decimal amount: `1499`, `"1499.00"`. Numbers are sent as JavaScript writes them. Use text for
 * computed amounts: `0.1 + 0.2` is `0.30000000000000004`, which no currency has.
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

/** What an event is about: amount, products and further properties. */
export interface CustomData {
  value?: Amount;
  /** Currency of all amounts of the call, ISO 4217. */
  currency?: string;
  contentIds?: (string | number)[];
  contents?: Content[];
  contentType?: "product" | "product_group";
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
  /**
   * `denied`: nothing goes to Meta, from the page or from the server. `measure_only`: the server sends the
   * event with Meta's `opt_out` (counted, not used to optimise), and the pixel does not fire.
   */
  ads?: "granted" | "measure_only" | "denied";
  /** Meta's Limited Data Use. */
  limitedDataUse?: boolean;
  /** Country and state of Limited Data Use, Meta's codes. 0: where Meta finds the person to be. */
  country?: number;
  state?: number;
}

/** The fields of every call. */
export interface Common extends Person, CustomData {
  experiment?: Experiment;
  consent?: Consent;
  /** When it happened, if not now; at most 7 days ago. */
  occurredAt?: Date | string | number;
}

/** A lead: an e-mail address or a phone number is required. */
export interface Lead extends Common {}

/** Any other event. */
export interface EventInput extends Common {
  /** The event's order. Set it on `InitiateCheckout`, so that the server knows the Purchase's browser. */
  orderId?: string;
  /**
   * Your proof that the order is this visitor's. Where the server requires it (`TANDEM_CLAIM_SECRET`), an event
   * without it does not reach the order.
   */
  claimKey?: string;
  /** Cashfree's `payment_session_id` of the order: a second proof, of which the server keeps a digest only. */
  paymentSessionId?: string;
}

/** A purchase. The order's ID is enough: the server knows the amount from the payment. */
export interface Purchase extends Common {
  orderId: string;
  /** Your proof that the order is this visitor's. The server may require it (`TANDEM_CLAIM_SECRET`). */
  claimKey?: string;
  /** Cashfree's `payment_session_id` of the order: a second proof, of which the server keeps a digest only. */
  paymentSessionId?: string;
}

/** The result of a call. */
export interface Result {
  /** The ID under which pixel and server report it. */
  eventId: string;
  /**
   * - `fired`: Meta's library has it.
   * - `blocked`: the library did not load within three seconds, or not at all.
   * - `suppressed`: the pixel must not fire (no consent, or it fired earlier).
   * - `pending`: the payment is not known yet. The page asks again, and the pixel fires when it is known.
   *   Or the visitor's consent is not known yet, and `queued` is true.
   */
  pixel: "fired" | "blocked" | "suppressed" | "pending";
  /** The server knew the event, or the order, already. */
  duplicate: boolean;
  /**
   * The server was unreachable and gets the event later, under the same ID. Or the call waits for the
   * visitor's consent. Then it is lost if the visitor leaves the page before.
   */
  queued: boolean;
}

/** A wrong field of the page's argument. */
export interface FieldError {
  /** The server's name of the field, such as `user.email`. */
  field: string;
  /** The stable name of what is wrong, such as `EMAIL_MALFORMED`, to translate. */
  code: string;
  /** What is wrong with it: a sentence that a visitor can read. */
  description: string;
}

/** A mistake that the page can correct. Calls reject with this and nothing else. */
export declare class TandemError extends Error {
  readonly name: "TandemError";
  /**
   * - `INVALID_ARGUMENT`: see `fields`.
   * - `PERMISSION_DENIED`: the page's origin is not in `TANDEM_ALLOWED_ORIGINS`. The message names it.
   * - `UNAUTHENTICATED`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`: as the message says.
   * - `INTERNAL`: a bug of Tandem.
   */
  readonly code:
    | "INVALID_ARGUMENT" | "PERMISSION_DENIED" | "UNAUTHENTICATED" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" | "INTERNAL";
  readonly fields: FieldError[];
}

/** Reports the visitor's decision. The functions may be called at any time, and repeatedly. */
export interface VisitorConsent {
  /** Cookies are written, the pixel starts (or gets `fbq('consent', 'grant')`), held calls go out. */
  grant(): void;
  /**
   * Measurement alone: cookies and calls as with consent, and the server's copies carry Meta's `opt_out`.
   * Meta's library is not loaded, and a loaded pixel gets `fbq('consent', 'revoke')` and fires nothing,
   * because it has no word for it. No call can grant more.
   */
  measureOnly(): void;
  /**
   * The pixel gets `fbq('consent', 'revoke')`, Meta's cookies and everything that Tandem has stored
   * are removed. Held and later calls are sent as denied: the server counts them and sends nothing to
   * Meta. No call can grant what is denied here.
   */
  deny(): void;
}

/** The detail of the events `tandem:fired` and `tandem:queued`. Nothing about the person. */
export interface News {
  /** The pixel's name of the event: `Lead`, `Purchase`, … */
  eventName: string;
  eventId: string;
}

/** `window.tandem` until the module has loaded: the loader's functions (`loader.html`). */
export interface Loader {
  captureLead(lead: Lead): Promise<Result>;
  track(name: StandardEvent, event?: EventInput): Promise<Result>;
  trackCustom(name: string, event?: EventInput): Promise<Result>;
  recordPurchase(purchase: Purchase): Promise<Result>;
  consent: { grant(): Promise<void>; measureOnly(): Promise<void>; deny(): Promise<void> };
}

declare global {
  interface DocumentEventMap {
    /** Meta's library has taken an event. */
    "tandem:fired": CustomEvent<News>;
    /** The server was unreachable. The event is kept, and sent again under the same ID. */
    "tandem:queued": CustomEvent<News>;
    /** `auto.js` has connected: `window.tandem` is set. */
    "tandem:ready": CustomEvent<null>;
  }
  interface Window {
    /** Set by `auto.js`, and before it by the loader. */
    tandem?: Tandem | Loader;
  }
}

/** Meta's standard events that {@link Tandem.track} takes. `Lead` and `Purchase` have calls of their own. */
export type StandardEvent =
  | "AddPaymentInfo" | "AddToCart" | "AddToWishlist" | "CompleteRegistration" | "Contact"
  | "CustomizeProduct" | "Donate" | "FindLocation" | "InitiateCheckout" | "PageView" | "Schedule"
  | "Search" | "StartTrial" | "SubmitApplication" | "Subscribe" | "ViewContent";

/** The page's connection to Tandem. Connect once per page. */
export declare class Tandem {
  private constructor();

  /** The visitor's consent, from your banner. Report it on every page: it is not remembered. */
  readonly consent: VisitorConsent;

  /**
   * Starts Tandem. Also starts the pixel (base code, `init` and one `PageView`), unless the page has an
   * `fbq` already, which is used unchanged.
   */
  static connect(options: ConnectOptions): Promise<Tandem>;

  /** Reports a lead. Resolves when your server has stored it, or it is queued. */
  captureLead(lead: Lead): Promise<Result>;

  /** Reports a standard event. */
  track(name: StandardEvent, event?: EventInput): Promise<Result>;

  /** Reports an event with a name of your own. */
  trackCustom(name: string, event?: EventInput): Promise<Result>;

  /**
   * Reports a purchase. Call it on the thank-you page. The pixel fires only when the server knows that the
   * order is paid, and once for each order and browser. While the payment is not known, the page asks again
   * after 2, 5, 10, 30 and 60 seconds, and on the next page.
   */
  recordPurchase(purchase: Purchase): Promise<Result>;
}
