// The holder's key, by WebCrypto; its private half cannot leave the browser. Must know no token.

import * as cbor from "./cbor.js";
import { ED25519, ES256, keyMap, keyOf } from "./cose.js";
import { Fault } from "./fault.js";
import * as text from "./text.js";

const P256 = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { [ED25519]: { name: "Ed25519" }, [ES256]: { name: "ECDSA", hash: "SHA-256" } };

// A new key, as it is stored: {alg, raw, privateKey}. Of the `wanted` alg if one is given, else
// Ed25519 where the browser has it, and P-256 where not.
export async function make(wanted = null) {
  if (!globalThis.isSecureContext) throw new Fault("fault-insecure");
  if (!globalThis.crypto?.subtle) throw new Fault("fault-webcrypto");
  for (const [alg, kind] of [[ED25519, { name: "Ed25519" }], [ES256, P256]]) {
    if (wanted !== null && alg !== wanted) continue;
    try {
      const pair = await crypto.subtle.generateKey(kind, false, ["sign", "verify"]);
      const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
      return { alg, raw, privateKey: pair.privateKey };
    } catch {
      continue; // an older browser: the next kind
    }
  }
  throw new Fault("fault-webcrypto");
}

// What cose.sign1 asks for.
export function signer({ alg, privateKey }) {
  const sign = async (bytes) =>
    new Uint8Array(await crypto.subtle.sign(SIGNING[alg], privateKey, bytes));
  return { alg, sign };
}

// The enrolment text of a public key, which the office or a host takes (FORMAT.md 4.13).
export function toText(key) {
  return text.spell(text.KEY, cbor.encode(keyMap(key)));
}

export function fromText(shown) {
  return keyOf(cbor.decode(text.read(text.KEY, shown)));
}

// A short name of a key, for two people to compare: 8 hex digits.
export async function mark(key) {
  const digest = await crypto.subtle.digest("SHA-256", key.raw);
  return Array.from(new Uint8Array(digest).slice(0, 4), (one) =>
    one.toString(16).padStart(2, "0")).join("");
}
