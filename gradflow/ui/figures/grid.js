// Small multiples on one pair of axes (charts/panels.py): fewer of them in a row on a narrow screen.

import { findNoteFont } from "./notes.js";
import { wrapText } from "./words.js";

const ACROSS = 2; // panels in a row there
const HIGHEST = 1.35; // height of a cell by its width
const ARRAYS = {
  f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array,
  u4: Uint32Array, u2: Uint16Array, u1: Uint8Array,
};

/** Arrange the panels of a narrow figure anew; `layout.meta.panels` says how they are arranged.
 *
 * Each is 1 × 1 with `gaps` between them, or fills a `cell`: its width, height and lowest y.
 */
export function arrangePanels(shape) {
  const { layout, isNarrow } = shape;
  const { count, columns, gaps, cell } = layout.meta?.panels ?? {};
  if (!isNarrow || !count || Math.min(count, columns) <= ACROSS) return;
  const { wide, high, low } = cell ?? { wide: 1 + gaps[0], high: 1 + gaps[1], low: 0 };
  const move = (x, y) => {
    const column = Math.floor(x / wide + 1e-6);
    const row = Math.ceil((low - y) / high - 1e-6);
    const panel = row * columns + column;
    return [
      x + ((panel % ACROSS) - column) * wide,
      y + (row - Math.floor(panel / ACROSS)) * high,
    ];
  };
  const before = Math.ceil(count / columns);
  const rows = Math.ceil(count / ACROSS);
  shape.inner *= rows / before;
  if (cell) shape.inner = Math.min(shape.inner, (rows * HIGHEST * shape.width) / ACROSS);
  shape.data = shape.data.map((trace) => moveTrace(trace, move));
  for (const note of layout.annotations ?? []) {
    if (note.xref !== "x" || note.yref !== "y") continue;
    [note.x, note.y] = move(note.x, note.y);
    note.text = wrapText(note.text, findNoteFont(shape, note), shape.width / ACROSS - 8);
    note.align ??= "left";
  }
  for (const item of layout.shapes ?? []) {
    item.path = item.path?.replace(/(-?[\d.]+),(-?[\d.]+)/g, (_all, x, y) =>
      move(Number(x), Number(y)).map((value) => value.toFixed(4)).join(","),
    );
  }
  if (cell) {
    layout.xaxis.range = [0, ACROSS * wide];
    layout.yaxis.range = [low - (rows - 1) * high, low + high];
  } else {
    arrangeTicks(layout, { rows, wide, high });
  }
}

function moveTrace(trace, move) {
  const [x, y] = [readArray(trace.x), readArray(trace.y)];
  if (!x || !y) return trace;
  const points = x.map((value, i) => (isKnown(value) && isKnown(y[i]) ? move(value, y[i]) : null));
  const take = (which) => points.map((point) => (point ? point[which] : null));
  return { ...trace, x: take(0), y: take(1) };
}

function isKnown(value) {
  return value !== null && Number.isFinite(value);
}

/** Read an array in the form in which Plotly takes it: plain, or bytes in base64. */
export function readArray(array) {
  if (!array?.bdata) return Array.isArray(array) ? array : null;
  const bytes = Uint8Array.from(atob(array.bdata), (letter) => letter.charCodeAt(0));
  return Array.from(new ARRAYS[array.dtype](bytes.buffer));
}

function arrangeTicks({ xaxis, yaxis }, { rows, wide, high }) {
  const inRow = xaxis.tickvals.map((value) => value < ACROSS * wide - 1e-6);
  xaxis.tickvals = xaxis.tickvals.filter((_, i) => inRow[i]);
  xaxis.ticktext = xaxis.ticktext.filter((_, i) => inRow[i]);
  xaxis.range = [xaxis.range[0], ACROSS * wide - (wide - 1) - xaxis.range[0]];
  const first = yaxis.tickvals
    .map((value, i) => ({ value, text: yaxis.ticktext[i] }))
    .filter(({ value }) => value > -1e-6);
  const all = Array.from({ length: rows }, (_, row) =>
    first.map(({ value, text }) => ({ value: value - row * high, text })),
  ).flat();
  yaxis.tickvals = all.map(({ value }) => value);
  yaxis.ticktext = all.map(({ text }) => text);
  yaxis.range = [-(rows - 1) * high - 0.02, high];
}
