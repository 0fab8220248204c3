// The scale of colours beside a plot lies above it where there is no room at its side.

import { measureText } from "./words.js";

const BAR = 8; // pixels
const TICKS = 24;

/** Lay the scales of a narrow figure above the plot; returns the height that they take. */
export function layColourbars(shape, rise) {
  const { layout, margin } = shape;
  if (!shape.isNarrow || layout.scene) return 0;
  const bar = findColourbar(shape);
  if (!bar) return 0;
  const title = bar.title?.text
    ? measureText(bar.title.text, shape.getFont(bar.title.font, "tickfont")).height
    : 0;
  Object.assign(bar, {
    orientation: "h",
    x: 0.5,
    xanchor: "center",
    len: 0.9,
    lenmode: "fraction",
    thickness: BAR,
    yanchor: "bottom",
    xpad: 0,
    ypad: 0,
  });
  if (title) bar.title = { ...bar.title, side: "top" };
  shape.bars = { bar, rise };
  return BAR + TICKS + title + 6;
}

/** Take back the room at the side that a scale of colours has in the figure as it was drawn. */
export function freeSide(shape) {
  if (!shape.isNarrow || shape.layout.scene || !findColourbar(shape)) return;
  shape.margin.r = Math.min(shape.margin.r, 16);
  shape.width = shape.full - shape.margin.l - shape.margin.r;
}

function findColourbar({ data, layout }) {
  const own = data.find(({ colorbar, showscale }) => colorbar && showscale !== false)?.colorbar;
  return own ?? layout.coloraxis?.colorbar;
}
