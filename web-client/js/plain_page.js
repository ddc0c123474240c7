// What the engine without WebAssembly asks of the page's arguments, and how it makes fbq's.

export const page = {
  text(of, key) {
    const value = key ? of?.[key] : of;
    if (value == null || value === "") return undefined;
    if (typeof value == "object" || typeof value == "function") throw key;
    return String(value).replace(/[\0-\4]/g, "");
  },
  get: (of, key) => of?.[key],
  list: (of, key) => [].concat(of?.[key] ?? []),
  pairs: (of, key) => Object.entries(of?.[key] ?? {}),
  time: (of, key) => (of?.[key] == null ? 0 : +new Date(of[key])),
  object: () => ({}),
  set(of, key, value) { of[key] = value; },
  setNumber(of, key, decimal) { of[key] = /^(0|[1-9]\d*)(\.\d+)?$/.test(decimal) ? +decimal : null; },
  push(of, key, value) { (of[key] ??= []).push(value); },
};
