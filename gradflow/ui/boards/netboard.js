// The small network: a graph with the numbers known so far, gone through step by step; the sum that
// a number is made of is lit and added up part by part.

import { Board } from "./board.js";
import { addButton, addElement } from "./elements.js";
import { formatNumber } from "./hover.js";
import { backpropagate } from "./netpass.js";
import { BACKWARD, PER_WEIGHT, findKnown, listParts, listRead, listSteps, writeEquation, writeSum } from "./netsteps.js";
import { fill } from "./phrases.js";
import { Pen, writeHtml } from "./pen.js";
import { Pulls } from "./pulls.js";

const HEIGHT = 560;
const DIGITS = 1000; // weights of the page's address have three decimals

export class NetBoard extends Board {
  constructor(parent) {
    super(parent);
    this.least = 300;
    this.pulls = new Pulls(this);
    this.unit = this.source = 1;
    this.addBar();
    this.equation = addElement(this.below, "div", "gf-equation");
    this.adder = addElement(this.below, "div", "gf-adder");
    this.add = addButton(this.adder, "gf-button", "", () => this.lightNext());
    this.toggle = addButton(this.adder, "gf-button", "", () => this.togglePaths());
    this.sum = addElement(this.adder, "span", "gf-sum");
    this.sum.setAttribute("aria-live", "polite");
    this.plot.addEventListener("click", (event) => this.choose(event));
    this.keys = (event) => this.handleShortcut(event);
    document.addEventListener("keydown", this.keys);
  }

  addBar() {
    const bar = addElement(this.above, "div", "gf-steps");
    const button = (sign, find) => addButton(bar, "gf-button", sign, () => this.go(find()));
    this.buttons = {
      first: button("|◀", () => 1),
      back: button("◀", () => this.spec.step - 1),
      next: button("▶", () => this.spec.step + 1),
      last: button("▶|", () => this.steps.length),
    };
    this.title = addElement(bar, "span", "gf-step-title");
    this.title.setAttribute("aria-live", "polite");
  }

  findDrawnHeight() {
    return this.isNarrow ? 600 : HEIGHT;
  }

  remove() {
    super.remove();
    document.removeEventListener("keydown", this.keys);
  }

  // --- what is shown -------------------------------------------------------------------------

  writeWords() {
    const { spec } = this;
    const { texts } = this.data;
    this.sizes = [spec.inputs.length, ...spec.parameters.map(([, bias]) => bias.length)];
    this.steps = listSteps(spec.parameters.length);
    this.step = this.steps[spec.step - 1];
    this.unit = Math.min(this.unit, this.sizes[this.step.layer]);
    this.source = Math.min(this.source, this.sizes[this.step.layer - 1]);
    this.pass = backpropagate(spec);
    this.renewed = backpropagate({ ...spec, parameters: this.pass.updated });
    this.known = findKnown(this.steps, spec.step);
    const { kind, layer } = this.step;
    if (kind !== "hidden_delta") this.alongPaths = false;
    this.parts = listParts({ ...this, network: spec });
    this.lit = Math.min(this.lit ?? Infinity, this.parts.length);
    const { buttons } = this;
    buttons.first.disabled = buttons.back.disabled = spec.step === 1;
    buttons.next.disabled = buttons.last.disabled = spec.step === this.steps.length;
    for (const [name, element] of Object.entries(buttons)) element.ariaLabel = element.title = texts[name];
    const title = fill(texts[kind], { layer });
    this.title.innerHTML = `<b>${fill(texts.step, { at: spec.step, count: this.steps.length })}</b> ${title}`;
    const [name, ...sides] = writeEquation({ ...this, network: spec, texts });
    this.equation.innerHTML = [name, ...sides].map((side, i) => `<span>${i ? "= " : ""}${writeHtml(side)}</span>`).join(" ");
    this.showSum();
  }

  showSum() {
    const { parts, lit, step } = this;
    const { texts } = this.data;
    this.adder.hidden = parts.length < 2;
    this.add.textContent = lit < parts.length ? fill(texts.add, { n: lit + 1, count: parts.length }) : texts.restart;
    this.toggle.hidden = step.kind !== "hidden_delta";
    this.toggle.textContent = this.alongPaths ? texts.reuse : texts.paths;
    const lines = writeSum({ ...this, texts });
    this.sum.innerHTML = lines.map((line) => `<span>${writeHtml(line)}</span>`).join(" ");
  }

  describe() {
    return `${this.title.textContent} ${this.equation.textContent}`;
  }

  drawAt({ width, height }) {
    const { sizes } = this;
    this.pen = new Pen();
    const tallest = Math.max(...sizes);
    const row = Math.min(150, (height - 34) / tallest);
    this.radius = Math.max(17, Math.min(32, 0.33 * row, width / 15));
    const [left, right] = [this.radius + 14, width - this.radius - 52];
    this.place = (layer, unit) => [
      left + (layer / (sizes.length - 1)) * (right - left),
      30 + (height - 34) / 2 + (unit - (sizes[layer] + 1) / 2) * row - 6,
    ];
    this.drawEdges();
    this.drawUnits({ width, height });
    this.placePulls();
    return this.pen.toString();
  }

  get look() {
    return BACKWARD.has(this.step.kind) ? "gf-backward" : "gf-forward";
  }

  /** Find the weight that is in force at this step: a new one once its layer is updated. */
  readWeight([layer, i, j]) {
    const { known, pass, spec } = this;
    const of = layer >= known.updated ? pass.updated : spec.parameters;
    return of[layer - 1][0][i - 1][j - 1];
  }

  listMarked() {
    const { step, unit, source, parts, lit } = this;
    if (PER_WEIGHT.has(step.kind)) return [[step.layer, unit, source]];
    // While a sum is made, the part that comes last; once it is complete, all of them.
    const shown = lit < parts.length && this.alongPaths ? parts.slice(Math.max(0, lit - 1), lit) : parts.slice(0, lit);
    return shown.flatMap(({ edges }) => edges);
  }

  drawEdges() {
    const { pen, sizes } = this;
    const marked = new Set(this.listMarked().map(String));
    const all = [];
    for (let layer = 1; layer < sizes.length; layer += 1) {
      for (let i = 1; i <= sizes[layer]; i += 1) {
        for (let j = 1; j <= sizes[layer - 1]; j += 1) all.push([layer, i, j]);
      }
    }
    this.edges = all;
    for (const edge of [...all.filter((e) => !marked.has(String(e))), ...all.filter((e) => marked.has(String(e)))]) {
      const weight = this.readWeight(edge);
      const isMarked = marked.has(String(edge));
      const [layer, i, j] = edge;
      pen.line(this.place(layer - 1, j), this.place(layer, i), isMarked ? `gf-marked ${this.look}` : "gf-synapse", {
        "stroke-width": Math.min(6, 0.8 + 1.4 * Math.abs(weight)) + (isMarked ? 1.5 : 0),
        "stroke-dasharray": weight < 0 ? "7 5" : undefined,
      });
    }
  }

  drawUnits({ width, height }) {
    const { pen, sizes, spec, known, radius, step } = this;
    const { texts } = this.data;
    const pass = known.isNew ? this.renewed : this.pass;
    const write = (value) => formatNumber(value, radius < 22 ? 2 : 3);
    const reads = listRead(this);
    sizes.forEach((size, layer) => {
      const [x] = this.place(layer, 1);
      const isLast = layer === sizes.length - 1;
      const name = layer ? fill(texts[isLast && !this.isNarrow ? "output" : "layer"], { layer }) : texts.input;
      pen.text([Math.max(x, 26), 16], name, "gf-small gf-muted");
      for (let unit = 1; unit <= size; unit += 1) {
        const [ux, uy] = this.place(layer, unit);
        const isResult = layer === step.layer && unit === this.unit && !["loss", "new_loss"].includes(step.kind);
        const look = isResult ? `gf-unit gf-result ${this.look}` : reads.has(`${layer},${unit}`) ? `gf-unit gf-read ${this.look}` : "gf-unit";
        if (layer) pen.circle([ux, uy], radius, look);
        if (!layer) pen.text([ux, uy - 17], `x_{${unit}}`, "gf-small gf-muted");
        if (layer && layer <= known.z) pen.text([ux, uy - 3], write(pass.z[layer - 1][unit - 1]), "gf-small");
        if (layer && layer <= known.a) pen.text([ux, uy + 13], write(pass.a[layer][unit - 1]), "gf-strong gf-value");
        if (layer && layer >= known.delta && !known.isNew) {
          const delta = formatNumber(pass.delta[layer - 1][unit - 1], 2);
          pen.text([ux, uy + radius + 14], `δ ${delta}`, "gf-small gf-delta gf-halo");
        }
      }
    });
    const loss = known.isNew ? this.renewed.loss : this.pass.loss;
    if (known.loss) pen.text([width - 6, height - 8], `E = ${formatNumber(loss)}`, "gf-strong", "end");
    spec.targets.forEach((_target, k) => {
      const [x, y] = this.place(sizes.length - 1, k + 1);
      pen.text([x + radius + 24, y - 17], `t_{${k + 1}}`, "gf-small gf-muted");
    });
  }

  placePulls() {
    const { spec, step, sizes, radius, known } = this;
    const { texts, limits } = this.data;
    const wanted = new Map();
    const add = (name, point, value, symbol, most, set) =>
      wanted.set(name, {
        point, value, set, unit: 0.05, low: -most, high: most,
        text: formatNumber(value, 3),
        label: fill(texts.label, { symbol }),
        hint: `${symbol.replace(/[_^]\{([^}]*)\}/g, "$1")}: ${texts.hint}`,
      });
    const list = (name, values, symbol, point) =>
      values.forEach((value, k) =>
        add(`${name}${k + 1}`, point(k + 1), value, `${symbol}_{${k + 1}}`, limits.data, (moved) => {
          values[k] = moved;
          this.change({ [name]: values });
        }),
      );
    list("inputs", spec.inputs, "x", (k) => this.place(0, k));
    list("targets", spec.targets, "t", (k) => {
      const [x, y] = this.place(sizes.length - 1, k);
      return [x + radius + 24, y];
    });
    const marked = step.kind === "weight_gradient" || known.isNew ? [] : this.listMarked();
    for (const [layer, i, j] of this.picked ? [...marked, this.picked] : marked) {
      if (layer >= known.updated || wanted.has(`w${layer},${i},${j}`)) continue;
      const [[x0, y0], [x1, y1]] = [this.place(layer - 1, j), this.place(layer, i)];
      const share = this.isNarrow ? 0.5 : step.kind === "hidden_delta" ? 0.62 : 0.4;
      const point = [x0 + share * (x1 - x0), y0 + share * (y1 - y0)];
      const value = this.readWeight([layer, i, j]);
      add(`w${layer},${i},${j}`, point, value, `w_{${i}${j}}^{(${layer})}`, limits.parameter, (moved) =>
        this.setWeight([layer, i, j], moved),
      );
    }
    this.pulls.update(wanted);
  }

  // --- what a hand does ----------------------------------------------------------------------

  setWeight([layer, i, j], value) {
    const { spec } = this;
    const most = this.data.limits.parameter;
    const keep = (x) => Math.min(most, Math.max(-most, Math.round(x * DIGITS) / DIGITS));
    spec.parameters = spec.parameters.map(([w, b]) => [w.map((row) => row.map(keep)), b.map(keep)]);
    spec.parameters[layer - 1][0][i - 1][j - 1] = value;
    this.change({ parameters: spec.parameters.flat(3) });
  }

  go(step) {
    if (step < 1 || step > this.steps.length) return;
    this.spec.step = step;
    this.lit = Infinity;
    this.picked = undefined;
    this.change({ step });
  }

  lightNext() {
    this.lit = this.lit < this.parts.length ? this.lit + 1 : 1;
    this.plan();
  }

  togglePaths() {
    this.alongPaths = !this.alongPaths;
    this.lit = this.alongPaths ? 1 : Infinity;
    this.plan();
  }

  handleShortcut(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select")) return;
    const by = { n: 1, b: -1 }[key.toLowerCase()];
    if (by && this.spec && this.box.isConnected) this.go(this.spec.step + by);
  }

  handleKey({ key }) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (by) this.go(this.spec.step + by);
    const down = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (down) this.chooseUnit(this.step.layer, this.unit + down);
    return Boolean(by || down);
  }

  choose(event) {
    if (event.target.closest(".gf-grip")) return;
    const box = this.plot.getBoundingClientRect();
    const scale = box.width / this.plot.offsetWidth;
    const [x, y] = [(event.clientX - box.left) / scale, (event.clientY - box.top) / scale];
    for (let layer = 1; layer < this.sizes.length; layer += 1) {
      for (let unit = 1; unit <= this.sizes[layer]; unit += 1) {
        const [ux, uy] = this.place(layer, unit);
        if (Math.hypot(x - ux, y - uy) < this.radius + 4) return this.chooseUnit(layer, unit);
      }
    }
    return this.chooseEdge(x, y);
  }

  /** Choose a unit: the step goes to its layer, to what is computed there in this direction. */
  chooseUnit(layer, unit) {
    if (unit < 1 || unit > this.sizes[layer]) return;
    this.unit = unit;
    this.lit = Infinity;
    if (layer === this.step.layer) {
      this.plan();
      return;
    }
    const kinds = BACKWARD.has(this.step.kind) ? ["hidden_delta", "output_delta"] : ["preactivation"];
    this.go(this.steps.findIndex((step) => step.layer === layer && kinds.includes(step.kind)) + 1);
  }

  /** Choose the connection at a point: its weight can be pulled, or is the one whose number is shown. */
  chooseEdge(x, y) {
    const far = ([layer, i, j]) => {
      const [[x0, y0], [x1, y1]] = [this.place(layer - 1, j), this.place(layer, i)];
      const share = Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)));
      return Math.hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0));
    };
    const nearest = this.edges.reduce((best, edge) => (far(edge) < far(best) ? edge : best));
    if (far(nearest) > 14) return;
    const [layer, i, j] = nearest;
    if (PER_WEIGHT.has(this.step.kind) && layer === this.step.layer) [this.unit, this.source] = [i, j];
    else this.picked = nearest;
    this.plan();
  }
}
