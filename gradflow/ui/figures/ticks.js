// Fewer ticks where there is less room, and names and titles of axes in several lines.

import { getAxis, listIds } from "./columns.js";
import { measureText, wrapEvenly, wrapText } from "./words.js";

const APART = 6; // pixels between two labels
const LABEL = 44; // pixels that a label of Plotly's own takes with its surroundings
const LINE_HEIGHT = 1.25; // of a label by the size of its font
const SECOND_LINE = "\u00a0<br>"; // what stands before a name that is below the numbers
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
  if (id === "x" && shape.layout.meta?.groups) return fitGroups(axis, ticks, font, size);
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

/** Fit the labels of an axis with names of groups; those in a second line have room of their own. */
function fitGroups(axis, ticks, font, size) {
  axis.tickangle = 0;
  const isName = ({ text }) => text.startsWith(SECOND_LINE);
  const names = ticks.filter(isName);
  const rest = ticks.filter((tick) => !isName(tick));
  const kept = [...keepRoomy(rest, font, size), ...keepRoomy(names, font, size)];
  kept.sort((a, b) => a.value - b.value);
  axis.tickvals = kept.map(({ value }) => value);
  axis.ticktext = kept.map(({ text }) => text);
}

/** Keep labels that do not touch each other, those first that have most room; long ones are broken. */
function keepRoomy(ticks, font, size) {
  const far = (i) => Math.min(...[i - 1, i + 1].map((j) => (ticks[j] ? Math.abs(ticks[j].at - ticks[i].at) : size)));
  const numbers = ticks.every(({ text }) => !isNaN(Number(text)));
  const items = ticks.map((tick, i) => {
    const room = far(i) - APART;
    const isLong = !numbers && measureText(tick.text, font).width > room;
    const text = isLong && !tick.text.startsWith(SECOND_LINE) ? breakLines(tick.text, font, room) : tick.text;
    return { ...tick, text, room, width: measureText(text, font).width, step: findStep(Number(text)) };
  });
  // Of numbers that are as far apart the rounder ones stay: 0, 5, 10 …
  items.sort((a, b) => (numbers ? b.step - a.step || a.value - b.value : b.room - a.room));
  const kept = [];
  for (const item of items) {
    const touches = ({ at, width }) => Math.abs(at - item.at) < (width + item.width) / 2 + APART;
    if (!kept.some(touches)) kept.push(item);
  }
  return kept;
}

/** Find the largest of 100, 50, 20, 10, 5, 2, 1 that divides a number. */
function findStep(number) {
  return [100, 50, 20, 10, 5, 2, 1].find((step) => number % step === 0) ?? 0;
}

function breakLines(text, font, room) {
  return text.split("<br>").map((line) => breakName(line, font, room)).join("<br>");
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

/** Break a name between words, or behind signs in names of code. */
function breakName(name, font, room) {
  const wrapped = wrapText(name, font, room);
  if (measureText(wrapped, font).width <= room || name.includes("<")) return wrapped;
  let lines = [""];
  for (const part of name.split(/(?<=[_./ -])/)) {
    const longer = lines.at(-1) + part;
    if (measureText(longer, font).width <= room || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines.join("<br>");
}

function wrapTitle(shape, axis, room) {
  if (!axis.title?.text) return;
  axis.title = { ...axis.title, text: wrapEvenly(axis.title.text, shape.getTitleFont(axis), room) };
}
