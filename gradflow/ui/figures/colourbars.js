// On a narrow screen a scale of colours lies under its figure, thin and as wide as it.

import { getAxis, listExtents, listIds } from "./columns.js";
import { measureText } from "./words.js";

const THICKNESS = 8; // pixels
const PAD = 10;
const APART = 8; // between two names of ticks
const MARGIN = 20; // to the right of the plot
const BESIDE = 40; // a title as short as this stands beside the scale

/** Lay the scale of colours of a narrow `shape` flat; `shape.bar` is the room that it takes. */
export function layColourbar(shape) {
  shape.bar = 0;
  if (!shape.isNarrow) return;
  const bar = shape.layout.coloraxis?.colorbar ?? findOwn(shape);
  if (!bar) return;
  const { margin } = shape;
  const spare = Math.max(0, margin.r - MARGIN);
  margin.r -= spare;
  shape.width += spare;
  const title = bar.title?.text && measureText(bar.title.text, shape.getFont(bar.title.font, "title"));
  const isBeside = title && title.width < BESIDE;
  Object.assign(bar, {
    orientation: "h", thickness: THICKNESS, lenmode: "fraction", len: 0.94,
    x: 0.5, xanchor: "center", xpad: 0, ticklabeloverflow: "allow", yref: "container", y: 0, yanchor: "bottom", ypad: PAD / 2,
    ...(title && { title: { ...bar.title, side: isBeside ? "right" : "top" } }),
  });
  const font = shape.getFont(bar.tickfont, "tickfont");
  thinTicks(bar, font, shape.width);
  const above = title && !isBeside ? title.height + 4 : 0;
  shape.bar = THICKNESS + measureText("0", font).height + above + 2 * PAD;
  widenPlot(shape);
}

/** Lift the names of flat scales off them: Plotly draws them too low where the margins are large. */
export function liftTitles(plot) {
  for (const bar of plot.querySelectorAll("g.colorbar")) {
    const [title, colours] = [".cbtitle", ".cbfills"].map((name) => bar.querySelector(name));
    if (!title || !colours) continue;
    title.style.translate = "none";
    const [name, scale] = [title, colours].map((part) => part.getBoundingClientRect());
    const isOver = scale.width > scale.height && name.left < scale.right && name.top < scale.top;
    const lift = name.bottom - scale.top;
    if (isOver && lift > 0) title.style.translate = `0 ${-lift}px`;
  }
}

function findOwn(shape) {
  const at = shape.data.findIndex((trace) => trace.colorbar && trace.showscale !== false);
  if (at < 0) return undefined;
  const trace = { ...shape.data[at], colorbar: { ...shape.data[at].colorbar } };
  shape.data[at] = trace;
  return trace.colorbar;
}

/** Leave out so many ticks that the names of the others do not touch. */
function thinTicks(bar, font, width) {
  const { tickvals, ticktext } = bar;
  if (!Array.isArray(tickvals)) return;
  const widest = Math.max(...(ticktext ?? tickvals).map((text) => measureText(String(text), font).width));
  const step = Math.ceil((tickvals.length * (widest + APART)) / width);
  const isKept = (_, i) => (tickvals.length - 1 - i) % step === 0;
  bar.tickvals = tickvals.filter(isKept);
  if (ticktext) bar.ticktext = ticktext.filter(isKept);
}

/** Give the plot the room in which the scale stood. */
function widenPlot({ layout }) {
  const columns = listExtents(layout, "x");
  if (columns.length > 1) return; // `stackColumns` does it
  const [low, high] = columns[0];
  for (const id of listIds(layout, "x")) {
    const axis = getAxis(layout, id);
    axis.domain = (axis.domain ?? [0, 1]).map((x) => low + ((x - low) / (high - low)) * (1 - low));
  }
}
