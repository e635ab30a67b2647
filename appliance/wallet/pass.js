// The pass that the office gives (FORMAT.md section 3): read, and compared with this phone's key. The
// page knows no issuer's key, so it does not verify the signature: gates do. Must know no storage.

import { same, sha256 } from "./bytes.js";
import * as cbor from "./cbor.js";
import { bytesOf, listOf, mapOf, numberOf, textOf } from "./claims.js";
import { KCWT, KID, TYP, keyOf, openItem } from "./cose.js";
import { Fault, malformed } from "./fault.js";
import * as text from "./text.js";

export const PASS_TYPE = 293;
const [ISS, SUB, EXP, IAT, CNF, STATUS, RIGHTS, CARRIER] = [1, 2, 4, 6, 8, 65535, -65537, -65538];
const NEEDED = [ISS, SUB, EXP, IAT, STATUS, RIGHTS];
const MAX_INVITE_SECONDS = 31 * 86400; // what a rule may allow at most
const AHEAD_SECONDS = 300; // a gate takes no pass from further ahead (4.6.6)

// {issuer, issuedAt, expiresAt, key, klass, zones, assurance} of a token, by rules 3.1 to 3.8.
export function read(token) {
  const { header, payload } = openItem(cbor.decode(token));
  if (header.size !== 3 || header.has(KCWT) || header.get(TYP) !== PASS_TYPE) {
    throw malformed("not the header of a pass");
  }
  bytesOf(header.get(KID), 8);
  const claims = mapOf(cbor.decode(payload), NEEDED, [...NEEDED, CNF, CARRIER]);
  statusOf(claims.get(STATUS));
  textOf(claims.get(SUB));
  const [klass, zones, assurance] = listOf(claims.get(RIGHTS), 3);
  const found = {
    issuer: textOf(claims.get(ISS)),
    issuedAt: numberOf(claims.get(IAT)),
    expiresAt: numberOf(claims.get(EXP)),
    key: claims.has(CNF) ? keyOf(mapOf(claims.get(CNF), [1]).get(1)) : null,
    klass: numberOf(klass, 1, 8),
    zones: numberOf(zones),
    assurance: numberOf(assurance, 0, 3),
  };
  if (found.expiresAt <= found.issuedAt) throw malformed("a pass that ends before it begins");
  if (!found.key !== !found.assurance) throw malformed("an assurance that does not fit the key");
  if (found.key && claims.has(CARRIER)) throw malformed("a card beside a key");
  return found;
}

function statusOf(value) {
  const list = mapOf(mapOf(value, ["status_list"]).get("status_list"), ["idx", "uri"]);
  numberOf(list.get("idx"), 0, 131071);
  textOf(list.get("uri"));
}

// {token, limits} of a text for phones, which spells the pass alone or [pass, seconds that an invite
// for one phone may last, seconds of one for whoever has it, entries]. Nothing signs these limits:
// they fill in a form. Without them `limits` is null.
export function open(shown) {
  const data = text.read(text.PASS, shown);
  const item = cbor.decode(data);
  if (!Array.isArray(item)) return { token: data, limits: null };
  const [held, keyedSeconds, bearerSeconds, uses] = listOf(item, 4);
  numberOf(keyedSeconds, 0, MAX_INVITE_SECONDS);
  numberOf(bearerSeconds, 0, MAX_INVITE_SECONDS);
  numberOf(uses, 0, 255);
  return { token: cbor.encode(held), limits: { keyedSeconds, bearerSeconds, uses } };
}

// What `open` gives, if it is a pass for this key that has not expired; says what is wrong else.
export function take(shown, key, now) {
  const opened = open(shown);
  const stated = read(opened.token);
  if (!stated.key) throw new Fault("fault-pass-paper");
  if (stated.key.alg !== key.alg || !same(stated.key.raw, key.raw)) {
    throw new Fault("fault-pass-key");
  }
  if (stated.expiresAt <= now) throw new Fault("fault-pass-expired");
  return opened;
}

export async function handleOf(token) {
  return (await sha256(token)).slice(0, 8);
}

// How a pass stands by this phone's clock: "good", "soon" (three days), "over", or "early".
export function standing(stated, now) {
  if (stated.issuedAt > now + AHEAD_SECONDS) return "early";
  if (stated.expiresAt <= now) return "over";
  return stated.expiresAt - now < 3 * 86400 ? "soon" : "good";
}
