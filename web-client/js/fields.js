// What the fields of a form mean. A field is found by `data-tandem-field`, then by `autocomplete`, its name, its
// type, and its label. The names are those that form builders give (docs/shop.md has their table). A field of
// which this is not certain is left out, and so is a value that cannot be what its field is named.

const UNREAD = ["password", "file", "submit", "button", "reset", "image", "fieldset"];

// Names and labels of fields, and tokens of `autocomplete`, in lower case and without separators.
const FIELDS = {
  email: "email mail emailaddress emailid useremail workemail businessemail",
  // Zoho Forms gives the number the name PhoneNumber_countrycode, and the calling code …_countrycodeval.
  phone: "phone tel telnational mobile cell cellphone mobilephone mobilenumber mobileno phonenumber phoneno telephone"
    + " telephonenumber whatsapp whatsappnumber contactnumber contactno userphone usermobile phonenumbercountrycode",
  phoneCode: "telcountrycode countrycode phonecode phonecountrycode mobilecountrycode dialcode dialingcode callingcode isd"
    + " isdcode phonenumbercountrycodeval",
  firstName: "firstname fname givenname given forename first namefirst",
  lastName: "lastname lname familyname family surname last namelast",
  city: "city town addresslevel2",
  state: "state province region addresslevel1",
  // Not `pin`: that is a one-time code as often as a postcode.
  postalCode: "postalcode postcode postal zip zipcode zippostalcode pincode",
  country: "country countryname",
  gender: "gender sex",
  dateOfBirth: "dateofbirth birthdate birthday bday dob",
  name: "name fullname",
};
const KNOWN = Object.create(null);
for (const key in FIELDS) for (const word of FIELDS[key].split(" ")) KNOWN[word] = key;

// Words around a name that say nothing about the field: `form_fields[email]`, `wpforms[fields][0][first]`.
const NOISE = /^(your|my|contact|customer|lead|client|billing|visitor|wpforms|forms?|fields?|input|text|data)$/;
// Values of `autocomplete` for what Tandem does not read.
const OTHER = /^(one-time-code|cc-.+|.*password|tel-(area|local|ext).*|bday-.+|organization.*|additional-name|nickname|honorific.+)$/;
// Names and labels of codes and amounts, which often have the type `tel` for its keys.
const NUMBER = /phone|mobile|tel|whatsapp/;
const NO_NUMBER = /otp|pin$|code$|pass|captcha|verif|token|cvv|cvc|card|account|amount|qty|quantity|aadha|pan$|gst/;
// Labels of names that are no person's, and names and labels of what belongs to somebody else.
const NO_PERSON = /compan|business|organi|brand|shop|product|school/;
const NOT_MINE = /shipping|recipient|friend|father|mother|spouse|emergency|referr|fax/;

// The words of a name or label: `billingFirstName2` and `Billing first name *` are billing, first and name.
const wordsOf = (text) => String(text ?? "").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()
  .split(/[^\p{L}\p{N}]+/u).map((word) => word.replace(/\d+$/, "")).filter(Boolean);
const known = (words) => KNOWN[words.join("")]
  ?? KNOWN[words.filter((word) => !NOISE.test(word)).join("").replace(/^address(?=.)/, "")];

const keyOf = (element) => {
  const { tandemField } = element.dataset;
  if (tandemField !== undefined) return tandemField;
  const tokens = String(element.getAttribute("autocomplete") ?? "").toLowerCase().split(/\s+/);
  if (tokens.some((token) => OTHER.test(token))) return undefined;
  const label = wordsOf(element.labels?.[0]?.textContent ?? element.getAttribute("aria-label"));
  const texts = [wordsOf(element.name), label].map((words) => words.join(""));
  if (texts.some((text) => NOT_MINE.test(text))) return undefined;
  const key = tokens.map((token) => KNOWN[token.replace(/\W/g, "")]).find(Boolean) ?? known(wordsOf(element.name));
  if (element.type === "hidden") return key === "phoneCode" ? key : undefined;
  if (/name/i.test(key) && NO_PERSON.test(texts[1])) return undefined;
  const sure = key ?? (element.type === "email" ? "email" : known(label));
  if (sure) return sure;
  if (texts.some((text) => NO_NUMBER.test(text) && !NUMBER.test(text))) return undefined;
  return element.type === "tel" ? "phone" : undefined;
};

// What a value must be like. The server judges it further.
const LIKE = {
  email: /^[^\s@]+@[^\s@]+$/,
  phone: /^([^\p{Nd}]*\p{Nd}){7}/u,
  postalCode: /^(?=.*\p{Nd})[\p{L}\p{N}\s-]{3,10}$/u,
  country: /^\D+$/,
};
const CHOICES = ["radio", "checkbox", "select-one", "select-multiple"];

// The digits of a calling code: `+44`, `India (+91)`; in a field for it also `0044` and `44`. Undefined if there are none.
const codeIn = (text, sign) => sign.exec(text ?? "")?.[1].replace(/\D/g, "");
const PLUS = /\+\s*(\d[\d -]*)/, DIGITS = /^0*(\d{1,4})$/;

/** The values of a form, as the argument of `captureLead` or `track`. `marks` are its `data-` attributes. */
export const read = (form, marks = form.dataset) => {
  const { value, currency, contentName, contentCategory, contentIds, orderId, claimKey } = marks;
  const input = { value, currency, contentName, contentCategory, orderId, claimKey };
  if (contentIds) input.contentIds = contentIds.split(",").map((id) => id.trim());
  let code, codeFields = 0;
  for (const element of form.elements) {
    const isChoice = CHOICES.includes(element.type);
    if (element.disabled || UNREAD.includes(element.type) || isChoice && element.checked === false) continue;
    let key = keyOf(element);
    const text = String(element.value ?? "").trim();
    if (!key || !text) continue;
    // A list of countries may be a list of calling codes, and the other way round.
    const plus = codeIn(text, PLUS) ?? codeIn(element.selectedOptions?.[0]?.text, PLUS);
    if (key === "country" && codeIn(text, PLUS)) key = "phoneCode";
    if (key === "phoneCode") {
      code ??= plus ?? codeIn(text, DIGITS);
      if (code) continue;
      if (!/^[a-z]{2}$/i.test(text)) { codeFields++; continue; }
      key = "country";
    }
    if (LIKE[key]?.test(text) === false || isChoice && /name|email|phone/i.test(key)) continue;
    input[key] ??= text;
  }
  if (input.phone && !/^\s*(\+|00)/.test(input.phone)) {
    // In brackets, the server drops the zero where people dial it inside the country only.
    if (code) input.phone = `+${code} ${input.phone.replace(/^0/, "(0)")}`;
    // The visitor chose a calling code that cannot be read. With the shop's own, the number may be somebody else's.
    else if (codeFields) delete input.phone;
  }
  const { name, ...rest } = input;
  if (!name) return rest;
  const [first, ...others] = name.split(/\s+/);
  return { ...rest, firstName: rest.firstName ?? first, lastName: rest.lastName ?? (others.join(" ") || undefined) };
};
