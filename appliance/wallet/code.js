// Codes that prove the holder's key (FORMAT.md 4.1, 4.2, 4.8). Must know no storage and no clock.

import * as cbor from "./cbor.js";
import { KCWT, KID, TYP, sign1 } from "./cose.js";
import { malformed } from "./fault.js";

export const SECONDS = 10; // how long one is shown
const KBT_TYPE = 294;
const [AUD, IAT, NONCE] = [3, 6, 39];
const AHEAD = 5; // seconds a gate takes a code from the future (4.6.9)

function payload({ audience, issuedAt, nonce }) {
  const size = [...audience].length;
  if (size < 1 || size > 64) throw malformed("an audience of no or too many characters");
  const claims = new Map([[AUD, audience], [IAT, issuedAt]]);
  if (nonce) claims.set(NONCE, nonce);
  return cbor.encode(claims);
}

// Form C: the gate's ledger knows the pass of this handle. `shown` is {audience, issuedAt, nonce}.
export function byReference(handle, shown, signer) {
  return sign1(payload(shown), new Map([[KID, handle]]), signer);
}

// Form B over a pass, form E over an invite: carries what it proves the key of.
export function selfContained(token, shown, signer) {
  const header = new Map([[KCWT, cbor.decode(token)], [TYP, KBT_TYPE]]);
  return sign1(payload(shown), header, signer);
}

// The time of the next code: gates take each key's codes only in growing order. Null if the last one
// lies so far ahead of this clock that a gate would refuse the next: the clock was put back.
export function nextTime(now, last) {
  const at = Math.max(now, last + 1);
  return at > now + AHEAD ? null : at;
}
