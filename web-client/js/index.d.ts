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
   * Country of the shop, ISO 3166-1 alpha-2: what phone numbers without a calling code are read as.
   * If absent, the server's own (`TANDEM_DEFAULT_COUNTRY`); but then such numbers are left out of
   * what a page stores for a server that is away.
   */
  defaultCountry?: string;
  /** Address of Meta's library, if the page serves it from elsewhere. */
  pixelScript?: string;
  /** Permission that holds for every call that names none. The visitor's own word is {@link Tandem.consent}. */
  consent?: Consent;
  /**
   * Nothing happens before the visitor's word: calls are held in memory, Meta's library is not
   * loaded, no cookie is written and nothing stored until {@link Tandem.consent} is granted. Set
   * `TANDEM_CONSENT_REQUIRED` on the server too. `false` if absent.
   */
  consentRequired?: boolean;
  /**
   * Take the browser's Global Privacy Control for a refusal, until the page calls
   * `consent.grant()`. `false` if absent: which visitors' signal binds you is a question of the law
   * that you are under (California's and other US states' says yes).
   */
  respectGpc?: boolean;
  /**
   * Who writes `_fbp` and `_fbc`. `page` if absent. `server`: your Tandem server does, by HTTP, so that
   * Safari keeps them for 90 days and not for 7. It needs `TANDEM_COOKIE_DOMAIN`, an `endpoint` on that
   * domain over https, and this page's origin by name in `TANDEM_ALLOWED_ORIGINS`; without them the
   * browser refuses every call.
   */
  cookies?: "page" | "server";
  /**
   * Who the visitor is, if the page knows it when it connects: what the pixel's `init` is told
   * (advanced matching). Taken are hashes (64 hex digits), the e-mail address, and the phone number
   * if it begins with `+`; other values would be hashed by Meta's rules, not by the server's, and
   * are left out. It is not added to calls.
   */
  person?: Person;
  /** A/B test that holds for every call that names none. */
  experiment?: Experiment;
  /** Say in the console what happens, and why. */
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
   * - `pending`: the payment is not known yet; it is asked for again, and fires when it is. Or the
   *   visitor's consent is not known yet, and `queued` is true.
   */
  pixel: "fired" | "blocked" | "suppressed" | "pending";
  /** The server knew the event, or the order, already. */
  duplicate: boolean;
  /**
   * The server was away: it gets the event later, under the same ID. Or the call waits for the
   * visitor's consent; then it is lost if the page is left before.
   */
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

/** What the visitor allows. Both may be called at any time, again and again. */
export interface VisitorConsent {
  /** Cookies are written, the pixel starts (or gets `fbq('consent', 'grant')`), held calls go out. */
  grant(): void;
  /**
   * The pixel gets `fbq('consent', 'revoke')`, Meta's cookies and everything that Tandem has stored
   * are removed. Held and later calls reach the server as denied: it counts them, and sends nothing
   * to Meta. No call can grant what is denied here.
   */
  deny(): void;
}

/** The detail of the events `tandem:fired` and `tandem:queued`. Nothing about the person. */
export interface News {
  /** As the pixel is told it: `Lead`, `Purchase`, … */
  eventName: string;
  eventId: string;
}

/** What the loader (`loader.html`) puts into `window.tandem` until the module has arrived. */
export interface Loader {
  captureLead(lead: Lead): Promise<Result>;
  track(name: StandardEvent, event?: Event): Promise<Result>;
  trackCustom(name: string, event?: Event): Promise<Result>;
  recordPurchase(purchase: Purchase): Promise<Result>;
  consent: { grant(): Promise<void>; deny(): Promise<void> };
}

declare global {
  interface DocumentEventMap {
    /** Meta's library has taken an event. */
    "tandem:fired": CustomEvent<News>;
    /** The server was away: the event is kept, and sent again under the same ID. */
    "tandem:queued": CustomEvent<News>;
    /** `auto.js` has connected: `window.tandem` is there. */
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

  /** The visitor's permission, from your consent banner. Say it on every page: it is not remembered. */
  readonly consent: VisitorConsent;

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
