// Bytes: joined, compared, spelled, hashed. Must know nothing of what they mean.

export function joined(...parts) {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

// Below, equal or above zero, as a comes before, is, or comes after b.
export function compared(a, b) {
  const size = Math.min(a.length, b.length);
  for (let at = 0; at < size; at += 1) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return a.length - b.length;
}

export function same(a, b) {
  return a.length === b.length && compared(a, b) === 0;
}

export function toHex(bytes) {
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text) {
  return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
