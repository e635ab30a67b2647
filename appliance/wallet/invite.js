// Invites (FORMAT.md 4.7 to 4.10): made, read, taken back, shown. Must know no storage and no clock.

import { same } from "./bytes.js";
import * as cbor from "./cbor.js";
import { bytesOf, listOf, mapOf, numberOf, textOf } from "./claims.js";
import { selfContained } from "./code.js";
import { KCWT, KID, TYP, keyMap, keyOf, openItem, sign1 } from "./cose.js";
import { Fault, malformed } from "./fault.js";
import * as text from "./text.js";

const INVITE_TYPE = "application/yp-invite+cwt";
const UNINVITE_TYPE = "application/yp-uninvite+cwt";
const [AUD, EXP, NBF, IAT, CTI, CNF, RIGHTS] = [3, 4, 5, 6, 7, 8, -65537];
const VISITOR = 4;
export const ESCORTED = 1;
export const CTI_BYTES = 8;

// How a header names the host's pass where the ledger knows it, or carries it.
export const byHandle = (handle) => new Map([[KID, handle]]);
export const byPass = (token) => new Map([[KCWT, cbor.decode(token)]]);

// Form D with a visitor's `key`, F without: {nbf, exp, cti, key, audience, zones, uses, flags}.
export async function make(stated, host, signer) {
  const claims = new Map([
    [NBF, stated.nbf],
    [EXP, stated.exp],
    [CTI, stated.cti],
    [RIGHTS, [VISITOR, stated.zones, stated.uses, stated.flags ?? 0]],
  ]);
  if (stated.key) claims.set(CNF, new Map([[1, keyMap(stated.key)]]));
  if (stated.audience) claims.set(AUD, stated.audience);
  const header = new Map([...host, [TYP, INVITE_TYPE]]);
  const token = await sign1(cbor.encode(claims), header, signer);
  read(token); // makes nothing that a gate would call malformed
  return token;
}

// Form R: the host takes back the invite of this name.
export function revocation(cti, issuedAt, host, signer) {
  const payload = cbor.encode(new Map([[IAT, issuedAt], [CTI, bytesOf(cti, CTI_BYTES)]]));
  return sign1(payload, new Map([...host, [TYP, UNINVITE_TYPE]]), signer);
}

// What an invite states, by 4.7.1 to 4.7.7; the host's signature is for gates to verify.
export function read(token) {
  const { header, payload } = openItem(cbor.decode(token));
  if (header.size !== 3 || header.get(TYP) !== INVITE_TYPE) throw malformed("not an invite");
  const carried = header.has(KCWT) ? cbor.encode(header.get(KCWT)) : null; // the host's pass
  if (carried) openItem(header.get(KCWT));
  else bytesOf(header.get(KID), 8);
  const needed = [EXP, NBF, CTI, RIGHTS];
  const claims = mapOf(cbor.decode(payload), needed, [...needed, AUD, CNF]);
  const [klass, zones, uses, flags] = listOf(claims.get(RIGHTS), 4);
  if (klass !== VISITOR) throw malformed("an invite for another class than visitors");
  const found = {
    carried,
    nbf: numberOf(claims.get(NBF)),
    exp: numberOf(claims.get(EXP)),
    cti: bytesOf(claims.get(CTI), CTI_BYTES),
    key: claims.has(CNF) ? keyOf(mapOf(claims.get(CNF), [1]).get(1)) : null,
    audience: claims.has(AUD) ? textOf(claims.get(AUD)) : null,
    zones: numberOf(zones),
    uses: numberOf(uses, 1, 255),
    flags: numberOf(flags, 0, ESCORTED),
  };
  if (found.exp <= found.nbf) throw malformed("an invite that ends before it begins");
  return found;
}

// The invite in a text, if it is for this key or for whoever has it, and not over.
export function take(shown, key, now) {
  const token = text.read(text.INVITE, shown);
  const stated = read(token);
  const isMine = !stated.key || (stated.key.alg === key.alg && same(stated.key.raw, key.raw));
  if (!isMine) throw new Fault("fault-invite-key");
  if (stated.exp <= now) throw new Fault("fault-invite-over");
  return token;
}

// What a visitor's phone shows: form E with a key, which `shown` is signed for, else form F.
export function visit(token, shown, signer) {
  return read(token).key ? selfContained(token, shown, signer) : token;
}

// "early", "good" or "over" by this phone's clock.
export function standing(stated, now) {
  if (stated.exp <= now) return "over";
  return stated.nbf > now + 300 ? "early" : "good";
}
