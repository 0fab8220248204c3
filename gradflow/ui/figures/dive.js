// One layer of a Flow figure, opened where it was clicked: a frame around its column at once, and a
// panel with its histograms and the chain rule's two factors.

import { ask } from "./ask.js";
import { addButton, addDrawing, addElement, scrollTo } from "./elements.js";
import { formatNumber } from "./hover.js";
import { findBand, findPixel } from "./places.js";

const ROUTE = "gf/layer";
const REST = 300; // milliseconds on a neighbour after which the page is told

export class Dive {
  constructor(graph) {
    this.graph = graph;
  }

  get isOpen() {
    return this.panel !== undefined;
  }

  /** Open a layer: its frame now, what is in it as soon as the server says it. */
  async open(layer) {
    if (!this.isOpen) this.makePanel();
    this.layer = layer;
    this.place();
    const { head } = this.graph;
    const [, query] = head.address.split("?");
    const texts = new URLSearchParams(query);
    texts.set("layer", layer);
    this.asked = `${ROUTE}?${texts}`;
    const { asked } = this;
    const tell = (text) => asked === this.asked && this.graph.showWaiting(this.isOpen ? text : "");
    const answer = await ask(new URL(asked, document.baseURI), tell).catch(() => undefined);
    tell("");
    if (!answer?.ok) return this.showProblem(asked, answer);
    const content = await answer.json();
    if (!this.isOpen || asked !== this.asked) return;
    this.layer = content.layer;
    // What the click itself has brought up: it would cover the figure, under a finger for good.
    this.graph.Plotly.Fx.unhover(this.graph.plot);
    this.fill(content);
    this.place();
    scrollTo(this.panel, "nearest");
  }

  /** Say why a layer cannot be shown: impossible settings in the server's words, or no answer. */
  async showProblem(asked, answer) {
    const { failed } = this.graph.head.dive;
    const text = answer?.status === 422 ? await answer.text() : failed;
    if (this.isOpen && asked === this.asked) this.content.textContent = text;
  }

  /** Follow the figure to another network; the server draws the frame once it knows the layer. */
  follow({ address, setting, dive }) {
    if (!this.isOpen) return;
    const selected = Number(new URLSearchParams(address.split("?")[1]).get("selected") ?? 0);
    if (!dive) this.close();
    else if (setting !== this.setting) this.open(this.layer);
    this.setting = setting;
    this.known = selected;
  }

  close() {
    clearTimeout(this.timer);
    this.panel?.remove();
    this.frame?.remove();
    this.panel = undefined;
    this.graph.plot.focus({ preventScroll: true });
  }

  /** Put the frame around the column, and the panel on the other side. */
  place() {
    if (!this.isOpen) return;
    const { plot, drawn } = this.graph;
    if (!drawn) return;
    const [start, length] = findBand(plot, "xaxis");
    const [above] = findBand(plot, "yaxis");
    const [left, right] = [-0.5, 0.5].map((by) => findPixel(plot, "xaxis", this.layer + by));
    const top = `${plot.offsetTop + above}px`;
    Object.assign(this.frame.style, {
      left: `${plot.offsetLeft + left}px`,
      width: `${right - left}px`,
      top,
      height: `${plot._fullLayout._size.h}px`,
    });
    this.frame.hidden = this.known === this.layer || right < start || left > start + length;
    this.panel.classList.toggle("gf-left", (left + right) / 2 > start + length / 2);
    this.panel.style.top = top;
  }

  makePanel() {
    const { box, head } = this.graph;
    this.setting = head.setting;
    this.known = 0;
    this.frame = addElement(box, "div", "gf-dive-frame");
    this.panel = addElement(box, "section", "gf-dive");
    const bar = addElement(this.panel, "div", "gf-dive-bar");
    const texts = head.dive;
    this.title = addElement(bar, "strong", "");
    this.title.setAttribute("aria-live", "polite");
    this.back = addStep(bar, "←", texts.back, () => this.step(-1));
    this.on = addStep(bar, "→", texts.on, () => this.step(1));
    addStep(bar, "✕", texts.close, () => this.close());
    this.content = addElement(this.panel, "div", "");
    this.panel.tabIndex = -1;
    this.panel.addEventListener("keydown", (event) => this.handleKey(event));
    this.panel.focus({ preventScroll: true });
  }

  handleKey(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key === "Escape") this.close();
    else if (steps[event.key]) this.step(steps[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go to a neighbour; the page is told once the hand rests. */
  step(by) {
    const layer = Math.min(this.count ?? Infinity, Math.max(1, this.layer + by));
    if (layer === this.layer) return;
    this.open(layer);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.graph.tell("choice", layer), REST);
  }

  fill({ layer, count, title, module, histograms, factors, note }) {
    this.count = count;
    this.title.textContent = title;
    this.panel.setAttribute("aria-label", title);
    this.back.disabled = layer === 1;
    this.on.disabled = layer === count;
    this.content.textContent = "";
    if (module) addElement(this.content, "p", "gf-dive-module", module);
    if (factors.length) this.content.append(this.writeFactors(factors));
    if (note) addElement(this.content, "p", "", note);
    const pair = addElement(this.content, "div", "gf-dive-pair");
    pair.append(...histograms.map(drawHistogram));
  }

  writeFactors(factors) {
    const { measured, theory } = this.graph.head.dive;
    const table = document.createElement("table");
    const head = addElement(table, "tr");
    for (const text of ["", measured, theory]) addElement(head, "th", "", text);
    for (const factor of factors) {
      const row = addElement(table, "tr");
      const name = addElement(row, "th", "", factor.name);
      addElement(name, "small", "", factor.formula);
      for (const value of [factor.measured, factor.theory]) {
        const text = value === null ? "–" : `× ${formatNumber(value)}`;
        addElement(row, "td", "", text).dataset.value = value ?? "";
      }
    }
    return table;
  }
}

function addStep(parent, sign, label, press) {
  const button = addButton(parent, "gf-button", sign, press);
  button.setAttribute("aria-label", label);
  button.title = label;
  return button;
}

/** Draw a histogram from heights between 0 and 1. */
function drawHistogram({ name, bars, ends, zeros }) {
  const figure = document.createElement("figure");
  addElement(figure, "figcaption", "", zeros ? `${name}: ${zeros}` : name);
  if (!bars.length) return figure;
  const svg = addDrawing(figure, "svg", {
    viewBox: `0 0 ${bars.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  addDrawing(svg, "path", { d: bars.map((bar, i) => `M${i},1v${-bar}h0.9v${bar}z`).join("") });
  const axis = addElement(figure, "div", "gf-dive-ends");
  for (const end of ends) addElement(axis, "span", "", end);
  return figure;
}
