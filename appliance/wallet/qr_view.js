// A QR code as a picture on the page: dark on white in every theme, four modules quiet. Must know no token.

import { matrixOf } from "./qr.js";

const QUIET = 4; // modules
const SVG = "http://www.w3.org/2000/svg";

export function qrView(text, label) {
  const grid = matrixOf(text);
  const size = grid.length + 2 * QUIET;
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", `0 0 ${size} ${size}`);
  made.setAttribute("class", "qr");
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  made.setAttribute("shape-rendering", "crispEdges");
  made.dataset.text = text;
  made.append(rectangle(size), path(grid));
  return made;
}

function rectangle(size) {
  const made = document.createElementNS(SVG, "rect");
  made.setAttribute("width", size);
  made.setAttribute("height", size);
  made.setAttribute("fill", "#fff");
  return made;
}

function path(grid) {
  const made = document.createElementNS(SVG, "path");
  const squares = grid.flatMap((row, i) =>
    row.map((dark, j) => (dark ? `M${j + QUIET} ${i + QUIET}h1v1h-1z` : "")));
  made.setAttribute("d", squares.join(""));
  made.setAttribute("fill", "#000");
  return made;
}
