// How high Plotly's legend above a plot becomes, and names that are too long for it.

import { measureText, wrapText } from "./words.js";

const SAMPLE = 40; // pixels before a name: Plotly's sample and the space around it
const GAP = 5;
const GROUP_GAP = 10;
const LEAST = 16;
const MISTAKE = 12; // pixels by which a line may be longer than it is measured

/** Measure the legend of a figure, which may be this wide; 0 if there is none.
 *
 * Plotly sets names in one line, or in columns as wide as the widest of them; groups stand side by
 * side, their names beneath each other.
 */
export function measureLegend(shape, room) {
  const { layout } = shape;
  const font = shape.getFont(layout.legend.font, "legend");
  const shown = shape.data
    .map((trace, at) => ({ trace, at }))
    .filter(({ trace }) => isListed(trace));
  if (layout.showlegend === false || !shown.length) return 0;
  if (shown.length < 2 && layout.showlegend !== true) return 0;
  const entries = shown.map(({ trace, at }) => {
    const text = wrapText(trace.name, font, room - SAMPLE - GAP);
    if (text !== trace.name) shape.data[at] = { ...trace, name: text };
    const { width, height } = measureText(text, font);
    return { width: width + SAMPLE, height: Math.max(height, LEAST) + 3, group: trace.legendgroup };
  });
  const rows = entries.some(({ group }) => group) ? setGroups(entries, room) : setLine(entries, room);
  return rows + GAP;
}

function isListed({ type, showlegend, visible, name }) {
  const isSilent = ["heatmap", "contour", "surface", "image"].includes(type);
  return name && visible !== false && (isSilent ? showlegend === true : showlegend !== false);
}

function setLine(entries, room) {
  const highest = Math.max(...entries.map(({ height }) => height));
  const widest = Math.max(...entries.map(({ width }) => width));
  const whole = entries.reduce((sum, { width }) => sum + width + GAP, 0);
  if (whole + MISTAKE < room) return highest;
  const columns = Math.max(1, Math.floor((room - MISTAKE) / (widest + GAP)));
  return Math.ceil(entries.length / columns) * highest;
}

function setGroups(entries, room) {
  const groups = new Map();
  entries.forEach((entry, i) => {
    const key = entry.group ?? `alone ${i}`;
    const group = groups.get(key) ?? { width: 0, height: 0 };
    group.width = Math.max(group.width, entry.width + GAP);
    group.height += entry.height;
    groups.set(key, group);
  });
  let [total, across, row] = [0, 0, 0];
  for (const { width, height } of groups.values()) {
    if (across && across + width + GAP + MISTAKE > room) {
      total += row + GROUP_GAP;
      [across, row] = [0, 0];
    }
    across += width;
    row = Math.max(row, height);
  }
  return total + row;
}
