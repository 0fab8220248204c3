// Where a note is and how wide it may be.

import { findExtent, getAxis, listExtents } from "./columns.js";
import { measureText } from "./words.js";

/** Find the font of a note. */
export function findNoteFont(shape, note) {
  return shape.getFont(note.font, "font");
}

/** Find where a note begins, in pixels from the plot's left, and the width that it has.
 *
 * A foot, below the plot, may reach to the edge of the figure; others stay over their panel.
 */
export function placeNote(shape, note, isFoot) {
  const { layout, width, margin } = shape;
  const columns = listExtents(layout, "x");
  const x = locateNote(layout, note) * width + (note.xshift ?? 0);
  const anchor = findAnchor(note, x / width);
  const nudge = { left: 1, right: -1, center: 0 }[anchor];
  const [low, high] = columns[findExtent(columns, (x + nudge) / width)];
  const left = Math.min(x, isFoot ? 0 : low * width);
  const right = isFoot ? width + margin.r - 4 : high * width;
  const room = {
    left: right - x,
    right: x - left,
    center: 2 * Math.min(right + Math.min(margin.r, 20) - x, x + Math.min(margin.l, 20) - left),
  }[anchor];
  const find = (size) => {
    const start = { left: x, right: x - size, center: x - size / 2 }[anchor];
    return { left: start, right: start + size };
  };
  return { width: Math.max(room, 40), find };
}

function locateNote(layout, { xref = "x", x }) {
  if (xref === "paper") return x;
  const axis = getAxis(layout, xref.replace(" domain", "")) ?? {};
  const [low, high] = axis.domain ?? [0, 1];
  if (xref.endsWith("domain")) return low + x * (high - low);
  const [first, last] = axis.range ?? [x - 1, x + 1];
  return low + ((x - first) / (last - first)) * (high - low);
}

function findAnchor({ xanchor }, share) {
  if (xanchor && xanchor !== "auto") return xanchor;
  return share < 1 / 3 ? "left" : share > 2 / 3 ? "right" : "center";
}

/** Widen the margins for notes beside what they belong to that would be cut off. */
export function holdNotes(shape) {
  const { layout, margin } = shape;
  for (const note of layout.annotations ?? []) {
    if (!/^x\d*$/.test(note.xref ?? "x") || note.showarrow !== false) continue;
    const { width, height } = measureText(note.text, findNoteFont(shape, note));
    const { left, right } = placeNote(shape, note, false).find(note.textangle ? height : width);
    margin.l = Math.max(margin.l, Math.ceil(6 - left));
    margin.r = Math.max(margin.r, Math.ceil(right + 6 - shape.width));
  }
}
