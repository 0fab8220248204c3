// The network itself, in a strip above a Flow figure: the first units of each layer as dots over its
// column. The brighter a dot the larger the unit's mean |a|; a dead one is hollow, a saturated one
// full. On a phone it folds away, and where a presented figure would not fit on the screen.

import { addElement } from "./elements.js";
import { findBand, findPixel } from "./places.js";
import { NARROW } from "./room.js";
import { fitLayout } from "./shape.js";

const HEIGHT = 44; // pixels, taken from the height of the figure
const GAP = 4; // pixels below it
const SMALLEST = 4; // pixels that a dot takes at least: in narrow columns fewer are shown …
const LARGEST = 11; // … and at most
const SPACE = 0.14; // share of a column's width between its dots and the next one's
const FAINTEST = 0.12; // opacity of a dot without any activation

export class Strip {
  constructor(graph) {
    this.graph = graph;
    this.canvas = addElement(graph.box, "canvas", "gf-strip");
    this.canvas.setAttribute("aria-hidden", "true"); // the figure's words have it
    this.caption = addElement(graph.box, "div", "gf-strip-caption");
    this.caption.setAttribute("aria-hidden", "true");
    this.label = addElement(graph.box, "div", "gf-strip-label");
    this.label.hidden = true;
    this.canvas.addEventListener("pointermove", (event) => this.name(this.findColumn(event)));
    this.canvas.addEventListener("pointerleave", () => this.name(undefined));
    this.canvas.addEventListener("click", (event) => {
      const column = this.findColumn(event);
      if (column) graph.choosePoint(column.layer);
    });
  }

  /** Fit a figure with a margin for it; without one if there is nothing to show, or no room. */
  fit(figure, size) {
    this.isFolded = !this.graph.head.units || size.width < NARROW;
    if (!this.isFolded) {
      const { layout } = figure;
      const margin = { ...layout.margin, t: layout.margin.t + HEIGHT };
      const fitted = fitLayout({ ...figure, layout: { ...layout, margin } }, size);
      this.isFolded = fitted.layout.height > size.height; // the axis below matters more
      if (!this.isFolded) return fitted;
    }
    return fitLayout(figure, size);
  }

  /** Where it is in the figure: its top and height. */
  get band() {
    return this.canvas.hidden ? undefined : [0, HEIGHT - GAP];
  }

  draw() {
    const { canvas, graph } = this;
    const { plot, head } = graph;
    canvas.hidden = this.isFolded || !head.units;
    this.caption.hidden = canvas.hidden;
    graph.box.classList.toggle("gf-stripped", !canvas.hidden);
    this.name(undefined);
    this.columns = [];
    if (canvas.hidden) return;
    const [left, length] = findBand(plot, "xaxis");
    const scale = devicePixelRatio;
    Object.assign(canvas, { width: length * scale, height: (HEIGHT - GAP) * scale });
    canvas.style.cssText =
      `left:${plot.offsetLeft + left}px;top:${plot.offsetTop}px;` +
      `width:${length}px;height:${HEIGHT - GAP}px`;
    this.caption.textContent = head.units.caption;
    this.caption.style.cssText = `top:${plot.offsetTop}px;width:${plot.offsetLeft + left - 2 * GAP}px`;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const width = findPixel(plot, "xaxis", 1) - findPixel(plot, "xaxis", 0);
    const colours = readColours(canvas);
    for (const units of head.units.layers) {
      const x = findPixel(plot, "xaxis", units.layer) - left;
      const grid = arrange(units.marks.length, (1 - SPACE) * width, HEIGHT - GAP);
      const marks = units.marks.slice(0, grid.shown);
      this.columns.push({ ...units, marks, x, width });
      marks.forEach((mark, i) => {
        const across = (i % grid.across) - (Math.min(grid.across, marks.length) - 1) / 2;
        const down = Math.floor(i / grid.across) + 0.5;
        const place = [x + across * grid.size, down * grid.size + grid.top];
        drawUnit(context, place, grid.size / 2, mark, head.units, colours);
      });
    }
  }

  findColumn({ offsetX }) {
    return this.columns.find(({ x, width }) => Math.abs(offsetX - x) <= width / 2);
  }

  /** Say what is in a column, or nothing. */
  name(column) {
    this.label.hidden = !column;
    if (!column) return;
    const { plot, head } = this.graph;
    const { layer, count, marks, x } = column;
    const tally = (kind) => marks.filter((mark) => mark === kind).length;
    const { text, dead, saturated } = head.units;
    const values = { layer, count, shown: marks.length, dead: tally(dead), saturated: tally(saturated) };
    this.label.textContent = text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
    const [left, length] = findBand(plot, "xaxis");
    const at = Math.min(Math.max(0, x - this.label.offsetWidth / 2), length - this.label.offsetWidth);
    this.label.style.cssText = `left:${plot.offsetLeft + left + at}px;top:${plot.offsetTop + HEIGHT}px`;
  }
}

/** Arrange dots in a column: how many are shown, how many stand beside each other, and their size. */
function arrange(count, width, height) {
  let best = { size: 0 };
  for (let across = 1; across <= count; across++) {
    const size = Math.min(width / across, height / Math.ceil(count / across), LARGEST);
    if (size > best.size) best = { across, size, shown: count };
  }
  if (best.size < SMALLEST) {
    const across = Math.max(1, Math.floor(width / SMALLEST));
    const size = Math.min(width / across, SMALLEST);
    best = { across, size, shown: Math.min(count, across * Math.floor(height / SMALLEST)) };
  }
  const down = Math.ceil(best.shown / best.across) * best.size;
  return { ...best, top: Math.max(0, height - down) }; // they stand on the figure
}

function drawUnit(context, [x, y], half, mark, { dead, saturated }, { dot, ring, full }) {
  const radius = Math.max(0.8, half * 0.72);
  context.beginPath();
  context.arc(x, y, mark === saturated ? Math.max(1, half * 0.95) : radius, 0, 2 * Math.PI);
  context.globalAlpha = 1;
  if (mark === dead || mark === null) {
    context.strokeStyle = ring;
    context.lineWidth = Math.min(1.5, half / 2);
    context.stroke();
    return;
  }
  context.fillStyle = mark === saturated ? full : dot;
  if (mark !== saturated) context.globalAlpha = FAINTEST + (1 - FAINTEST) * (mark / 100);
  context.fill();
  context.globalAlpha = 1;
}

/** Read the colours that the style sheet gives to the strip, as the theme has them now. */
function readColours(canvas) {
  const { color, outlineColor, textDecorationColor } = getComputedStyle(canvas);
  return { dot: color, ring: outlineColor, full: textDecorationColor };
}
