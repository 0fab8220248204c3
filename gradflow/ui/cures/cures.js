// Panels of cures above a live figure. Resting on one previews it over the figure, pressing it
// applies it; a finger rests by its first touch.

import { addButton, addDrawing, addElement, wantsCalm } from "./elements.js";
import { graphs } from "./figure.js";
import { addFold } from "./folds.js";
import { Training } from "./trials.js";

const SIZE = [100, 40]; // of a drawing, which is stretched to its panel
const MOVE = 400; // milliseconds in which panels change places

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
    this.row.addEventListener("pointerleave", () => {
      this.rest(this.focused);
      this.settle();
    });
    this.row.addEventListener("focusout", ({ relatedTarget }) => {
      this.rest(undefined);
      if (!this.row.contains(relatedTarget)) this.settle();
    });
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
    this.training?.stop();
    this.training = undefined;
    this.waiting = undefined;
    this.status = "";
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
    const graph = graphs.get(this.data.figure);
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
    this.training?.stop();
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
    if (isBehind) {
      this.rest(undefined);
      this.training?.stop();
      this.training = undefined;
    } else if (!this.training) {
      this.training = new Training(this.data.training, this);
      this.training.run();
    }
  }

  /** Say that a cure is being trained, as the n-th of all, or waits, or what that came to. */
  showTraining(code, result, n, waiting) {
    const { running, progress, codes } = this.data.training;
    const cure = this.data.cures.find((item) => item.code === code);
    if (result) {
      cure.trained.textContent = result.text;
      cure.result = result.text;
      if (result.word) this.showOutcome(cure, result.trains, result.word);
    } else if (!cure.result) cure.trained.textContent = waiting || running;
    if (n) this.say(progress.replace("{n}", n).replace("{all}", codes.length));
  }

  /** Put the panels into an order, as soon as no hand is on them. */
  rank(codes) {
    this.waiting = codes;
    this.settle();
  }

  settle() {
    const isHeld = this.row.matches(":hover") || this.row.contains(document.activeElement);
    if (!this.waiting || isHeld) return;
    const places = this.data.cures.map(({ panel }) => [panel, panel.offsetLeft]);
    for (const code of this.waiting) {
      this.row.append(this.data.cures.find((cure) => cure.code === code).panel);
    }
    this.waiting = undefined;
    this.say(this.data.training.done);
    if (wantsCalm()) return;
    for (const [panel, left] of places) {
      const transform = `translateX(${left - panel.offsetLeft}px)`;
      panel.animate([{ transform }, { transform: "none" }], { duration: MOVE, easing: "ease" });
    }
  }

  /** Say how the panels are ordered, where nothing is looked at. */
  say(status) {
    this.status = status;
    if (!this.shown) this.about.textContent = this.describe();
  }

  describe() {
    return `${this.status} ${this.data.title}`.trim();
  }

  showOutcome(cure, isGood, word) {
    cure.outcome.className = isGood ? "gf-helps" : "gf-helps-not";
    cure.outcome.dataset.severity = isGood ? "good" : "warning";
    cure.outcome.textContent = word;
    cure.severity = isGood ? "good" : "warning";
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
    cure.outcome = addElement(panel, "span", "");
    this.showOutcome(cure, cure.helped, cure.word);
    addElement(panel, "span", "", cure.course);
    addElement(panel, "span", "gf-cost", cure.cost);
    const press = matchMedia("(hover: none)").matches ? tap : apply;
    addElement(panel, "span", "gf-apply", cure.apply || press);
    const { codes, waiting, large } = this.data.training;
    const isTrained = codes.includes(cure.code);
    cure.trained = addElement(panel, "span", "gf-trained", isTrained ? waiting : large);
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
    this.about.textContent = cure ? [cure.result, cure.text].join(" ").trim() : this.describe();
    if (!this.graph) return;
    if (!cure) this.graph.ghosts.hide("preview");
    else {
      const { label, levels, severity } = cure;
      this.graph.ghosts.show("preview", { label, levels, severity });
    }
  }

  apply(cure, panel) {
    panel.setAttribute("aria-busy", "true");
    if (cure.setting !== this.data.setting) this.graph.ghosts.keepBefore(cure.setting);
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
