// The visitor's consent: granted, granted for measurement alone, denied, or undecided. It is undecided if
// the shop must ask first (`consentRequired`). Then calls are held in memory, and nothing is stored, sent, or
// loaded from Meta. If the browser refuses for its user (Global Privacy Control), consent is denied until the
// page grants it. With measurement alone, cookies and the server's copies are as with consent, and Meta's pixel
// is left alone: it has no word for it.

const HELD_MAX = 50;
// What a visitor says to grant less than all, the strictest first.
const STRICT = ["denied", "measure_only"];

export class Consent {
  /** Set by the owner: runs when the visitor has decided, before the held calls continue. */
  decided = () => {};
  #options;
  #held = [];
  #isOpen;

  /** `isDenied`: the options deny consent. `options.consent` is kept up to date, because every call carries it. */
  constructor(options, isDenied) {
    this.#options = options;
    const isRefused = isDenied || options.respectGpc && navigator.globalPrivacyControl;
    if (isRefused) this.#say("denied");
    this.#isOpen = !isRefused && options.consentRequired && !["granted", "measure_only"].includes(options.consent?.ads);
  }

  /** While this is false, nothing may be stored. */
  get isGiven() { return !this.#isOpen && !this.isDenied; }
  /** While this is false, Meta's pixel may not be loaded or fire. */
  get mayFire() { return this.isGiven && this.#options.consent?.ads !== "measure_only"; }
  get isDenied() { return this.#options.consent?.ads === "denied"; }
  get isOpen() { return this.#isOpen; }

  /**
   * The page's argument with the visitor's word applied: no call can grant what the visitor does not. `options`: those
   * of the page that made the call, where it was stored.
   */
  applied(input, options) {
    const visitor = STRICT.indexOf(this.#options.consent?.ads), said = input?.consent ?? options?.consent;
    const call = STRICT.indexOf(said?.ads);
    return visitor >= 0 && said && (call < 0 || call > visitor)
      ? { ...input, consent: { ...said, ads: STRICT[visitor] } } : input;
  }

  /** Keeps work until the visitor has decided. */
  hold(work) {
    this.#held.push(work);
    this.#held.splice(0, this.#held.length - HELD_MAX);
  }

  decide(ads) {
    if (!this.#isOpen && this.#options.consent?.ads === ads) return;
    this.#isOpen = false;
    this.#say(ads);
    this.decided();
    this.#held.splice(0).forEach((work) => work());
  }

  #say(ads) { this.#options.consent = { ...this.#options.consent, ads }; }
}
