// Fewer ticks where there is less room, and names and titles of axes in several lines.

import { getAxis, listIds } from "./columns.js";
import { fitGroups } from "./names.js";
import { breakName, measureText, wrapEvenly } from "./words.js";

const APART = 6; // pixels between two labels
const LABEL = 44; // pixels that a label of Plotly's own takes with its surroundings
const LINE_HEIGHT = 1.25; // of a label by the size of its font
const LINE = 30; // the same, of labels above each other

/** Fit ticks and titles of all axes to the extents that they have now. */
export function fitAxes(shape) {
  const { layout, width, inner, isNarrow } = shape;
  for (const id of listIds(layout, "x")) {
    const axis = getAxis(layout, id);
    const size = measureExtent(axis) * width;
    fitTicks(shape, id, axis, size);
    wrapTitle(shape, axis, size + (isNarrow ? 20 : 40));
  }
  let more = 0;
  for (const id of listIds(layout, "y")) {
    const axis = getAxis(layout, id);
    const size = measureExtent(axis) * inner;
    if (isNarrow && !axis.tickvals) axis.nticks = count(axis.nticks, size / LINE);
    const drawn = countLines(axis);
    wrapTitle(shape, axis, size + 10);
    more = Math.max(more, countLines(axis) - drawn);
  }
  shape.margin.l += more * 17;
}

/** Leave out labels of y axes that would stand on each other, counted from that of 0. */
export function thinLabels(shape) {
  const { layout, inner } = shape;
  for (const id of listIds(layout, "y")) {
    const axis = getAxis(layout, id);
    const { tickvals, ticktext, range } = axis;
    if (!Array.isArray(tickvals) || tickvals.length < 3 || !range || axis.type === "log") continue;
    const pixels = (measureExtent(axis) * inner) / Math.abs(range[1] - range[0]);
    const slots = tickvals.slice(1).map((value, i) => Math.abs(value - tickvals[i]) * pixels);
    const line = LINE_HEIGHT * shape.getFont(axis.tickfont, "tickfont").size;
    const step = Math.ceil(line / Math.min(...slots));
    if (step < 2) continue;
    const origin = Math.max(0, tickvals.indexOf(0));
    const isKept = (_, i) => (i - origin) % step === 0;
    axis.tickvals = tickvals.filter(isKept);
    if (ticktext) axis.ticktext = ticktext.filter(isKept);
  }
}

function countLines({ title }) {
  return (title?.text ?? "").split("<br>").length;
}

function measureExtent({ domain = [0, 1] }) {
  return domain[1] - domain[0];
}

function count(wanted, most) {
  return Math.max(2, Math.min(wanted || 10, Math.floor(most)));
}

function fitTicks(shape, id, axis, size) {
  if (axis.visible === false || axis.showticklabels === false) return;
  if (axis.automargin) return; // Plotly turns its labels and makes room for them
  const names = axis.tickvals ? null : listCategories(shape, id);
  if (names) {
    axis.tickvals = names.map((_, i) => i);
    axis.ticktext = names;
  }
  if (!Array.isArray(axis.tickvals)) {
    if (size < 8 * LABEL) Object.assign(axis, { nticks: count(axis.nticks, size / LABEL), tickangle: 0 });
    return;
  }
  const font = shape.getFont(axis.tickfont, "tickfont");
  const ticks = axis.tickvals.map((value, i) => ({
    value,
    text: String(axis.ticktext?.[i] ?? value),
    at: placeTick(axis, value, i, axis.tickvals.length) * size,
  }));
  const widths = ticks.map(({ text }) => measureText(text, font).width);
  const { groups } = shape.layout.meta ?? {};
  if (id === "x" && groups) return fitGroups(axis, ticks, groups, font, size);
  if (fits(ticks, widths, ticks.map((_, i) => i))) return;
  axis.tickangle = 0;
  if (ticks.some(({ text }) => text.replace(/<[^>]*>/g, "").length > 7)) {
    const slots = ticks.slice(1).map(({ at }, i) => Math.abs(at - ticks[i].at));
    const room = Math.min(size, ...slots) - APART;
    axis.ticktext = ticks.map(({ text }) => breakName(text, font, room));
    return;
  }
  for (let step = 2; step < ticks.length; step += 1) {
    const kept = ticks.map((_, i) => i).filter((i) => i % step === 0);
    const last = ticks.length - 1;
    if (kept.at(-1) !== last) {
      if (kept.length > 1 && last - kept.at(-1) < step * 0.7) kept.pop();
      kept.push(last);
    }
    if (!fits(ticks, widths, kept) && step + 1 < ticks.length) continue;
    axis.tickvals = kept.map((i) => ticks[i].value);
    if (axis.ticktext) axis.ticktext = kept.map((i) => ticks[i].text);
    return;
  }
}

/** List the names that a bar chart's axis consists of. */
function listCategories({ data }, id) {
  const traces = data.filter((trace) => (trace.xaxis ?? "x") === id && Array.isArray(trace.x));
  const names = [...new Set(traces.flatMap(({ x }) => x))];
  const areNames = names.length && names.every((x) => typeof x === "string" && isNaN(Number(x)));
  return areNames ? names : null;
}

function placeTick({ range, type }, value, i, all) {
  if (!range) return (i + 0.5) / all;
  const at = type === "log" ? Math.log10(value) : value;
  return (at - range[0]) / (range[1] - range[0]);
}

function fits(ticks, widths, kept) {
  return kept.every((i, k) => {
    const before = kept[k - 1];
    if (before === undefined) return true;
    return Math.abs(ticks[i].at - ticks[before].at) >= (widths[i] + widths[before]) / 2 + APART;
  });
}

function wrapTitle(shape, axis, room) {
  if (!axis.title?.text) return;
  axis.title = { ...axis.title, text: wrapEvenly(axis.title.text, shape.getTitleFont(axis), room) };
}
