// The number that a gate shows which has lost the time (FORMAT.md 4.12). Must know no pass and no key.

import * as cbor from "./cbor.js";
import { bytesOf, mapOf, textOf } from "./claims.js";
import { malformed } from "./fault.js";
import * as text from "./text.js";

// {audience, site, gate, nonce}: whom the code that answers is for, and what it must carry.
export function read(shown) {
  const stated = mapOf(cbor.decode(text.read(text.CHALLENGE, shown)), [3, 39]);
  const audience = textOf(stated.get(3));
  const slash = audience.lastIndexOf("/");
  const [site, gate] = [audience.slice(0, slash), audience.slice(slash + 1)];
  if (slash < 1 || !gate) throw malformed("a number of no gate");
  return { audience, site, gate, nonce: bytesOf(stated.get(39), 8) };
}
