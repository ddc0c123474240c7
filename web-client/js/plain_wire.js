// The part of protobuf that the engine without WebAssembly needs (protobuf.dev, "Encoding"). Messages are
// written as lists of bytes.

export const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes UTF-8. Invalid bytes become U+FFFD. */
export const textOf = (bytes) => decoder.decode(bytes);
/** A JavaScript text after encoding to UTF-8 and back: half a surrogate pair becomes U+FFFD. */
export const wellFormed = (text) => text && textOf(utf8.encode(text));

// Encodes a varint. Negative numbers take ten bytes.
export const varint = (number) => {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(number));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
};

export const bytesField = (number, bytes) => [number << 3 | 2, ...varint(bytes.length), ...bytes];
// Like prost, does not write absent texts, empty texts and zeros.
export const textField = (number, text) => (text ? bytesField(number, utf8.encode(text)) : []);
export const numberField = (number, value) => (value ? [number << 3, ...varint(value)] : []);
export const messageField = (number, message) => (message ? bytesField(number, message) : []);

// The fields of a message as [number, value], in the order in which they were written. A value is a BigInt
// or bytes. Ends where the message is malformed.
export function* fieldsOf(message) {
  let at = 0;
  const number = () => {
    let value = 0n;
    for (let shift = 0n; shift < 64n && at < message.length; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  };
  for (;;) {
    const tag = number();
    if (tag === undefined) return;
    const kind = Number(tag & 7n);
    let value;
    if (kind === 0) {
      value = number();
      if (value === undefined) return;
    } else {
      const length = { 1: 8n, 2: kind === 2 ? number() : 0n, 5: 4n }[kind];
      if (length === undefined || length > BigInt(message.length - at)) return;
      value = message.subarray(at, at += Number(length));
    }
    yield [Number(tag >> 3n), value];
  }
}

export const asNumber = (value) => (typeof value == "bigint" ? value : 0n);
export const asBytes = (value) => (typeof value == "bigint" ? new Uint8Array() : value);
export const asText = (value) => textOf(asBytes(value));
