// The height of a figure: that of a page's picture follows the window, others keep theirs.

import { findScale, isPresenting } from "./presenting.js";

export const NARROW = 560; // pixels; in a figure narrower than that, texts are smaller, margins tight
const PICTURE = ".st-key-stage_picture";
const MARGIN = 8; // pixels between a picture and the window's end
const SHEET = 208; // the same for a live one on a phone, which shows the controls below it
const EDGE = 24; // the same for a map on a phone: so that one sees that more follows
const PEEK = 72; // the same, once it is as high as it was drawn: so that what follows can be seen
const MOST_AFTER = 112; // the same, at most, for what is said below a map
const LOWEST = 400; // pixels
const LOWEST_NARROW = 340; // the same, of a live one or a map on a phone
const LOWEST_PRESENTED = 240;
const HIGHEST = 1000;
const GROWTH = 2; // at most, of the height for which a figure was drawn
const STEEPEST = 0.7; // height by width, of what grows

/** Find the height of a graph on this screen; `all` are those in the page. */
export function findHeight(graph, all) {
  const { box, head } = graph;
  const isNarrow = isSlim(graph);
  if (isPresenting() && box.closest(PICTURE)) {
    const column = listColumn(graph, all);
    if (!isNarrow || column.length === 1) return fillScreen(graph, column);
  }
  if (head.headline && isNarrow) return clamp(findRoom(box, SHEET), LOWEST_NARROW, HIGHEST);
  if (head.headline) return clamp(findRoom(box, MARGIN), LOWEST, HIGHEST);
  if (!box.closest(PICTURE)) return head.height;
  if (isNarrow && head.peek) return clamp(findRoom(box, EDGE), LOWEST_NARROW, HIGHEST);
  if (isNarrow) {
    const twin = [...all].find((other) => isTwin(graph, other));
    return twin ? findHeight(twin, all) : head.height;
  }
  // Those that stand on each other share the room as they shared what they were drawn for.
  const column = listColumn(graph, all);
  const drawn = column.reduce((total, { head }) => total + head.height, 0);
  const below = head.peek ? Math.min(measureAfter(box) + 3 * MARGIN, MOST_AFTER) : 0;
  const free = findRoom(column[0].box, MARGIN + below) - measureGaps(column);
  const room = free > drawn ? Math.max(drawn, free - PEEK) : free;
  const most = Math.min(HIGHEST, GROWTH * head.height, STEEPEST * box.clientWidth);
  const least = Math.min(LOWEST, head.height);
  return clamp((head.height * room) / drawn, least, Math.max(head.height, most));
}

/** Find the height of a graph that is presented: those of a picture fill the screen together. */
function fillScreen(graph, column) {
  const drawn = column.reduce((total, { head }) => total + head.height, 0);
  const bar = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--gf-bar")) || 0;
  const below = MARGIN + bar + measureAfter(column.at(-1).box);
  const free = findRoom(column[0].box, below) - measureGaps(column);
  return clamp((graph.head.height * free) / drawn / findScale(), LOWEST_PRESENTED, Infinity);
}

/** Measure what stands below an element in its picture. */
function measureAfter(box) {
  let height = 0;
  for (let part = box; !part.matches(PICTURE); part = part.parentElement) {
    const end = part.getBoundingClientRect().bottom;
    for (let next = part.nextElementSibling; next; next = next.nextElementSibling) {
      const at = next.getBoundingClientRect();
      if (at.top >= end - 1) height += at.height;
    }
  }
  return height;
}

function isSlim({ box }) {
  return box.clientWidth < NARROW;
}

/** Whether a wider figure stands beside a narrow one, its rows meant to be level with its own. */
function isTwin(graph, other) {
  if (other.head.height !== graph.head.height || isSlim(other)) return false;
  return other.box.isConnected && Math.abs(findTop(other) - findTop(graph)) < 1;
}

/** Find the height that is left of the window between what stands above and below an element. */
function findRoom(box, below) {
  const scrolled = box.closest(".stMain")?.scrollTop ?? 0;
  return innerHeight - box.getBoundingClientRect().top - scrolled - below;
}

/** List the graphs of a picture that stand below each other, this one among them. */
function listColumn(graph, all) {
  const picture = graph.box.closest(PICTURE);
  const { left } = graph.box.getBoundingClientRect();
  const isThere = (other) =>
    picture.contains(other.box) && Math.abs(other.box.getBoundingClientRect().left - left) < 1;
  const others = [...all].filter((other) => other !== graph && isThere(other));
  return [graph, ...others].sort((a, b) => findTop(a) - findTop(b));
}

function findTop({ box }) {
  return box.getBoundingClientRect().top;
}

function measureGaps(column) {
  const sizes = column.map(({ plot }) => plot.getBoundingClientRect());
  return sizes.slice(1).reduce((total, { top }, i) => total + top - sizes[i].bottom, 0);
}

function clamp(value, least, most) {
  return Math.round(Math.min(most, Math.max(least, value)));
}
