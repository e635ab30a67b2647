// Strict deterministic CBOR (FORMAT.md section 1), both ways. Must know no token and no key.
//
//   encode(new Map([[3, "yp:hz07"], [6, 1701237408]]))  a2 03 67 79703a687a3037 06 1a 6566d2a0
//
// A map is a Map, a byte string a Uint8Array, an integer a number where that is exact, else a bigint.

import { compared, joined, same } from "./bytes.js";
import { malformed } from "./fault.js";

export const MAX_TOKEN = 4096; // bytes
const MAX_ITEMS = 256;
const MAX_DEPTH = 8;
const SIGN1 = 18; // the only tag

export class Tag {
  constructor(value) {
    this.value = value;
  }
}

function head(major, count) {
  const number = BigInt(count);
  const sizes = [[24n, 0], [1n << 8n, 1], [1n << 16n, 2], [1n << 32n, 4], [1n << 64n, 8]];
  const found = sizes.find(([limit]) => number < limit);
  if (!found) throw malformed("an integer beyond 64 bits");
  const [, size] = found;
  const low = size ? 24 + Math.log2(size) : Number(number);
  const out = new Uint8Array(1 + size);
  out[0] = (major << 5) | low;
  for (let at = 0; at < size; at += 1) {
    out[size - at] = Number((number >> BigInt(8 * at)) & 0xffn);
  }
  return out;
}

function integer(value) {
  const number = BigInt(value);
  return number < 0n ? head(1, -1n - number) : head(0, number);
}

function mapping(value, depth) {
  if (value.size > MAX_ITEMS) throw malformed("a map of too many pairs");
  const pairs = [...value].map(([key, item]) => {
    if (!["number", "bigint", "string"].includes(typeof key)) throw malformed("a key of a map");
    return [spelled(key, depth), spelled(item, depth)];
  });
  pairs.sort(([a], [b]) => compared(a, b));
  return joined(head(5, value.size), ...pairs.flat());
}

function spelled(value, depth) {
  if (value === false) return Uint8Array.of(0xf4);
  if (value === true) return Uint8Array.of(0xf5);
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return integer(value);
  if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    return joined(head(3, text.length), text);
  }
  if (value instanceof Uint8Array) return joined(head(2, value.length), value);
  if (depth === MAX_DEPTH) throw malformed("nested too deep");
  if (value instanceof Map) return mapping(value, depth + 1);
  if (value instanceof Tag) return joined(head(6, SIGN1), spelled(value.value, depth + 1));
  if (!Array.isArray(value)) throw malformed("a value that has no spelling");
  if (value.length > MAX_ITEMS) throw malformed("an array of too many items");
  return joined(head(4, value.length), ...value.map((item) => spelled(item, depth + 1)));
}

export function encode(value) {
  return spelled(value, 0);
}

class Reader {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  take(size) {
    if (size > this.data.length - this.at) throw malformed("cut short");
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }

  count(low) {
    if (low < 24) return BigInt(low);
    if (low > 27) throw malformed("an indefinite length");
    const size = 1 << (low - 24);
    let number = 0n;
    for (const one of this.take(size)) number = (number << 8n) | BigInt(one);
    if (number < (size === 1 ? 24n : 1n << BigInt(4 * size))) throw malformed("a long spelling");
    return number;
  }

  item(depth) {
    const [first] = this.take(1);
    if (first === 0xf4) return false;
    if (first === 0xf5) return true;
    if (first === 0xf6) return null;
    const major = first >> 5;
    if (major === 7) throw malformed("a float or another simple value");
    const count = this.count(first & 31);
    if (major === 0) return exact(count);
    if (major === 1) return exact(-1n - count);
    if (major < 4) return this.string(major, count);
    if (depth === MAX_DEPTH) throw malformed("nested too deep");
    if (major === 6) return this.tag(count, depth + 1);
    if (count > BigInt(MAX_ITEMS)) throw malformed("too many items");
    return major === 4 ? this.array(Number(count), depth + 1) : this.map(Number(count), depth + 1);
  }

  string(major, count) {
    if (count > BigInt(this.data.length)) throw malformed("cut short");
    const raw = this.take(Number(count));
    if (major === 2) return raw.slice();
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
    } catch {
      throw malformed("text that is no UTF-8");
    }
  }

  tag(count, depth) {
    if (count !== BigInt(SIGN1)) throw malformed("another tag than 18");
    return new Tag(this.item(depth));
  }

  array(count, depth) {
    return Array.from({ length: count }, () => this.item(depth));
  }

  map(count, depth) {
    const found = new Map();
    let last = null;
    for (let pair = 0; pair < count; pair += 1) {
      const start = this.at;
      const key = this.item(depth);
      if (!["number", "bigint", "string"].includes(typeof key)) throw malformed("a key of a map");
      const raw = this.data.subarray(start, this.at);
      if (last && compared(last, raw) >= 0) throw malformed("keys that do not ascend");
      last = raw;
      found.set(key, this.item(depth));
    }
    return found;
  }
}

function exact(number) {
  const small = Number(number);
  return Number.isSafeInteger(small) ? small : number;
}

export function decode(data, maxSize = MAX_TOKEN) {
  if (data.length > maxSize) throw malformed("too many bytes");
  const reader = new Reader(data);
  const value = reader.item(0);
  if (reader.at !== data.length) throw malformed("bytes after the end");
  return value;
}

// Whether two values are spelled alike.
export function alike(a, b) {
  return same(encode(a), encode(b));
}
