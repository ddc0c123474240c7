// The visitor's consent: granted, denied, or undecided. It is undecided if the shop must ask first
// (`consentRequired`). Then calls are held in memory, and nothing is stored, sent, or loaded from Meta. If
// the browser refuses for its user (Global Privacy Control), consent is denied until the page grants it.

const HELD_MAX = 50;

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
    this.#isOpen = !isRefused && options.consentRequired && options.consent?.ads !== "granted";
  }

  /** While this is false, nothing may be stored or loaded, and the pixel may not fire. */
  get isGiven() { return !this.#isOpen && !this.isDenied; }
  get isDenied() { return this.#options.consent?.ads === "denied"; }
  get isOpen() { return this.#isOpen; }

  /** The page's argument with the visitor's refusal applied: no call can grant what the visitor denies. */
  applied(input) {
    return this.isDenied && input?.consent ? { ...input, consent: { ...input.consent, ads: "denied" } } : input;
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
