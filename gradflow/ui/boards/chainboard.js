// The chain: its units in a row, under them the factors of each layer, and under these the gradient
// on its way back. On a phone the rows are columns.

import { Board } from "./board.js";
import { runChain } from "./chainrun.js";
import { GONE, judgeChain, writeLayer } from "./chainwords.js";
import { formatNumber } from "./hover.js";
import { Pen } from "./pen.js";
import { fill } from "./phrases.js";
import { Pulls } from "./pulls.js";
import { LogScale } from "./scales.js";

const ROW = 48; // pixels of a layer on a phone
const HEIGHT = 560;

export class ChainBoard extends Board {
  constructor(parent) {
    super(parent);
    this.least = 330;
    this.pulls = new Pulls(this);
    this.above.className += " gf-verdict";
    this.plot.addEventListener("click", (event) => this.choose(event));
  }

  /** Whether the layers go down instead of right. */
  get isTall() {
    return this.isNarrow;
  }

  findDrawnHeight({ length }) {
    return this.isTall ? 190 + (length + 2) * ROW : HEIGHT;
  }

  writeWords() {
    this.run = runChain(this.spec);
    const { texts } = this.data;
    const { severity, text } = judgeChain(this.run, texts);
    this.above.dataset.severity = severity;
    this.above.innerHTML = text;
    this.below.innerHTML = writeLayer(this.run, this.spec, texts);
  }

  describe() {
    return this.above.textContent;
  }

  drawAt({ width, height }) {
    const { isTall, spec } = this;
    const n = spec.length;
    this.pen = new Pen();
    // u runs along the layers, v across them.
    const [start, end] = isTall ? [58, height - 30] : [96, width - 42];
    this.unit = (end - start) / (n + 1);
    this.at = (i) => start + i * this.unit;
    this.place = (u, v) => (isTall ? [v, u] : [u, v]);
    const across = isTall ? width : height;
    const top = Math.max(124, 0.27 * across); // below the units
    const rest = across - top;
    this.bands = isTall
      ? { pills: 30, units: 76, factors: [152, 0.56 * across], gradient: [0.68 * across, across - 10] }
      : { pills: 26, units: 62, factors: [top, top + 0.4 * rest], gradient: [top + 0.57 * rest, across - 30] };
    this.across = across;
    this.drawChosen();
    this.drawUnits();
    this.drawFactors();
    this.drawGradient();
    this.placePulls();
    return this.pen.toString();
  }

  drawChosen() {
    const at = this.at(this.spec.layer);
    const half = this.unit / 2;
    this.pen.rect(this.place(at - half, 0), this.place(at + half, this.across), "gf-chosen");
  }

  drawUnits() {
    const { pen, run, spec, bands, isTall } = this;
    const size = Math.min(16, 0.26 * this.unit);
    const centre = (i) => this.place(this.at(i), bands.units);
    for (let i = 1; i <= spec.length + 1; i += 1) {
      const weight = i <= spec.length ? run.w[i - 1] : 1;
      const wide = Math.min(7, 1 + 2 * Math.abs(weight));
      pen.line(centre(i - 1), centre(i), "gf-edge", {
        "stroke-width": wide,
        "stroke-dasharray": weight < 0 ? "5 4" : undefined,
      });
    }
    for (let i = 1; i <= spec.length + 1; i += 1) {
      const isLoss = i > spec.length;
      const [x, y] = centre(i);
      pen.circle([x, y], size, isLoss ? "gf-unit gf-loss-unit" : "gf-unit");
      pen.text([x, y + 4.5], isLoss ? "L" : String(i), "gf-strong");
      const value = formatNumber(isLoss ? run.loss : run.h[i], this.unit < 90 ? 2 : 3);
      if (isTall) pen.text([x + size + 6, y + 4], value, "gf-small", "start");
      else pen.text([x, y + size + 16], value, "gf-small");
    }
    const { texts } = this.data;
    if (isTall) {
      pen.text([30, 14], "w_{i}", "gf-muted");
      pen.text([76, 14], texts.unit, "gf-muted");
      pen.text([122, 14], "h_{i+1}", "gf-muted");
    } else {
      pen.text([8, bands.pills + 5], "w_{i}", "gf-muted", "start");
      pen.text([8, bands.units + size + 16], "h_{i+1}", "gf-muted", "start");
    }
  }

  /** Make the axis of a band, its grid and its title. */
  makeScale(values, [from, to], title) {
    const { pen, isTall } = this;
    const scale = new LogScale(values, isTall ? [from, to] : [to, from]);
    const [low, high] = isTall ? [44, this.at(this.spec.length + 1) + 16] : [88, this.at(this.spec.length + 1) + 30];
    for (const tick of scale.listTicks(isTall ? 2.5 : 5)) {
      const v = scale.place(tick);
      pen.line(this.place(low, v), this.place(high, v), "gf-grid");
      if (isTall) pen.text([Math.min(v, to - 14), 36], formatNumber(tick), "gf-small gf-muted");
      else pen.text([82, v + 4], formatNumber(tick), "gf-small gf-muted", "end");
    }
    if (isTall) pen.text([(from + to) / 2, 14], title, "gf-muted");
    else pen.text([8, from - 12], title, "gf-muted", "start");
    return scale;
  }

  drawFactors() {
    const { run, spec, bands, isTall, pen } = this;
    const { texts } = this.data;
    const rows = [
      ["gf-weight-bar", [...run.behind.slice(0, -1), NaN]],
      ["gf-slope-bar", run.slope],
      ["gf-product-bar", run.factors],
    ];
    const all = rows.flatMap(([, values]) => values.filter(Number.isFinite));
    const scale = this.makeScale([...all, 1], bands.factors, texts[isTall ? "factorShort" : "factor"]);
    const one = scale.place(1);
    pen.line(this.place(this.at(0.5), one), this.place(this.at(spec.length + 0.5), one), "gf-one");
    const thick = Math.min(16, 0.24 * this.unit);
    for (let i = 1; i <= spec.length; i += 1) {
      rows.forEach(([look, values], k) => {
        const value = values[i - 1];
        const u = this.at(i) + (k - 1) * thick * 1.12;
        if (Number.isNaN(value) && k === 0) return; // the last layer has no weight behind it
        this.drawEnd(value, u, scale, look);
        if (!Number.isFinite(value) || value === 0) return;
        const v = scale.place(value);
        // A factor of 1 has a bar of no length: a line says that it is there.
        const end = Math.abs(v - one) < 1 ? one - 2 : v;
        pen.rect(this.place(u - thick / 2, one), this.place(u + thick / 2, end), look);
      });
      this.writeNumber(run.factors[i - 1], this.at(i), scale, { isBar: true });
    }
    if (isTall) return;
    this.writeLegend(bands.factors[0] - 12, [
      ["gf-weight-bar", "|w_{i+1}|"],
      ["gf-slope-bar", "|f′(z_{i})|"],
      ["gf-product-bar", texts.product],
    ]);
  }

  drawGradient() {
    const { run, spec, bands, isTall, pen } = this;
    const { texts } = this.data;
    const sizes = [...run.g, run.error];
    const limits = [run.error / GONE, run.error * GONE].map(Math.abs);
    const known = run.error !== 0 && limits.every((x) => x > 0 && Number.isFinite(x)) ? limits : [];
    const values = [...sizes, ...run.weightGradients, ...known];
    const scale = this.makeScale(values, bands.gradient, texts[isTall ? "gradientShort" : "gradient"]);
    known.forEach((limit, k) => {
      const v = scale.place(limit);
      pen.line(this.place(this.at(0.5), v), this.place(this.at(spec.length + 1) + 14, v), "gf-limit");
      const label = k ? "100 ×" : "1/100 ×";
      if (!isTall) pen.text([this.at(spec.length + 1) + 40, v - 5], label, "gf-small gf-muted gf-halo", "end");
    });
    const points = (list) => list.map((value, k) => this.place(this.at(k + 1), scale.place(value)));
    pen.path(points(run.weightGradients), "gf-weight-line");
    pen.path(points(sizes), "gf-river");
    run.weightGradients.forEach((value, k) => {
      if (this.drawEnd(value, this.at(k + 1), scale, "gf-weight-mark")) return;
      const [x, y] = this.place(this.at(k + 1), scale.place(value));
      pen.path([[x, y - 6], [x + 6, y], [x, y + 6], [x - 6, y], [x, y - 6]], "gf-weight-mark");
    });
    sizes.forEach((value, k) => {
      if (this.drawEnd(value, this.at(k + 1), scale, "gf-product-bar")) return;
      const [x, y] = this.place(this.at(k + 1), scale.place(value));
      pen.circle([x, y], 7.5, value < 0 ? "gf-dot gf-hollow" : "gf-dot");
      pen.text([x, y + 4.5], value < 0 ? "−" : "+", value < 0 ? "gf-sign gf-hollow" : "gf-sign");
      this.writeNumber(value, this.at(k + 1), scale);
    });
    if (isTall) return;
    this.writeLegend(bands.gradient[0] - 12, [["gf-dot", "|g_{i}|"], ["gf-weight-mark", "|∂L/∂w_{i}|"]]);
    for (let i = 1; i <= spec.length; i += 1) pen.text([this.at(i), this.across - 8], String(i), "gf-small gf-muted");
    pen.text([this.at(spec.length + 1), this.across - 8], texts.loss, "gf-small gf-muted");
    pen.text([8, this.across - 8], texts.axis, "gf-small gf-muted", "start");
  }

  /** Mark what has no logarithm at the end of its axis; say whether it is so. */
  drawEnd(value, u, scale, look) {
    if (Number.isFinite(value) && value !== 0) return false;
    const [x, y] = this.place(u, scale.place(value));
    if (value === 0) this.pen.path([[x - 6, y - 5], [x + 6, y - 5], [x, y + 5], [x - 6, y - 5]], `${look} gf-zero`);
    else this.pen.text([x, y + 5], "✕", "gf-alarm gf-strong");
    return true;
  }

  writeNumber(value, u, scale, { isBar = false } = {}) {
    const text = formatNumber(value, 2);
    const [x, y] = this.place(u, scale.place(value));
    if (this.isTall) {
      const [from, to] = isBar ? this.bands.factors : this.bands.gradient;
      const middle = Math.min(to - 16, Math.max(from + 16, x));
      if (isBar) this.pen.text([to + 14, u + 4], text, "gf-small gf-halo", "end");
      else this.pen.text([middle, u - 0.3 * this.unit], text, "gf-small gf-halo");
      return;
    }
    const isBelow = isBar && Math.abs(value) < 1;
    this.pen.text([x, isBelow ? y + 14 : y - (isBar ? 5 : 12)], text, "gf-small gf-halo");
  }

  writeLegend(y, entries) {
    let x = this.at(0.5) + 90;
    for (const [look, formula] of entries) {
      if (look === "gf-dot") this.pen.circle([x, y - 4], 6, look);
      else this.pen.rect([x - 6, y - 10], [x + 6, y + 1], look);
      this.pen.text([x + 12, y], formula, "gf-small", "start");
      x += 110;
    }
  }

  placePulls() {
    const { spec, run, bands } = this;
    const { texts, limits } = this.data;
    const wanted = new Map();
    const add = (name, point, value, symbol, most, unit, set) =>
      wanted.set(name, {
        point, value, unit, set,
        text: formatNumber(value, 3),
        label: fill(texts.label, { symbol }),
        hint: texts.hint,
        low: -most,
        high: most,
      });
    add("x", this.place(this.at(0), bands.units), spec.input, "x", limits.data, 0.05, (value) => {
      spec.input = value;
      this.change({ input: value });
    });
    const last = this.place(this.at(spec.length + 1), bands.pills);
    add("t", last, spec.target, "t", limits.data, 0.05, (value) => {
      spec.target = value;
      this.change({ target: value });
    });
    for (let i = 1; i <= spec.length; i += 1) {
      const point = this.place(this.at(i - 0.5), bands.pills);
      add(`w${i}`, point, run.w[i - 1], `w_{${i}}`, limits.parameter, 0.05, (value) => {
        spec.weights = run.w.map((old, k) => (k === i - 1 ? value : spec.weights[k % spec.weights.length]));
        this.change({ weights: spec.weights });
      });
    }
    this.pulls.update(wanted);
    const mark = this.isTall ? [122, this.at(0) + 4] : [this.at(0), bands.pills + 5];
    this.pen.text(mark, "x", "gf-muted");
    if (!this.isTall) this.pen.text([this.at(this.spec.length + 1) - 30, bands.pills + 5], "t", "gf-muted");
  }

  choose(event) {
    if (event.target.closest(".gf-grip")) return;
    const box = this.plot.getBoundingClientRect();
    const scale = box.width / this.plot.offsetWidth; // presented figures are larger
    const along = (this.isTall ? event.clientY - box.top : event.clientX - box.left) / scale;
    this.chooseLayer(Math.round((along - this.at(0)) / this.unit));
  }

  handleKey({ key }) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    if (by) this.chooseLayer(this.spec.layer + by);
    return Boolean(by);
  }

  chooseLayer(layer) {
    if (layer < 1 || layer > this.spec.length) return;
    this.spec.layer = layer;
    this.change({ layer });
  }
}
