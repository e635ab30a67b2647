// The eight masks of QR codes, and what the standard (7.8.3) charges for a masked matrix. Must know no data.

export const MASKS = [
  (i, j) => (i + j) % 2 === 0,
  (i) => i % 2 === 0,
  (i, j) => j % 3 === 0,
  (i, j) => (i + j) % 3 === 0,
  (i, j) => (Math.floor(i / 2) + Math.floor(j / 3)) % 2 === 0,
  (i, j) => ((i * j) % 2) + ((i * j) % 3) === 0,
  (i, j) => (((i * j) % 2) + ((i * j) % 3)) % 2 === 0,
  (i, j) => (((i + j) % 2) + ((i * j) % 3)) % 2 === 0,
];

export function penalty(grid) {
  const columns = grid[0].map((_, at) => grid.map((row) => row[at]));
  const lines = [...grid, ...columns];
  const along = lines.reduce((sum, line) => sum + runs(line) + finders(line), 0);
  return along + blocks(grid) + balance(grid);
}

// N1: five or more alike in a line.
function runs(line) {
  let cost = 0;
  let length = 0;
  for (let at = 0; at < line.length; at += 1) {
    length = at && line[at] === line[at - 1] ? length + 1 : 1;
    if (length === 5) cost += 3;
    else if (length > 5) cost += 1;
  }
  return cost;
}

// N2: squares of two by two alike.
function blocks(grid) {
  let cost = 0;
  for (let i = 1; i < grid.length; i += 1) {
    for (let j = 1; j < grid.length; j += 1) {
      const sum = grid[i][j] + grid[i - 1][j] + grid[i][j - 1] + grid[i - 1][j - 1];
      if (sum % 4 === 0) cost += 3;
    }
  }
  return cost;
}

// N3: what looks like a finder, with four light modules on a side; light is all around a symbol.
function finders(line) {
  const text = line.join("");
  let cost = 0;
  let at = text.indexOf("1011101");
  while (at >= 0) {
    const before = text.slice(Math.max(at - 4, 0), at);
    const after = text.slice(at + 7, at + 11);
    const isOne = !before.includes("1") || !after.includes("1");
    if (isOne) cost += 40;
    at = text.indexOf("1011101", at + (isOne ? 7 : 4));
  }
  return cost;
}

// N4: each whole 5 % that dark is away from half.
function balance(grid) {
  const dark = grid.flat().reduce((sum, one) => sum + one, 0);
  const total = grid.length ** 2;
  return 10 * Math.floor(Math.abs(20 * dark - 10 * total) / total);
}
