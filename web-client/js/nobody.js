// Placeholders: what tag managers, page builders and shops write in place of a value. The words are core's
// (core/src/placeholder.rs); a test compares them.

const NOTHING = "null none nil undefined nan na notset notavailable notapplicable notprovided notspecified notgiven " +
  "notknown unknown unspecified unavailable empty novalue nodata objectobject placeholder dummy invalid ";
const NO_CLICKS = NOTHING + "fbclid fbc fbclickid facebookclickid clickid clid yourfbclid";
const NO_MAILBOXES = NOTHING + "noreply donotreply dontreply noemail nomail guest anonymous nobody";

const isOneOf = (words, text) => words.split(" ").includes(text.toLowerCase().replace(/[\W_]/g, ""));

/** Whether a click ID can stand in a cookie: Meta's alphabet, and no placeholder. */
export const isClick = (id) => /^[\w-]*[^\W_0][\w-]*$/.test(id) && !isOneOf(NO_CLICKS, id);

/** Whether an e-mail address has a form that needs no rule but lower case, and may be a person's. */
export const isPlainEmail = (email) =>
  email.length < 255 && /^[\w.'+-]+@([a-z\d]([a-z\d-]{0,61}[a-z\d])?\.)+[a-z]{2,63}$/i.test(email) &&
  !isOneOf(NO_MAILBOXES, email.split(/[@+]/)[0]);
