// How a value becomes text.

// A computed price is 183.60000000000002 or 17.93999999999994. The noise starts after 13 digits, where no price is left.
export const textOf = (value) => String(typeof value == "number" && value % 1 ? +value.toPrecision(13) : value);
