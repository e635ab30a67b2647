// Claims: reads typed fields out of a decoded map, or refuses. Must know no token and no time.

import { malformed } from "./fault.js";

export function mapOf(value, needed, allowed = needed) {
  if (!(value instanceof Map)) throw malformed("claims that are no map");
  const keys = [...value.keys()];
  if (!needed.every((key) => value.has(key)) || !keys.every((key) => allowed.includes(key))) {
    throw malformed("claims that are missing or unknown");
  }
  return value;
}

export function numberOf(value, least = 0, most = Number.MAX_SAFE_INTEGER) {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw malformed("a number out of its range");
  }
  return value;
}

export function textOf(value, most = 64) {
  const size = typeof value === "string" ? [...value].length : 0;
  if (size < 1 || size > most) throw malformed("a text that is none, or too long");
  return value;
}

export function bytesOf(value, size) {
  if (!(value instanceof Uint8Array) || value.length !== size) {
    throw malformed(`not ${size} bytes`);
  }
  return value;
}

export function listOf(value, size) {
  if (!Array.isArray(value) || value.length !== size) throw malformed(`not a list of ${size}`);
  return value;
}

// The zones of a bit mask: 5 is [0, 2]. Masks reach beyond 32 bits, so no bit operators.
export function zonesOf(mask) {
  const found = [];
  for (let zone = 0; zone < 53; zone += 1) {
    if (Math.floor(mask / 2 ** zone) % 2) found.push(zone);
  }
  return found;
}

export function maskOf(zones) {
  return zones.reduce((sum, zone) => sum + 2 ** zone, 0);
}
