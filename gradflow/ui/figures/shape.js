// The shape of a figure on the screen at hand. A figure comes from the server without knowing how
// wide it will be, because all who look at the same share it; here it gets fonts, ticks, panels and
// room for its texts that fit.

import { layColourbar } from "./colourbars.js";
import { stackColumns } from "./columns.js";
import { arrangePanels } from "./grid.js";
import { holdNotes } from "./notes.js";
import { NARROW } from "./room.js";
import { arrangeRows } from "./rows.js";
import { fitAxes, thinLabels } from "./ticks.js";
import { arrangeTiles } from "./tiles.js";
import { shrinkFonts } from "./words.js";

const WIDE = 1000; // from here on, figures are as they were drawn
const SMALLER = 0.8;
const SMALLEST_IN_BAR = 9; // pixels; Plotly would make texts that do not fit ever smaller
const SIZES = { font: 15, tickfont: 15, legend: 15, title: 17 };

/** Whether a figure looks the same at two sizes, but for the length of its x axes. */
export function keepsShape(first, second) {
  return first.width >= WIDE && second.width >= WIDE && first.height === second.height;
}

/** Fit a figure to a width, and to a height if that is not the one it was drawn for.
 *
 * Returns a copy; `layout.height` is how high it becomes.
 */
export function fitLayout(figure, { width, height }) {
  const layout = structuredClone(figure.layout);
  const given = height === (layout.height ?? height) ? undefined : height;
  if (width >= WIDE && !given) return { ...figure, layout: { ...layout, width } };
  const shape = makeShape({ ...figure, layout }, width);
  arrangeTiles(shape);
  arrangePanels(shape);
  layColourbar(shape);
  stackColumns(shape);
  fitAxes(shape);
  shape.width = width - shape.margin.l - shape.margin.r;
  holdNotes(shape);
  shape.width = width - shape.margin.l - shape.margin.r;
  arrangeRows(shape, given);
  thinLabels(shape);
  return { ...figure, data: shape.data, layout: { ...layout, width } };
}

/** Make the working copy: `width` and `inner` are those of the plot within its margins. */
function makeShape({ data: drawn, layout }, full) {
  const isNarrow = full < NARROW;
  const margin = (layout.margin = { l: 80, r: 20, t: 40, b: 60, ...layout.margin });
  const inner = (layout.height ?? 450) - margin.t - margin.b;
  let data = drawn;
  if (isNarrow) {
    shrinkFonts(layout, SMALLER);
    margin.l = Math.round(margin.l * SMALLER);
    margin.r = Math.round(margin.r * SMALLER);
    for (const note of layout.annotations ?? []) {
      if (note.textangle && note.xshift) note.xshift *= SMALLER;
    }
    data = data.map(shrinkTrace);
    layout.uniformtext ??= { mode: "hide", minsize: SMALLEST_IN_BAR };
  }
  const base = layout.template?.layout ?? {};
  const family = base.font?.family ?? "sans-serif";
  const getFont = (own, kind) => {
    const inherited = {
      tickfont: base.xaxis?.tickfont,
      legend: base.legend?.font,
      title: base.title?.font,
    }[kind];
    const size = own?.size ?? inherited?.size ?? layout.font?.size ?? base.font?.size ?? SIZES[kind];
    return { family, size };
  };
  const getTitleFont = ({ title }) => {
    const size = title.font?.size ?? base.xaxis?.title?.font?.size ?? SIZES.title;
    return { family, size };
  };
  const width = full - margin.l - margin.r;
  return { data: [...data], layout, margin, width, inner, isNarrow, getFont, getTitleFont };
}

function shrinkTrace(trace) {
  const parts = ["textfont", "colorbar", "marker"].filter((name) => trace[name]);
  if (!parts.length) return trace;
  const copies = structuredClone(Object.fromEntries(parts.map((name) => [name, trace[name]])));
  shrinkFonts(copies, SMALLER);
  return { ...trace, ...copies };
}
