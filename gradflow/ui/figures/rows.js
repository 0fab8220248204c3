// What stands above and below the bands of a figure gets the room that it needs: ticks, titles,
// notes, the legend. Bands keep their height in pixels; the figure grows, or, at a given height,
// they share what is left.

import { findExtent, getAxis, listExtents, listIds } from "./columns.js";
import { findNoteFont, placeNote } from "./notes.js";
import { measureLegend } from "./legend.js";
import { isPresenting } from "./presenting.js";
import { measureText, wrapText } from "./words.js";

const PAD = 6; // pixels between things
const STRIP = 60; // pixels; a band lower than that keeps its height
const LABEL = 19; // pixels from a strip's highest label to the lowest of the band above it
const LOWEST_BAND = 0.5; // of its height, where the height of the figure is given …
const LOWEST_PRESENTED = 0.35; // … and where nobody scrolls to what does not fit

/** Arrange `shape`; `height` is that of the whole figure if it is given. */
export function arrangeRows(shape, height) {
  const { layout, margin, inner, isNarrow } = shape;
  const bands = listExtents(layout, "y");
  const above = bands.map(() => []);
  const below = bands.map(() => []);
  const axes = measureAxes(shape, bands);
  sortNotes(shape, bands, above, below);
  const standing = bands.map((_, i) => stack(above[i], axes.above[i]));
  const hanging = bands.map((_, i) => stack(below[i], axes.below[i]));

  const sizes = bands.map(([low, high]) => (high - low) * inner);
  const gaps = bands.slice(1).map(([low], i) => {
    const drawn = Math.max((low - bands[i][1]) * inner, sizes[i] < STRIP ? LABEL : 0);
    const needed = standing[i] + hanging[i + 1];
    if (!needed) return drawn;
    return isNarrow ? needed + PAD : Math.max(drawn, needed);
  });
  const last = bands.length - 1;
  const top = placeLegend(shape, standing[last]);
  const bottom = hanging[0] + measureMenus(shape, hanging[0]) + shape.bar;
  // A note at a value of the y axis may stand above the plot, in the margin that the chart gave.
  const isHigh = ({ yref, yanchor }) => yref !== "paper" && yanchor === "bottom";
  const least = (layout.annotations ?? []).some(isHigh) ? margin.t : 10;
  margin.t = isNarrow ? Math.max(top + PAD, least) : Math.max(margin.t, top);
  margin.b = isNarrow ? Math.max(bottom + PAD, 10) : Math.max(margin.b, bottom);

  const rest = sum(gaps) + margin.t + margin.b;
  const strips = sum(sizes.filter((size) => size < STRIP));
  const left = (height - rest - strips) / (sum(sizes) - strips);
  const lowest = isPresenting() ? LOWEST_PRESENTED : LOWEST_BAND;
  const share = height && sum(sizes) > strips ? Math.max(lowest, left) : 1;
  const edges = [];
  let at = 0;
  sizes.forEach((size, i) => {
    const high = size < STRIP ? size : size * share;
    edges.push([at, at + high]);
    at += high + (gaps[i] ?? 0);
  });
  const full = edges[last][1];
  moveToBands(shape, bands, edges, full);
  for (const [items, side] of [[above, 1], [below, 0]]) {
    items.forEach((row, i) => row.forEach((item) => item.settle(edges[i][side] / full)));
  }
  shape.inner = full;
  if (shape.legendRise !== undefined) layout.legend.y = 1 + shape.legendRise / full;
  layout.height = Math.round(full + margin.t + margin.b);
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Measure ticks and titles of x axes, below (or above) the bands at which they are. */
function measureAxes(shape, bands) {
  const { layout } = shape;
  const below = bands.map(() => 0);
  const above = bands.map(() => 0);
  for (const id of listIds(layout, "x")) {
    const axis = getAxis(layout, id);
    if (axis.visible === false) continue;
    const [low, high] = getAxis(layout, axis.anchor ?? "y")?.domain ?? [0, 1];
    const isTop = axis.side === "top";
    const band = findExtent(bands, isTop ? high - 1e-4 : low + 1e-4);
    const side = isTop ? above : below;
    side[band] = Math.max(side[band], measureAxis(shape, axis));
  }
  return { below, above };
}

function measureAxis(shape, axis) {
  const tick = shape.getFont(axis.tickfont, "tickfont");
  const labels = axis.ticktext ?? ["10<sup>0</sup>"];
  const ticks = Math.max(0, ...labels.map((text) => measureText(text, tick).height));
  const title = axis.title?.text && measureText(axis.title.text, shape.getTitleFont(axis)).height;
  return (axis.showticklabels === false ? 0 : ticks + 8) + (title ? title + 8 : 0);
}

/** Sort the notes that stand on a band or hang below one to it, wrapped to the width they have. */
function sortNotes(shape, bands, above, below) {
  const { layout, inner } = shape;
  for (const note of layout.annotations ?? []) {
    if (note.yref !== "paper" || note.showarrow !== false || note.textangle) continue;
    const stands = bands.findLastIndex(([, high]) => note.y >= high - 1e-6);
    const hangs = bands.findIndex(([low]) => note.y <= low + 1e-6);
    if (note.yanchor === "bottom" && stands >= 0) {
      const offset = (note.y - bands[stands][1]) * inner + (note.yshift ?? 0);
      above[stands].push(makeItem(shape, note, offset, 1));
    } else if (note.yanchor === "top" && hangs >= 0) {
      const offset = (bands[hangs][0] - note.y) * inner - (note.yshift ?? 0);
      below[hangs].push(makeItem(shape, note, shape.isNarrow ? 0 : offset, -1));
    }
  }
  for (const row of above) flowKeys(shape, row);
}

function makeItem(shape, note, offset, sign) {
  const room = placeNote(shape, note, sign < 0);
  const font = findNoteFont(shape, note);
  const isKey = note.name?.startsWith("key"); // `flowKeys` finds its place
  note.text = wrapText(note.text, font, isKey ? shape.width - 60 : room.width);
  const { width, height, lines } = measureText(note.text, font);
  if (lines > 1) note.align ??= note.xanchor;
  const item = { note, offset, width, height: height + 2, ...room.find(width) };
  item.settle = (y) => {
    note.y = y;
    note.yshift = sign * item.offset;
    for (const mark of item.marks ?? []) {
      mark.yanchor = y;
      mark.y0 += item.offset - item.drawn;
      mark.y1 += item.offset - item.drawn;
    }
  };
  item.drawn = offset;
  return item;
}

/** Let the keys of a legend that is made of notes and shapes follow one another, in lines. */
function flowKeys(shape, row) {
  const keys = row.filter(({ note }) => note.name?.startsWith("key"));
  let at = 0;
  for (const key of keys) {
    key.marks = shape.layout.shapes.filter(({ name }) => name === key.note.name);
    const lead = key.note.xshift - Math.min(...key.marks.map(({ x0 }) => x0));
    if (at && at + lead + key.width > shape.width) at = 0;
    const shift = at + lead - key.note.xshift;
    key.note.xshift += shift;
    for (const mark of key.marks) {
      mark.x0 += shift;
      mark.x1 += shift;
    }
    key.left = at;
    key.right = at + lead + key.width;
    at = key.right + 16;
  }
  const rank = ({ note }) => (note.name?.startsWith("key") ? 0 : 1);
  row.sort((a, b) => rank(a) - rank(b) || a.offset - b.offset);
}

/** Move notes away from the band until they are free of each other; returns the height of all. */
function stack(items, base) {
  const placed = [];
  for (const item of items) {
    item.offset = Math.max(item.offset, base);
    for (const other of [...placed].sort((a, b) => a.offset - b.offset)) {
      const meets = item.left < other.right + 4 && other.left < item.right + 4;
      const covers = item.offset < other.offset + other.height &&
        other.offset < item.offset + item.height;
      if (meets && covers) item.offset = other.offset + other.height;
    }
    placed.push(item);
  }
  return Math.max(base, ...placed.map(({ offset, height }) => offset + height));
}

/** Give a legend above the plot its place over what stands there; returns the height of all. */
function placeLegend(shape, standing) {
  const { layout, margin, inner, isNarrow, width } = shape;
  const title = layout.title?.text
    ? measureText(layout.title.text, shape.getFont(layout.title.font, "title")).height + PAD
    : 0;
  const { legend } = layout;
  const isAbove = legend?.orientation === "h" && (legend.y ?? 0) >= 1;
  if (title && isNarrow) Object.assign(layout.title, { y: 1, yanchor: "top", pad: { t: 10 } });
  if (!isAbove) return standing + title;
  if (isNarrow) Object.assign(legend, { x: (4 - margin.l) / width, xanchor: "left" });
  const height = measureLegend(shape, width + (isNarrow ? margin.l - 4 : 0));
  if (!height) return standing + title;
  const drawn = legend.yref === "container" ? -1 : (legend.y - 1) * inner;
  if (!isNarrow && legend.yref === "container" && standing + height <= margin.t) return margin.t;
  Object.assign(legend, { yref: "paper", yanchor: "bottom" });
  shape.legendRise = isNarrow ? standing + 2 : Math.max(drawn, standing);
  return shape.legendRise + height + title;
}

/** Put buttons and a slider below one another; returns the height that they take. */
function measureMenus({ layout, isNarrow, margin, width }, hanging) {
  const [menu] = layout.updatemenus ?? [];
  const [slider] = layout.sliders ?? [];
  if (!isNarrow || !menu || !slider) return 0;
  const x = (4 - margin.l) / width;
  Object.assign(menu, { x, y: 0, yanchor: "top", pad: { t: hanging + 10 } });
  Object.assign(slider, { x, len: 1 - x, y: 0, yanchor: "top", pad: { t: hanging + 52 } });
  return 148;
}

/** Move everything that is placed in shares of the plot's height along with the bands. */
function moveToBands({ layout }, bands, edges, full) {
  const inner = (bands.at(-1)[1] - bands[0][0]) || 1;
  const knots = bands.flatMap((band, i) => band.map((y, side) => [y, edges[i][side] / full]));
  const move = (y) => {
    if (typeof y !== "number") return y;
    const next = knots.findIndex(([old]) => y <= old);
    if (next === 0) return knots[0][1] + (y - knots[0][0]) / inner;
    if (next < 0) return knots.at(-1)[1] + (y - knots.at(-1)[0]) / inner;
    const [[low, from], [high, to]] = [knots[next - 1], knots[next]];
    return from + ((y - low) / (high - low || 1)) * (to - from);
  };
  for (const id of listIds(layout, "y")) {
    const axis = getAxis(layout, id);
    axis.domain = (axis.domain ?? [0, 1]).map(move).map((y) => Math.min(1, Math.max(0, y)));
  }
  for (const item of [...(layout.annotations ?? []), ...(layout.shapes ?? [])]) {
    if (item.yref !== "paper") continue;
    for (const name of item.ysizemode === "pixel" ? ["yanchor"] : ["y", "y0", "y1"]) {
      if (name in item) item[name] = move(item[name]);
    }
  }
}
