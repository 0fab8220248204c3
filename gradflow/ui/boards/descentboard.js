// A descent: the loss, the path of every optimizer on it, and the start, which can be pulled to
// another place. The paths are computed here, so that they follow at once.

import { Board } from "./board.js";
import { runDescent } from "./descents.js";
import { addElement } from "./elements.js";
import { Grip } from "./grips.js";
import { GROUNDS } from "./grounds.js";
import { formatNumber } from "./hover.js";
import { findMode } from "./modes.js";
import { CORNERS, DASHES, cutStep, drawKey, listCorners } from "./pathmarks.js";
import { Pen } from "./pen.js";
import { fill } from "./phrases.js";
import { paintRelief } from "./relief.js";
import { LinearScale } from "./scales.js";
import { StepBar } from "./stepbar.js";

const HEIGHT = 560;
const BAR = 84; // pixels to the right of a relief for its colours
const TICKS = [0, 0.25, 0.5, 0.75, 1]; // shares of its height that are named
const REACH = 3; // half windows around the middle; paths that go further are cut there
const STEPS = 200; // of a key, across the window
const POINTS = 241; // of a curve
const FEW = 400; // steps, of which each has a dot

export class DescentBoard extends Board {
  constructor(parent) {
    super(parent);
    this.least = 260;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.plot.prepend(this.canvas);
    this.grip = new Grip(this.plot, "start", this);
    this.steps = new StepBar(this.below, this);
    this.legend = addElement(this.below, "div", "gf-numbers-of-step");
    this.plot.addEventListener("pointermove", (event) => this.x && this.point(event));
    this.plot.addEventListener("pointerleave", (event) => this.x && this.point(event));
  }

  /** Say the loss where the pointer is. */
  point({ offsetX, offsetY, target }) {
    const place = [this.x.find(offsetX), this.y.find(offsetY)].slice(0, this.spec.start.length);
    const isThere = target.closest(".main-svg, canvas") && place.every((value, i) => {
      const [low, high] = this.data.window[i];
      return low <= value && value <= high;
    });
    this.pointed = isThere ? place : undefined;
    this.plan();
  }

  findDrawnHeight() {
    return this.isNarrow ? 470 : HEIGHT;
  }

  remove() {
    super.remove();
    this.steps.stop();
  }

  // --- what is shown -------------------------------------------------------------------------

  writeWords() {
    const { spec } = this;
    const { texts, names, styles } = this.data;
    this.paths = runDescent(spec);
    this.steps.take(Math.max(...this.paths.map(({ points }) => points.length - 1)), texts);
    const { shown } = this.steps;
    this.legend.innerHTML = this.paths
      .map((path, k) => {
        const n = Math.min(shown, path.points.length - 1);
        const numbers = fill(texts.numbers, {
          point: writePoint(path.points[n]),
          loss: formatNumber(path.loss[n]),
          gradient: formatNumber(Math.hypot(...path.gradients[n])),
        });
        return `<span>${drawKey(styles[k])}<b>${names[k]}</b> ${numbers}</span>`;
      })
      .join("");
    if (!this.pointed) return;
    const [point, loss] = [writePoint(this.pointed), formatNumber(this.evaluate(this.pointed))];
    this.legend.innerHTML += `<span class="gf-pointed">${fill(texts.pointed, { point, loss })}</span>`;
  }

  describe() {
    return this.legend.textContent;
  }

  get isFlat() {
    return this.spec.start.length === 2;
  }

  drawAt({ width, height }) {
    const { data, spec } = this;
    this.pen = new Pen();
    const right = width - (this.isFlat ? BAR : 14);
    const plot = { left: 58, right, top: 10, bottom: height - 44 };
    const ranges = this.isFlat ? data.window : [data.window[0], this.findLossRange()];
    this.x = new LinearScale(ranges[0], [plot.left, plot.right]);
    this.y = new LinearScale(ranges[1], [plot.bottom, plot.top]);
    this.drawAxes(plot);
    this.pen.add("clipPath", { id: `clip-${data.name}` }, `<rect x="${plot.left}" y="${plot.top}" width="${plot.right - plot.left}" height="${plot.bottom - plot.top}"/>`);
    const size = { width: plot.right - plot.left, height: plot.bottom - plot.top };
    const { style } = this.canvas;
    this.canvas.hidden = !this.isFlat;
    if (this.isFlat) {
      Object.assign(style, { left: `${plot.left}px`, top: `${plot.top}px`, width: `${size.width}px`, height: `${size.height}px` });
      const tones = data.tones[findMode(this.box)];
      this.drawBar(plot, paintRelief(this.canvas, spec, data.window, size, tones));
    } else {
      this.drawCurve();
    }
    this.paths.forEach((path, k) => this.drawPath(path, data.styles[k]));
    this.drawMarks();
    this.paths.forEach((path, k) => this.drawHead(path, data.styles[k]));
    this.placeStart();
    return this.pen.toString();
  }

  /** Find the range of the loss of a curve, with room above and below. */
  findLossRange() {
    const heights = this.listCurve().map(([, loss]) => loss);
    const [low, high] = [Math.min(...heights), Math.max(...heights)];
    return [low - 0.12 * (high - low), high + 0.06 * (high - low)];
  }

  listCurve() {
    const [[low, high]] = this.data.window;
    return Array.from({ length: POINTS }, (_, i) => {
      const x = low + (i / (POINTS - 1)) * (high - low);
      return [x, this.evaluate([x])];
    });
  }

  evaluate(point) {
    return GROUNDS[this.spec.surface](point, this.spec.shape)[0];
  }

  drawAxes({ left, right, top, bottom }) {
    const { pen, x, y, data } = this;
    const about = right - left < 400 ? 5 : 8;
    for (const tick of x.listTicks(about)) {
      const at = x.place(tick);
      if (!this.isFlat) pen.line([at, top], [at, bottom], "gf-grid");
      pen.text([at, bottom + 18], formatNumber(tick), "gf-small gf-muted");
    }
    for (const tick of y.listTicks(6)) {
      const at = y.place(tick);
      if (!this.isFlat) pen.line([left, at], [right, at], "gf-grid");
      pen.text([left - 6, at + 4], formatNumber(tick), "gf-small gf-muted", "end");
    }
    pen.text([(left + right) / 2, bottom + 37], data.axes[0]);
    pen.text([14, (top + bottom) / 2], this.isFlat ? data.axes[1] : "L");
  }

  /** Draw the bands of the relief with the loss at which they begin. */
  drawBar({ right, top, bottom }, { colours, find }) {
    const { pen } = this;
    const place = (share) => bottom - share * (bottom - top);
    colours.forEach(([r, g, b], k) => {
      const [low, high] = [k, k + 1].map((n) => place(n / colours.length));
      pen.rect([right + 12, low], [right + 26, high], "", { style: `fill:rgb(${r} ${g} ${b})` });
    });
    for (const share of TICKS) {
      const loss = find(share);
      // The lowest place that was looked at misses a minimum at 0 by a little.
      const text = formatNumber(Math.abs(loss) < find(1) / 1000 ? 0 : loss, 2);
      pen.text([right + 31, place(share) + (share === 1 ? 10 : 4)], text, "gf-small gf-muted", "start");
    }
    pen.text([right + 19, bottom + 18], "L", "gf-small");
  }

  drawCurve() {
    const { pen, x, y, data } = this;
    const points = this.listCurve().map(([at, loss]) => [x.place(at), y.place(loss)]);
    pen.path(points, "gf-curve", { "clip-path": `url(#clip-${data.name})` });
  }

  /** Place the points of a path up to a step; one far outside is moved back along its step. */
  listPlaces(path, last = Infinity) {
    const ranges = [this.x, this.y];
    const relative = path.points.slice(0, last + 1).map((point, n) =>
      (this.isFlat ? point : [point[0], path.loss[n]]).map((value, i) => {
        const { low, high } = ranges[i];
        return (value - (low + high) / 2) / ((high - low) / 2);
      }),
    );
    const isNear = (place) => place?.every((part) => Math.abs(part) <= REACH);
    return relative.map((place, n) => {
      if (isNear(place)) return this.toPixels(place);
      return isNear(relative[n - 1]) ? this.toPixels(cutStep(relative[n - 1], place, REACH)) : [NaN, NaN];
    });
  }

  toPixels([u, v]) {
    const put = ({ from, to }, part) => (from + to) / 2 + (part * (to - from)) / 2;
    return [put(this.x, u), put(this.y, v)];
  }

  isInside([x, y]) {
    return x >= this.x.from - 1 && x <= this.x.to + 1 && y <= this.y.from + 1 && y >= this.y.to - 1;
  }

  drawPath(path, { colour, dash }) {
    const { pen, data } = this;
    const { shown } = this.steps;
    const clip = { "clip-path": `url(#clip-${data.name})` };
    const places = this.listPlaces(path);
    const style = { ...clip, style: `stroke:${colour}`, "stroke-dasharray": DASHES[dash] };
    if (this.isFlat) pen.path(places, "gf-casing", clip);
    pen.path(places, "gf-path gf-ahead", style);
    pen.path(places.slice(0, shown + 1), "gf-path", style);
    if (places.length > FEW) return;
    const seen = places.slice(0, shown + 1).filter((place) => Number.isFinite(place[0]) && this.isInside(place));
    const dots = seen.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join(""); // of round ends alone
    pen.add("path", { d: dots, class: "gf-step-dots", style: `stroke:${colour}` });
  }

  /** Draw where a path is at the shown step, or a cross where it left the picture before. */
  drawHead(path, { colour, symbol }) {
    const places = this.listPlaces(path, this.steps.shown);
    const [x, y] = places.at(-1);
    if (Number.isFinite(x + y) && this.isInside([x, y])) {
      this.pen.path(listCorners([x, y], 9, CORNERS[symbol]), "gf-head", { style: `fill:${colour}` });
      return;
    }
    const seen = places.findLast((place) => Number.isFinite(place[0]) && this.isInside(place));
    if (seen) this.pen.text([seen[0], seen[1] + 7], "✕", "gf-alarm gf-cross gf-halo");
  }

  drawMarks() {
    const { pen, data, x, y } = this;
    for (const { name, about, point } of data.marks) {
      const place = this.isFlat
        ? [x.place(point[0]), y.place(point[1])]
        : [x.place(point[0]), y.place(this.evaluate(point))];
      if (this.isFlat) pen.text([place[0], place[1] + 6], "×", "gf-cross gf-halo");
      else pen.circle(place, 6, "gf-mark");
      if (name) pen.add("text", { x: place[0], y: place[1] + 24, class: "gf-strong gf-halo", "text-anchor": "middle" }, `<title>${about}</title>${name}`);
    }
  }

  // --- the start -----------------------------------------------------------------------------

  placeStart() {
    const { start } = this.spec;
    const { texts, axes, window } = this.data;
    const height = this.isFlat ? start[1] : this.evaluate(start);
    this.grip.place([this.x.place(start[0]), this.y.place(height)]);
    const text = axes.map((axis, i) => `${axis} = ${formatNumber(start[i])}`).join(", ");
    this.grip.describe({
      label: texts.start,
      hint: texts.hint,
      text,
      value: start[0],
      low: window[0][0],
      high: window[0][1],
    });
  }

  begin(isByKey) {
    this.steps.stop();
    this.from = this.spec.start;
    if (!isByKey) this.hold();
    return true;
  }

  pull(across, down) {
    const shift = [across, down].map((pixels, i) => {
      const { low, high, from, to } = [this.x, this.y][i];
      return (pixels * (high - low)) / (to - from);
    });
    this.move(this.from.map((value, i) => value + shift[i]));
  }

  step(by, key) {
    const axis = this.isFlat && !["ArrowLeft", "ArrowRight"].includes(key) ? 1 : 0;
    const [low, high] = this.data.window[axis];
    this.move(this.spec.start.map((value, i) => (i === axis ? value + (by * (high - low)) / STEPS : value)));
  }

  move(start) {
    this.spec.start = start.map((value, i) => {
      const [low, high] = this.data.window[i];
      return Math.min(high, Math.max(low, Number(value.toFixed(3))));
    });
    this.change({ start: this.spec.start });
  }

  end() {
    this.release();
  }

  cancel() {
    this.move(this.from);
    this.release();
  }
}

function writePoint(point) {
  const texts = point.map((value) => formatNumber(value));
  return texts.length > 1 ? `(${texts.join(", ")})` : texts[0];
}
