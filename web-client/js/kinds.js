// What both engines share: the numbers of calls and outcomes, and how a value becomes text.

export const [LEAD, EVENT, CUSTOM_EVENT, PURCHASE, CONFIRMATION] = [0, 1, 2, 3, 4];
export const [FIRED, BLOCKED, FAILED] = [1, 2, 3];

// A computed price is 183.60000000000002 or 17.93999999999994. The noise starts after 13 digits, where no price is left.
export const textOf = (value) => String(typeof value == "number" && value % 1 ? +value.toPrecision(13) : value);
