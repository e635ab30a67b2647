// The codewords of a QR code: text, padding, Reed-Solomon, interleaved, as bits. Must know no matrix.

import { ALPHABET } from "./base45.js";
import { Fault } from "./fault.js";

// Level M by version: error correction codewords a block, blocks (ISO/IEC 18004 table 9).
const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17];
const PAD = [0xec, 0x11];
const EXP = [];
const LOG = [];
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = value;
  LOG[value] = power;
  value = value < 128 ? value << 1 : (value << 1) ^ 0x11d;
}

const isAlphanumeric = (text) => Array.from(text).every((one) => ALPHABET.includes(one));

// Codewords of a symbol without its patterns.
function room(version) {
  const count = version > 1 ? Math.floor(version / 7) + 2 : 0;
  let modules = (16 * version + 128) * version + 64;
  if (count) modules -= (25 * count - 10) * count - 55;
  if (version > 6) modules -= 36;
  return Math.floor(modules / 8);
}

const dataRoom = (version) => room(version) - CORRECTION[version - 1] * BLOCKS[version - 1];

export function versionFor(text) {
  for (let version = 1; version <= BLOCKS.length; version += 1) {
    if (segment(text, version).length <= 8 * dataRoom(version)) return version;
  }
  throw new Fault("fault-too-long");
}

function push(bits, value, size) {
  for (let bit = size - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1);
}

function segment(text, version) {
  const bits = [];
  if (!isAlphanumeric(text)) {
    const raw = new TextEncoder().encode(text);
    push(bits, 4, 4);
    push(bits, raw.length, version < 10 ? 8 : 16);
    raw.forEach((one) => push(bits, one, 8));
    return bits;
  }
  push(bits, 2, 4);
  push(bits, text.length, version < 10 ? 9 : 11);
  for (let at = 0; at < text.length; at += 2) {
    const first = ALPHABET.indexOf(text[at]);
    if (at + 1 === text.length) push(bits, first, 6);
    else push(bits, 45 * first + ALPHABET.indexOf(text[at + 1]), 11);
  }
  return bits;
}

function data(text, version) {
  const bits = segment(text, version);
  const size = dataRoom(version);
  push(bits, 0, Math.min(4, 8 * size - bits.length));
  push(bits, 0, (8 - (bits.length % 8)) % 8);
  const words = [];
  for (let at = 0; at < bits.length; at += 8) {
    words.push(bits.slice(at, at + 8).reduce((sum, bit) => 2 * sum + bit, 0));
  }
  for (let at = 0; words.length < size; at += 1) words.push(PAD[at % 2]);
  return words;
}

const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

// (x - 1)(x - 2)(x - 4)..., the highest power left out.
function generator(degree) {
  let found = [1];
  for (let power = 0; power < degree; power += 1) {
    const next = [...found, 0];
    found.forEach((one, at) => { next[at + 1] ^= times(one, EXP[power]); });
    found = next;
  }
  return found.slice(1);
}

function correction(words, divisor) {
  const rest = new Array(divisor.length).fill(0);
  for (const word of words) {
    const factor = word ^ rest.shift();
    rest.push(0);
    divisor.forEach((one, at) => { rest[at] ^= times(one, factor); });
  }
  return rest;
}

// Bits in the order in which a symbol takes them.
export function codewords(text, version) {
  const words = data(text, version);
  const count = BLOCKS[version - 1];
  const short = Math.floor(words.length / count);
  const longFrom = count - (words.length % count);
  const divisor = generator(CORRECTION[version - 1]);
  const blocks = [];
  for (let block = 0, at = 0; block < count; block += 1) {
    const size = short + (block >= longFrom ? 1 : 0);
    blocks.push(words.slice(at, at + size));
    at += size;
  }
  const checks = blocks.map((block) => correction(block, divisor));
  const bits = [];
  for (const part of [blocks, checks]) {
    for (let at = 0; at < part[count - 1].length; at += 1) {
      for (const block of part) if (at < block.length) push(bits, block[at], 8);
    }
  }
  return bits;
}
