// The pulse: a pass through the network, shown on a Flow figure. It runs forward and uncovers the
// signal column by column, meets the loss, and comes back, in each column as high as the gradient.
//
// All it needs is in the figure: the distributions of the columns, and the line of the RMS gradient.

import { addElement, wantsCalm } from "./elements.js";
import { cutColumn } from "./growth.js";
import { findBand, findGradientLine, findPixel, listItems } from "./places.js";

const COLUMN_TIME = 110; // milliseconds that a pulse takes per column …
const SHORTEST = 1200; // … and for all of them, at least
const LONGEST = 3200; // … and at most
const LOSS_TIME = 500; // milliseconds at the loss
const TAIL = 2.5; // columns behind the front that still glow
const VEIL = 0.8; // opacity of the page's colour over what the pulse has not reached
const UNITS = 0.35; // opacity of the light over the units that the pulse passes
const REST = 4000; // milliseconds that a picture without motion stands
const SPREAD = [0.16, 0.84]; // quantiles: a standard deviation of a normal distribution each way

/** Plan a pulse over a figure, from left to right: pixels of each column, seen from its plot. */
export function planPulse(plot) {
  const forward = findHeatmap(plot, undefined);
  const backward = findHeatmap(plot, "y2");
  const line = findGradientLine(plot);
  if (!forward || !backward || !line) return undefined;
  const rows = listItems(forward.z);
  const low = forward.y0 - forward.dy / 2;
  const width = findPixel(plot, "xaxis", 1) - findPixel(plot, "xaxis", 0);
  const bottom = findPixel(plot, "yaxis2", plot._fullLayout.yaxis2.range[0]);
  const layers = Array.from(rows[0], (_, column) => forward.x0 + column);
  const levels = listItems(line.y);
  const columns = layers.map((layer, column) => {
    const ends = cutColumn(rows, column, low, forward.dy);
    const value = levels[column];
    return {
      layer,
      value,
      x: findPixel(plot, "xaxis", layer),
      signal: ends && SPREAD.map((share) => findPixel(plot, "yaxis", findQuantile(ends, share))),
      gradient: Number.isFinite(value) ? findPixel(plot, "yaxis2", value) : undefined,
    };
  });
  const colours = [forward, backward].map(({ colorscale }) => colorscale.at(-3)[1]);
  return { columns, bottom, bands: [findBand(plot, "yaxis"), findBand(plot, "yaxis2")], width, colours };
}

/** A pulse over the figure of a graph, played when it is asked for. */
export class Pulse {
  constructor(graph) {
    this.graph = graph;
  }

  get isPlaying() {
    return this.canvas !== undefined;
  }

  /** Play it once. */
  play() {
    this.stop();
    const plan = planPulse(this.graph.plot);
    if (!plan) return;
    plan.strip = this.graph.strip?.band;
    this.canvas = addElement(this.graph.box, "canvas", "gf-pulse");
    this.canvas.setAttribute("aria-hidden", "true");
    const { offsetWidth, offsetHeight, offsetTop, offsetLeft } = this.graph.plot;
    const scale = devicePixelRatio;
    Object.assign(this.canvas, { width: offsetWidth * scale, height: offsetHeight * scale });
    Object.assign(this.canvas.style, {
      width: `${offsetWidth}px`, height: `${offsetHeight}px`,
      top: `${offsetTop}px`, left: `${offsetLeft}px`,
    });
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    const brush = new Brush(context, plan, getComputedStyle(this.graph.box));
    if (wantsCalm()) {
      brush.drawAll();
      this.timer = setTimeout(() => this.stop(), REST);
      return;
    }
    const count = plan.columns.length;
    const way = Math.min(LONGEST, Math.max(SHORTEST, count * COLUMN_TIME));
    const end = 2 * way + LOSS_TIME + (way / count) * TAIL;
    let begun;
    const step = (now) => {
      begun ??= now;
      const time = now - begun;
      if (time > end) return this.stop();
      this.at = findPlace(time, way, count);
      brush.draw(this.at);
      this.frames = (this.frames ?? 0) + 1;
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.canvas?.remove();
    this.canvas = undefined;
    this.at = undefined;
  }
}

/** Find where a pulse is: on its way forward, at the loss or on its way back, in columns. */
function findPlace(time, way, count) {
  if (time < way) return { phase: "forward", front: (time / way) * count };
  if (time < way + LOSS_TIME) return { phase: "loss", share: (time - way) / LOSS_TIME };
  return { phase: "back", front: ((time - way - LOSS_TIME) / way) * count };
}

/** Draws a pulse at its places. */
class Brush {
  constructor(context, plan, style) {
    const [forward, backward] = plan.colours;
    const page = style.getPropertyValue("--st-background-color");
    Object.assign(this, { context, plan, colours: { forward, backward, page } });
  }

  draw(place) {
    const { columns } = this.plan;
    const isBack = place.phase === "back";
    this.clear();
    columns.forEach((column, i) => {
      const ahead = isBack ? columns.length - 1 - i : i;
      const behind = place.phase === "loss" ? Infinity : place.front - ahead;
      const [upper, lower] = this.plan.bands;
      if (behind < 0 && !isBack) for (const band of [upper, this.plan.strip]) this.veil(column, band);
      if (behind < 0 || !isBack) this.veil(column, lower);
      const glow = Math.max(0, Math.min(1, 1 - (behind - 1) / TAIL));
      if (behind < 0 || !glow) return;
      if (isBack) this.drawGradient(column, glow);
      else this.drawSignal(column, glow);
    });
    if (place.phase === "loss") this.drawLoss(place.share);
  }

  /** Cover the part of a column in one band. */
  veil({ x }, band) {
    if (!band) return;
    const { context, plan } = this;
    const [top, height] = band;
    context.globalAlpha = VEIL;
    context.fillStyle = this.colours.page;
    context.fillRect(x - plan.width / 2, top, plan.width, height);
    context.globalAlpha = 1;
  }

  /** Draw all of a pass at once, for those who want no motion. */
  drawAll() {
    this.clear();
    for (const column of this.plan.columns) {
      this.drawSignal(column, 0.8);
      this.drawGradient(column, 0.8);
    }
  }

  clear() {
    const { canvas } = this.context;
    this.context.clearRect(0, 0, canvas.width, canvas.height);
  }

  /** Light up the units of a column that the pulse passes. */
  drawUnits({ x }, colour, glow) {
    const { context, plan } = this;
    if (!plan.strip) return;
    const [top, height] = plan.strip;
    context.globalAlpha = UNITS * glow;
    context.fillStyle = colour;
    context.fillRect(x - plan.width / 2, top, plan.width, height);
    context.globalAlpha = 1;
  }

  drawSignal({ x, signal }, glow) {
    this.drawUnits({ x }, this.colours.forward, glow);
    if (!signal) return;
    const [low, high] = signal;
    this.drawBar(x, high, Math.max(3, low - high), this.colours.forward, glow);
    this.drawBall(x, (low + high) / 2, 5, this.colours.forward, glow);
  }

  drawGradient({ x, gradient }, glow) {
    const { bottom } = this.plan;
    this.drawUnits({ x }, this.colours.backward, glow);
    if (gradient === undefined) return;
    const height = Math.max(0, bottom - gradient);
    this.drawBar(x, gradient, height, this.colours.backward, glow);
    this.drawBall(x, gradient, 5, this.colours.backward, glow);
  }

  drawLoss(share) {
    const { columns, width, bands } = this.plan;
    const [[top, height], [below]] = bands;
    const last = columns.at(-1);
    const colour = share < 0.5 ? this.colours.forward : this.colours.backward;
    const radius = 6 + 14 * Math.sin(Math.PI * share);
    this.drawBall(last.x + width / 2, (top + height + below) / 2, radius, colour, 0.9);
  }

  drawBar(x, top, height, colour, glow) {
    const { context } = this;
    const width = Math.max(3, this.plan.width * 0.86);
    context.globalAlpha = 0.75 * glow;
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(x - width / 2, top, width, height, Math.min(4, width / 2));
    context.fill();
    context.globalAlpha = 1;
  }

  drawBall(x, y, radius, colour, glow) {
    const { context } = this;
    context.globalAlpha = glow;
    context.fillStyle = colour;
    context.strokeStyle = this.colours.page;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.globalAlpha = 1;
  }
}

function findHeatmap(plot, axis) {
  return plot.data.find(({ type, yaxis }) => type === "heatmap" && (yaxis ?? "y") === (axis ?? "y"));
}

/** Find a quantile among the ends of parts of equal weight. */
function findQuantile(ends, share) {
  const place = share * (ends.length - 1);
  const before = Math.floor(place);
  return ends[before] + (place - before) * (ends[before + 1] - ends[before]);
}
