// How the path of an optimizer is drawn: dashes, heads, the key of the legend, and where it is cut.

import { Pen } from "./pen.js";

export const DASHES = { solid: "", dash: "9 5", dot: "2 4", dashdot: "9 4 2 4", longdash: "15 6", longdashdot: "15 5 2 5" };
export const CORNERS = { circle: 40, square: 4, diamond: -4, "triangle-up": 3, cross: 5, star: 6 }; // of a head; −4 stands on one

/** Find where the line from a place within a border to one beyond reaches it. */
export function cutStep(inside, outside, border) {
  if (outside.some(Number.isNaN)) return [NaN, NaN];
  const isFar = outside.some((part) => !Number.isFinite(part));
  const way = outside.map((part, i) => {
    if (!isFar) return part - inside[i];
    return Number.isFinite(part) ? 0 : Math.sign(part); // an infinite one gives the direction alone
  });
  const shares = way.map((part, i) => (part ? (border * Math.sign(part) - inside[i]) / part : Infinity));
  const share = Math.min(...shares);
  return inside.map((part, i) => part + share * way[i]);
}

/** List the corners of a regular polygon, the first one once more at the end. */
export function listCorners([x, y], size, count) {
  const turn = count < 0 ? 0 : Math.PI / count; // a side below, or a corner
  return Array.from({ length: Math.abs(count) + 1 }, (_, i) => {
    const angle = Math.PI / 2 + turn + (2 * Math.PI * i) / Math.abs(count);
    return [x + size * Math.cos(angle), y + size * Math.sin(angle)];
  });
}

/** Draw a path and its head for the legend. */
export function drawKey({ colour, dash, symbol }) {
  const pen = new Pen();
  const style = `stroke:${colour};fill:${colour}`;
  pen.line([0, 8], [34, 8], "gf-path", { style, "stroke-dasharray": DASHES[dash] });
  pen.path(listCorners([17, 8], 6, CORNERS[symbol]), "", { style });
  return `<svg width="34" height="16" aria-hidden="true">${pen}</svg> `;
}
