// Small drawings of curves, from points in the unit square: on the page, and on phones that vote.

import { addDrawing, addElement } from "./elements.js";

const WIDE = 120;
const HIGH = 72;
const EDGE = 5;

/** Add a drawing of curves.
 *
 * @param {HTMLElement} parent
 * @param {Array<{points: Array<[number, number|null]>, className?: string}>} curves the first below
 * @param {{top: string, bottom: string}} ends what the upper and the lower edge stand for
 */
export function drawSketch(parent, curves, ends) {
  const box = addElement(parent, "span", "gf-sketch");
  const svg = addDrawing(box, "svg", {
    viewBox: `0 0 ${WIDE} ${HIGH}`,
    preserveAspectRatio: "none",
    "aria-hidden": true,
  });
  addDrawing(svg, "path", { class: "gf-sketch-axes", d: `M1,0V${HIGH - 1}H${WIDE}` });
  for (const { points, className = "" } of curves) addCurve(svg, points, className);
  addElement(box, "span", "gf-sketch-top", ends.top);
  addElement(box, "span", "gf-sketch-bottom", ends.bottom);
  return box;
}

function addCurve(svg, points, className) {
  const places = points.map(([x, y]) => (y === null ? null : place(x, y)));
  const end = places.indexOf(null);
  const whole = end < 0 ? places : places.slice(0, end);
  if (whole.length) {
    const line = whole.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ");
    addDrawing(svg, "polyline", { class: `gf-sketch-line ${className}`, points: line });
  }
  if (end < 0) return;
  const [x, y] = whole.at(-1) ?? place(points[0][0], 1);
  const cross = `M${x - 4},${y - 4}l8,8m0,-8l-8,8`; // it breaks here
  addDrawing(svg, "path", { class: "gf-sketch-broken", d: cross });
}

function place(x, y) {
  const inner = (value, size) => EDGE + value * (size - 2 * EDGE);
  return [inner(x, WIDE), HIGH - inner(Math.min(1, Math.max(0, y)), HIGH)];
}
