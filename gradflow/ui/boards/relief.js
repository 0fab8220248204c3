// The loss of two parameters seen from above, painted on a canvas: bands of equal height, evenly
// spaced in the logarithm where the loss spans decades.

import { GROUNDS } from "./grounds.js";

const BANDS = 18;
const CELL = 2; // pixels of a computed point
const DARKEST = 0.75; // share of the darker colour at the top

/** Compute the loss on a grid over a window, row by row from the top. */
function computeHeights({ surface, shape }, [[left, right], [bottom, top]], columns, rows) {
  const evaluate = GROUNDS[surface];
  const heights = new Float64Array(columns * rows);
  for (let r = 0; r < rows; r += 1) {
    const y = top + ((r + 0.5) / rows) * (bottom - top);
    for (let c = 0; c < columns; c += 1) {
      const x = left + ((c + 0.5) / columns) * (right - left);
      [heights[r * columns + c]] = evaluate([x, y], shape);
    }
  }
  return heights;
}

/** Find how heights are drawn: `place` makes shares from 0 to 1 of them, `find` the opposite.
 *
 * If half of the window is lower than 15% of the highest point, by the logarithm of the height above
 * the lowest point plus a hundredth of the median; else by the height itself.
 */
function scaleHeights(heights) {
  const sorted = Float64Array.from(heights).sort();
  const [low, high] = [sorted[0], sorted.at(-1) - sorted[0]];
  const median = sorted[sorted.length >> 1] - low;
  if (median === 0 || median >= 0.15 * high) {
    return { place: (height) => (height - low) / (high || 1), find: (share) => low + share * high };
  }
  const soft = median / 100;
  const span = Math.log((high + soft) / soft);
  return {
    place: (height) => Math.log((height - low + soft) / soft) / span,
    find: (share) => low + soft * Math.expm1(share * span),
  };
}

const mix = (below, above, share) =>
  [1, 3, 5].map((i) => {
    const [a, b] = [below, above].map((colour) => parseInt(colour.slice(i, i + 2), 16));
    return a + share * (b - a);
  });

/** Paint the loss on a canvas of this size, unless it is there already.
 *
 * Returns the colours of the bands, from the lowest, and what finds the loss at a share of the height.
 *
 * @param tones colours of the lowest and the highest band, and of the lines between bands
 */
export function paintRelief(canvas, spec, window, { width, height }, tones) {
  const key = JSON.stringify([spec.surface, spec.shape, width, height, tones]);
  if (canvas.dataset.key === key) return canvas.relief;
  canvas.dataset.key = key;
  const [columns, rows] = [Math.ceil(width / CELL), Math.ceil(height / CELL)];
  const heights = computeHeights(spec, window, columns, rows);
  const { place, find } = scaleHeights(heights);
  const bands = heights.map((value) => Math.min(BANDS - 1, Math.floor(BANDS * place(value))));
  const [low, high, line] = tones;
  const colours = Array.from({ length: BANDS }, (_, k) => mix(low, high, (DARKEST * k) / (BANDS - 1)));
  const ink = mix(line, line, 0);
  const edges = colours.map((colour) => colour.map((part, i) => 0.7 * part + 0.3 * ink[i]));
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  bands.forEach((band, at) => {
    const isEdge = band !== bands[at + 1] && (at + 1) % columns !== 0 || band !== (bands[at + columns] ?? band);
    image.data.set([...(isEdge ? edges : colours)[band], 255], 4 * at);
  });
  context.putImageData(image, 0, 0);
  canvas.relief = { colours: colours.map((parts) => parts.map(Math.round)), find };
  return canvas.relief;
}
