// Small drawings of curves, from points in the unit square: on the page, and on phones that vote.

import { addDrawing, addElement } from "./elements.js";

const WIDE = 120;
const HIGH = 72;
const EDGE = 5;

/** Add a drawing of curves.
 *
 * @param {HTMLElement} parent
 * @param {Array<{points: Array<[number, number|null]>, className?: string, label?: string}>} curves
 *   the first below; a label stands at the end at which the curves differ
 * @param {{top: string, bottom: string}} ends what the upper and the lower end of the axis stand for
 * @param {?number} level the height of 1, which gets a line; none where that means nothing
 */
export function drawSketch(parent, curves, ends, level = null) {
  const box = addElement(parent, "span", "gf-sketch");
  const svg = addDrawing(box, "svg", {
    viewBox: `0 0 ${WIDE} ${HIGH}`,
    preserveAspectRatio: "none",
    "aria-hidden": true,
  });
  addDrawing(svg, "path", { class: "gf-sketch-axes", d: `M1,0V${HIGH - 1}H${WIDE}` });
  const one = level > 0 && level < 1 ? place(0, level)[1] : null;
  if (one) addDrawing(svg, "path", { class: "gf-sketch-level", d: `M1,${one}H${WIDE}` });
  for (const { points, className = "" } of curves) addCurve(svg, points, className);
  const area = addElement(box, "span", "gf-sketch-area");
  for (const { points, label } of curves) if (label) addLabel(area, points, label, curves);
  addTick(box, place(0, 1)[1], ends.top);
  addTick(box, place(0, 0)[1], ends.bottom);
  if (one) addTick(box, one, "1");
  return box;
}

function addCurve(svg, points, className) {
  const places = points.map(([x, y]) => (y === null ? null : place(x, y)));
  const end = places.indexOf(null);
  const whole = end < 0 ? places : [...places.slice(0, end), place(points[end][0], 1)];
  const line = whole.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ");
  addDrawing(svg, "polyline", { class: `gf-sketch-line ${className}`, points: line });
  if (end < 0) return;
  const [x, y] = whole.at(-1); // it breaks here, at the top as in the figure of the run
  addDrawing(svg, "path", { class: "gf-sketch-broken", d: `M${x - 4},${y - 4}l8,8m0,-8l-8,8` });
}

function addTick(box, y, text) {
  addElement(box, "span", "gf-sketch-tick", text).style.insetBlockStart = `${(100 * y) / HIGH}%`;
}

function addLabel(area, points, label, curves) {
  const atStart = new Set(curves.map((curve) => curve.points[0][1])).size > 1;
  const [, y] = place(...(atStart ? points[0] : points.at(-1)));
  const text = addElement(area, "span", "gf-sketch-label", label);
  text.style.insetBlockStart = `${(100 * y) / HIGH}%`;
  text.classList.add(atStart ? "gf-at-start" : "gf-at-end");
}

function place(x, y) {
  const inner = (value, size) => EDGE + value * (size - 2 * EDGE);
  return [inner(x, WIDE), HIGH - inner(Math.min(1, Math.max(0, y)), HIGH)];
}
