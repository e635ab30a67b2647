// COSE_Sign1 and COSE_Key (FORMAT.md section 2): written, and taken apart. Must know no claim and no time.

import { joined } from "./bytes.js";
import * as cbor from "./cbor.js";
import { malformed } from "./fault.js";

export const ALG = 1;
export const KID = 4;
export const KCWT = 13;
export const TYP = 16;
export const ED25519 = -8;
export const ES256 = -7;
const LABELS = [ALG, KID, KCWT, TYP];
const ALGORITHMS = [-8, -19, -7, -9];
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n; // the field of P-256
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function toBeSigned(header, payload) {
  return cbor.encode(["Signature1", header, new Uint8Array(), payload]);
}

// A token with this payload (bytes); `signer` is {alg, sign(bytes)}, its alg goes into the header.
export async function sign1(payload, header, signer) {
  const protectedHeader = cbor.encode(new Map([[ALG, signer.alg], ...header]));
  const signature = await signer.sign(toBeSigned(protectedHeader, payload));
  return cbor.encode(new cbor.Tag([protectedHeader, new Map(), payload, signature]));
}

// {alg, header, payload, signature, signed} of a token; nothing is verified.
export function open1(token) {
  return openItem(cbor.decode(token));
}

export function openItem(item) {
  if (!(item instanceof cbor.Tag) || !Array.isArray(item.value) || item.value.length !== 4) {
    throw malformed("not a signed token");
  }
  const [raw, unprotected, payload, signature] = item.value;
  const bytes = [raw, payload, signature].every((part) => part instanceof Uint8Array);
  if (!bytes || signature.length !== 64) throw malformed("not a signed token");
  if (!(unprotected instanceof Map) || unprotected.size) throw malformed("an unprotected header");
  const header = cbor.decode(raw);
  if (!(header instanceof Map)) throw malformed("a header that is no map");
  if (![...header.keys()].every((label) => LABELS.includes(label))) throw malformed("a label");
  if (!ALGORITHMS.includes(header.get(ALG))) throw malformed("an unknown algorithm");
  return { alg: header.get(ALG), header, payload, signature, signed: toBeSigned(raw, payload) };
}

// The COSE_Key of {alg, raw}: raw is 32 bytes of Ed25519, or 04 x y of P-256.
export function keyMap({ alg, raw }) {
  if (alg === ED25519) return new Map([[1, 1], [-1, 6], [-2, raw]]);
  return new Map([[1, 2], [-1, 1], [-2, raw.slice(1, 33)], [-3, raw.slice(33)]]);
}

// {alg, raw} of a COSE_Key; refuses every other shape, and a point off the curve.
export function keyOf(map) {
  if (!(map instanceof Map)) throw malformed("a key that is no map");
  const [x, y] = [map.get(-2), map.get(-3)];
  const coordinate = (part) => part instanceof Uint8Array && part.length === 32;
  if (map.size === 3 && map.get(1) === 1 && map.get(-1) === 6 && coordinate(x)) {
    return { alg: ED25519, raw: x };
  }
  const shaped = map.size === 4 && map.get(1) === 2 && map.get(-1) === 1;
  if (!shaped || !coordinate(x) || !coordinate(y)) throw malformed("not a key");
  if (!onCurve(number(x), number(y))) throw malformed("a point that is not on the curve");
  return { alg: ES256, raw: joined(Uint8Array.of(4), x, y) };
}

function number(bytes) {
  return bytes.reduce((sum, one) => (sum << 8n) | BigInt(one), 0n);
}

function onCurve(x, y) {
  return x < P && y < P && (y * y - (x * x * x - 3n * x + B)) % P === 0n;
}
