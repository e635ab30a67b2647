// QR codes (ISO/IEC 18004), level M, versions 1 to 22, one segment: text -> matrix of 0 and 1.
// Must know no token and no page. The bits are made in qr_bits.js, the best mask is found in qr_mask.js.

import { codewords, versionFor } from "./qr_bits.js";
import { MASKS, penalty } from "./qr_mask.js";

const FREE = 2; // a module that data may take

export function matrixOf(text) {
  const version = versionFor(text);
  const bits = codewords(text, version);
  const blank = patterns(version);
  let best = null;
  let least = Infinity;
  let chosen = 0;
  MASKS.forEach((mask, number) => {
    const drawn = masked(blank, bits, mask);
    const cost = penalty(drawn); // before format and version are in (7.8)
    if (cost < least) [best, least, chosen] = [drawn, cost, number];
  });
  format(best, formatBits(chosen));
  if (version > 6) stamp(best, versionBits(version));
  return best;
}

function patterns(version) {
  const size = 17 + 4 * version;
  const grid = Array.from({ length: size }, () => new Array(size).fill(FREE));
  for (const [row, column] of [[0, 0], [0, size - 7], [size - 7, 0]]) finder(grid, row, column);
  const centres = alignment(version);
  const last = centres.length - 1;
  centres.forEach((row, i) => centres.forEach((column, j) => {
    const taken = (!i && !j) || (!i && j === last) || (i === last && !j);
    if (!taken) square(grid, row - 2, column - 2, 5);
  }));
  for (let at = 8; at < size - 8; at += 1) grid[6][at] = grid[at][6] = 1 - (at % 2);
  format(grid, 0);
  grid[size - 8][8] = 0;
  if (version > 6) stamp(grid, 0);
  return grid;
}

// Rings of dark and light around a dark centre, with a light border where the grid reaches.
function finder(grid, top, left) {
  for (let row = -1; row < 8; row += 1) {
    for (let column = -1; column < 8; column += 1) {
      if (grid[top + row]?.[left + column] !== undefined) grid[top + row][left + column] = 0;
    }
  }
  square(grid, top, left, 7);
}

function square(grid, top, left, size) {
  const centre = (size - 1) / 2;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const ring = Math.max(Math.abs(row - centre), Math.abs(column - centre));
      grid[top + row][left + column] = ring === centre - 1 ? 0 : 1;
    }
  }
}

function alignment(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const last = 4 * version + 10;
  const step = Math.ceil((last - 6) / (count - 1) / 2) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => last - (count - 2 - i) * step)];
}

// The remainder of a polynomial over GF(2): BCH codes of format and version.
function remainder(value, divisor, degree) {
  let rest = value << degree;
  for (let bit = 31; bit >= degree; bit -= 1) {
    if ((rest >>> bit) & 1) rest ^= divisor << (bit - degree);
  }
  return rest;
}

// Level M is 00, so the format is the number of the mask.
const formatBits = (mask) => ((mask << 10) | remainder(mask, 0x537, 10)) ^ 0x5412;
const versionBits = (version) => (version << 12) | remainder(version, 0x1f25, 12);

function format(grid, bits) {
  const size = grid.length;
  for (let bit = 0; bit < 15; bit += 1) {
    const value = (bits >> bit) & 1;
    const row = bit < 6 ? bit : bit < 8 ? bit + 1 : size - 15 + bit;
    const column = bit < 8 ? size - 1 - bit : bit === 8 ? 7 : 14 - bit;
    grid[row][8] = value;
    grid[8][column] = value;
  }
  grid[size - 8][8] = 1;
}

function stamp(grid, bits) {
  const size = grid.length;
  for (let bit = 0; bit < 18; bit += 1) {
    const [near, far] = [Math.floor(bit / 3), size - 11 + (bit % 3)];
    grid[near][far] = grid[far][near] = (bits >> bit) & 1;
  }
}

// Fills the free modules, two columns at a time, upwards and downwards in turn.
function masked(blank, bits, mask) {
  const size = blank.length;
  const grid = blank.map((row) => row.slice());
  let at = 0;
  let up = true;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5; // the timing pattern
    for (let step = 0; step < size; step += 1) {
      const row = up ? size - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (blank[row][column] !== FREE) continue;
        grid[row][column] = (bits[at] ?? 0) ^ (mask(row, column) ? 1 : 0);
        at += 1;
      }
    }
    up = !up;
  }
  return grid;
}
