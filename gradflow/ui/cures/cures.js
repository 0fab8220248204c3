// Panels of cures above a live figure. Resting on one previews it over the figure, pressing it
// applies it; a finger rests by its first touch.

import { addButton, addDrawing, addElement } from "./elements.js";
import { graphs } from "./figure.js";
import { addFold } from "./folds.js";

const FIGURE = "flow";
const SIZE = [100, 40]; // of a drawing, which is stretched to its panel

/** What Streamlit calls whenever it has data for the panels, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const panels = (parentElement.panels ??= new Panels());
  panels.tell = setTriggerValue;
  panels.update(data);
  return () => {
    if (!parentElement.isConnected) panels.remove();
  };
}

class Panels {
  constructor() {
    this.box = document.createElement("section");
    this.box.className = "gf-cure-panels";
    const head = addElement(this.box, "div", "gf-cure-head");
    this.about = addElement(head, "p", "");
    this.about.setAttribute("aria-live", "polite");
    this.place = addElement(head, "div", "");
    this.close = addButton(head, "gf-button", "✕", () => this.tell("close", true));
    this.row = addElement(this.box, "div", "gf-cure-row");
    this.row.addEventListener("pointerleave", () => this.rest(this.focused));
    this.row.addEventListener("focusout", () => this.rest(undefined));
  }

  update(data) {
    const state = JSON.stringify(data);
    if (state !== this.state) this.fill(data);
    this.state = state;
    this.enter();
  }

  fill(data) {
    this.data = data;
    this.box.setAttribute("aria-label", data.title);
    this.close.setAttribute("aria-label", data.close);
    this.row.textContent = "";
    for (const cure of data.cures) this.addPanel(cure);
    this.place.textContent = "";
    if (data.reasons.length) {
      const { panel } = addFold(this.place, data.fold);
      for (const reason of data.reasons) addElement(panel, "p", "", reason);
    }
    this.rest(undefined);
  }

  /** Stand above the figure, now or as soon as it is in the page. */
  enter() {
    const graph = graphs.get(FIGURE);
    if (!graph) {
      this.frame = requestAnimationFrame(() => this.enter());
      return;
    }
    if (this.graph !== graph || !this.box.isConnected) {
      this.graph = graph;
      graph.cures = this;
      graph.box.before(this.box);
      graph.draw();
    }
    this.follow(graph.head);
    graph.line.finish();
  }

  remove() {
    cancelAnimationFrame(this.frame);
    this.rest(undefined);
    this.box.remove();
    if (!this.graph) return;
    this.graph.cures = undefined;
    this.graph.draw();
  }

  /** Be of before while the figure shows another network. */
  follow({ setting }) {
    const isBehind = setting !== this.data.setting;
    this.box.classList.toggle("gf-behind", isBehind);
    this.row.inert = isBehind;
    if (isBehind) this.rest(undefined);
  }

  addPanel(cure) {
    const { before, level, apply, tap } = this.data;
    const panel = addButton(this.row, "gf-cure", "", (event) => {
      // A finger that has not rested here before wants to see it first.
      const isFirst = event.pointerType === "touch" && this.touched !== cure;
      this.rest(cure);
      if (!isFirst) this.apply(cure, panel);
    });
    addElement(panel, "strong", "", cure.label);
    draw(panel, before, cure.after, level);
    const outcome = addElement(panel, "span", cure.helped ? "gf-helps" : "gf-helps-not", cure.word);
    outcome.dataset.severity = cure.helped ? "good" : "warning";
    addElement(panel, "span", "", cure.course);
    addElement(panel, "span", "gf-cost", cure.cost);
    addElement(panel, "span", "gf-apply", matchMedia("(hover: none)").matches ? tap : apply);
    panel.addEventListener("pointerenter", ({ pointerType }) => {
      if (pointerType === "mouse") this.rest(cure);
    });
    panel.addEventListener("pointerdown", () => (this.touched = this.shown));
    panel.addEventListener("focus", () => {
      this.focused = cure;
      this.rest(cure);
    });
    panel.addEventListener("blur", () => (this.focused = undefined));
    cure.panel = panel;
  }

  /** Preview a cure, or none. */
  rest(cure) {
    this.shown = cure;
    for (const { panel } of this.data.cures) {
      panel?.toggleAttribute("data-shown", panel === cure?.panel);
    }
    this.about.textContent = cure?.text ?? this.data.title;
    if (!this.graph) return;
    if (!cure) this.graph.ghosts.hide("preview");
    else {
      const { label, levels, helped } = cure;
      this.graph.ghosts.show("preview", { label, levels, severity: helped ? "good" : "warning" });
    }
  }

  apply(cure, panel) {
    panel.setAttribute("aria-busy", "true");
    this.graph.ghosts.keepBefore(cure.setting);
    this.tell("apply", cure.code);
  }
}

/** Draw gradient norms before and after, and the height at which they would be level. */
function draw(panel, before, after, level) {
  const [width, height] = SIZE;
  const svg = addDrawing(panel, "svg", {
    viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  const count = Math.max(before.length, after.length);
  const lines = { level: [level, level], before, after };
  for (const [name, values] of Object.entries(lines)) {
    const step = width / (name === "level" ? 1 : Math.max(1, count - 1));
    const points = values.map((value, i) => `${i * step},${(1 - value) * height}`).join(" ");
    addDrawing(svg, "polyline", { points, class: `gf-norms-${name}` });
  }
}
