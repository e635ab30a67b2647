// Base45 (RFC 9285): bytes as the 45 characters a QR code holds in alphanumeric mode. Must know no token.

import { malformed } from "./fault.js";

export const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

export function encode(data) {
  let out = "";
  for (let at = 0; at + 1 < data.length; at += 2) {
    const number = (data[at] << 8) | data[at + 1];
    out += ALPHABET[number % 45] + ALPHABET[Math.floor(number / 45) % 45];
    out += ALPHABET[Math.floor(number / 2025)];
  }
  if (data.length % 2) {
    const last = data[data.length - 1];
    out += ALPHABET[last % 45] + ALPHABET[Math.floor(last / 45)];
  }
  return out;
}

export function decode(text) {
  if (text.length % 3 === 1) throw malformed("a length that Base45 cannot have");
  const digits = Array.from(text, (one) => ALPHABET.indexOf(one));
  if (digits.includes(-1)) throw malformed("a character outside of Base45");
  const out = [];
  for (let at = 0; at < digits.length; at += 3) {
    const [low, middle, high] = digits.slice(at, at + 3);
    const number = low + 45 * middle + 2025 * (high ?? 0);
    if (number > (high === undefined ? 0xff : 0xffff)) throw malformed("a group above its bound");
    if (high !== undefined) out.push(number >> 8);
    out.push(number & 0xff);
  }
  return Uint8Array.from(out);
}
