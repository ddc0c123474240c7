// The visitor's permission. Undecided is a state of its own where the shop needs a word first
// (`consentRequired`): then calls are held, in memory alone, and nothing is stored, loaded from Meta
// or sent. A refusal that the browser states for its user (Global Privacy Control) stands until the
// page grants.

const HELD_MAX = 50;

export class Consent {
  /** Set by the owner: runs when the visitor has decided, before held calls go on. */
  decided = () => {};
  #options;
  #held = [];
  #isOpen;

  /** `isDenied`: the options say so. `options.consent` is kept in step: every call carries it. */
  constructor(options, isDenied) {
    this.#options = options;
    const isRefused = isDenied || options.respectGpc && navigator.globalPrivacyControl;
    if (isRefused) this.#say("denied");
    this.#isOpen = !isRefused && options.consentRequired && options.consent?.ads !== "granted";
  }

  /** Nothing may be stored, loaded or told to the pixel unless this is true. */
  get isGiven() { return !this.#isOpen && !this.isDenied; }
  get isDenied() { return this.#options.consent?.ads === "denied"; }
  get isOpen() { return this.#isOpen; }

  /** What the page gave, with the visitor's refusal: no call can grant what the visitor denies. */
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
