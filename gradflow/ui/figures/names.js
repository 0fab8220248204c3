// Names of groups on an axis over layers, in the room that a figure has: whole, broken, or shortened.

import { breakName, measureText } from "./words.js";

const APART = 6; // pixels between two labels
const SECOND_LINE = "\u00a0<br>"; // what stands before a name that is below the numbers
const FEWEST = 3; // letters of a name that is cut
const MOST_LINES = 3; // of a broken name

/** Fit the labels of an axis with names of groups; those in a second line have room of their own.
 *
 * `sizes` says how many columns each label names; numbers name none.
 */
export function fitGroups(axis, ticks, sizes, font, width) {
  axis.tickangle = 0;
  const column = width / Math.abs(axis.range[1] - axis.range[0]);
  const items = ticks.map((tick, i) => ({ ...tick, size: sizes[i] ?? 0 }));
  const isName = ({ size }) => size > 0;
  const kept = [
    ...keepNumbers(items.filter((item) => !isName(item)), font),
    ...keepNames(items.filter(isName), column, font),
  ];
  kept.sort((a, b) => a.value - b.value);
  axis.tickvals = kept.map(({ value }) => value);
  axis.ticktext = kept.map(({ text }) => text);
}

/** Keep numbers that do not touch each other: of those as far apart the rounder ones, 0, 5, 10 … */
function keepNumbers(items, font) {
  const measured = items.map((item) => {
    const number = Number(item.text);
    const step = [100, 50, 20, 10, 5, 2, 1].find((whole) => number % whole === 0) ?? 0;
    return { ...item, step, width: measureText(item.text, font).width };
  });
  measured.sort((a, b) => b.step - a.step || a.value - b.value);
  const kept = [];
  for (const item of measured) if (kept.every((other) => findGap(item, other) >= item.width / 2)) kept.push(item);
  return kept;
}

/** Keep the names of groups: those that fit between their neighbours, then others where room is left.
 *
 * Last come single columns, of which those stay that have room.
 */
function keepNames(items, column, font) {
  const groups = items.filter(({ size }) => size > 1).sort((a, b) => b.size - a.size || a.value - b.value);
  const kept = [];
  const place = (item, room, mayCut) => {
    const free = Math.min(...kept.map((other) => 2 * findGap(item, other)), Infinity);
    const text = fitName(item.text, font, Math.min(room, free), mayCut);
    if (text) kept.push({ ...item, text, width: measureText(text, font).width });
    return Boolean(text);
  };
  const rest = groups.filter((item) => {
    // Neighbours of its size will be named, too, and have as much room.
    const equals = groups.filter((other) => other !== item && other.size >= item.size);
    const near = Math.min(...equals.map((other) => Math.abs(other.at - item.at) - APART), Infinity);
    return !place(item, Math.max(near, item.size * column - APART), false);
  });
  for (const item of rest) place(item, Infinity, true);
  for (const item of items.filter(({ size }) => size === 1)) place(item, Infinity, false);
  return kept;
}

/** Find the pixels from the middle of a label to what another one needs. */
function findGap(item, other) {
  return Math.abs(item.at - other.at) - other.width / 2 - APART;
}

/** Fit a name to its room: whole, broken behind signs, or cut if it may be; else there is none. */
function fitName(text, font, room, mayCut) {
  const isLower = text.startsWith(SECOND_LINE);
  const fits = (part) => measureText(part, font).width <= room;
  const lines = (isLower ? text.slice(SECOND_LINE.length) : text).split("<br>").flatMap((line) => {
    if (fits(line)) return [line];
    const broken = isLower ? [] : breakName(line, font, room).split("<br>");
    return broken.length && broken.length <= MOST_LINES && broken.every(fits) ? broken : [mayCut ? cutLine(line, fits) : ""];
  });
  if (!lines.every(Boolean)) return "";
  return (isLower ? SECOND_LINE : "") + lines.join("<br>");
}

/** Cut a line from its end until it fits; not one with marks, which might be cut in their middle. */
function cutLine(line, fits) {
  if (/[<&]/.test(line)) return "";
  for (let length = line.length - 1; length >= FEWEST; length -= 1) {
    const cut = `${line.slice(0, length)}…`;
    if (fits(cut)) return cut;
  }
  return "";
}
