// Texts that go from screen to screen: a prefix, then Base45 of bytes (FORMAT.md 4.4, 4.12 to 4.15).
// Must know no key and no time.

import * as base45 from "./base45.js";
import { Fault, malformed } from "./fault.js";

export const CODE = "YP1:";
export const KEY = "YPK1:";
export const PASS = "YPP1:";
export const INVITE = "YPI1:";
export const CHALLENGE = "YPN1:";
const PREFIXES = [CODE, KEY, PASS, INVITE, CHALLENGE];
const MAX_TEXT = { [CODE]: 1024, [KEY]: 256, [PASS]: 1024, [INVITE]: 1024, [CHALLENGE]: 512 };

export function spell(prefix, bytes) {
  return prefix + base45.encode(bytes);
}

// The prefix of a text of ours, else null.
export function kindOf(text) {
  return PREFIXES.find((prefix) => text.startsWith(prefix)) ?? null;
}

// The bytes in a text that must begin with this prefix.
export function read(prefix, text) {
  if (kindOf(text) !== prefix) throw new Fault("fault-foreign");
  if (text.length > MAX_TEXT[prefix]) throw malformed("too many characters");
  return base45.decode(text.slice(prefix.length));
}

// A text as people hand it over: scanned, pasted with line breaks, or a link with it as fragment.
// Base45 has a space of its own, but never at the end (the highest of a group is at most W).
export function cleaned(pasted) {
  const plain = pasted.replace(/[\r\n\t]/g, "");
  const link = /#(?:pass|invite)=(.*)$/.exec(plain.trim());
  if (link) return fragment(link[1]);
  const start = plain.search(/YP[KPIN]?1:/);
  return start < 0 ? plain.trim() : plain.slice(start).trimEnd();
}

function fragment(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    throw malformed("a link that was cut");
  }
}

// `base` is the page's address; the fragment is never sent to a server.
export function link(base, text) {
  const name = kindOf(text) === PASS ? "pass" : "invite";
  return `${base.split("#")[0]}#${name}=${encodeURIComponent(text)}`;
}
