// Placeholders: what tag managers, page builders and shops write in place of a value. The words are core's
// (core/src/placeholder.rs); a test compares them. They stand without hyphens, dots and
// underscores. A word with brackets or a space can stand in neither value.

const NOTHING = "null|none|nil|undefined|nan?|not(set|available|applicable|provided|specified)|unknown|empty|dummy|";
const NO_CLICK = "fbc(lid)?|(fb)?clickid|0*";
const NO_MAILBOX = "(no|dont|donot)reply|noe?mail|guest|anonymous|nobody|0*";

const is = (words, text) => RegExp("^(" + NOTHING + words + ")$", "i").test(text.replace(/[\W_]/g, ""));

/** Whether a click ID can stand in a cookie: Meta's alphabet, and no placeholder. */
export const isClick = (id) => /^[\w-]+$/.test(id) && !is(NO_CLICK, id);

/** Whether an e-mail address has a plain form, whose only rule is lower case, and may be a person's. */
export const isPlainEmail = (email) =>
  /^[\w.+-]+@[a-z\d]+([.-][a-z\d]+)*\.[a-z]{2,9}$/i.test(email) && !is(NO_MAILBOX, email.split(/[@+]/)[0]);
