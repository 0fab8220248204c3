// The line above a live figure: what happened, why, what else, and what can be done.

import { addButton, addElement, scrollTo } from "./elements.js";
import { addFold } from "./folds.js";

/** One line, brought up to date with each figure. */
export class Line {
  /**
   * @param {object} graph stands below it: its box, its pulse, and its way to ask the page
   */
  constructor(graph) {
    this.graph = graph;
    this.tell = (action) => graph.tell("action", action);
    this.box = addElement(graph.box.parentElement, "div", "gf-line");
    graph.box.before(this.box);
    const verdict = addElement(this.box, "p", "gf-verdict");
    verdict.setAttribute("aria-live", "polite");
    this.word = addElement(verdict, "strong", "");
    this.headline = addElement(verdict, "span", "");
    this.loss = addElement(this.box, "span", "gf-loss");
    this.chips = addElement(this.box, "div", "gf-chips");
    this.pulse = addButton(this.box, "gf-button gf-play", "", () => graph.pulse.play());
    this.undo = addButton(this.box, "gf-button gf-undo", "", () => this.tell({ kind: "undo" }));
    this.undo.hidden = true;
    this.cures = addButton(this.box, "gf-button gf-cures", "", () => {
      this.tell({ kind: "cures" });
      if (graph.cures) this.lookAt();
      else this.wait();
    });
    this.cures.dataset.action = "cures";
  }

  show({ word, headline, severity, loss, findings, pulse, cures, trying, setting }) {
    if (setting !== this.setting) this.rest();
    this.setting = setting;
    this.texts = { cures, trying };
    this.box.dataset.severity = severity;
    this.word.textContent = word && `${word}: `;
    this.headline.textContent = headline;
    this.loss.textContent = loss;
    this.pulse.textContent = pulse;
    this.pulse.hidden = !pulse; // columns in another order than that of a pass
    this.cures.textContent = this.isWaiting ? trying : cures;
    this.cures.hidden = !cures; // nothing can be set
    const state = JSON.stringify(findings);
    if (state === this.state) return; // what is unfolded stays
    this.state = state;
    this.chips.textContent = "";
    for (const finding of findings) this.addChip(finding);
  }

  /** Say that the cures are being tried. */
  wait() {
    this.isWaiting = true;
    this.cures.setAttribute("aria-busy", "true");
    this.cures.textContent = this.texts.trying;
  }

  /** Say that they are there. */
  finish() {
    if (this.isWaiting) this.lookAt();
    this.rest();
  }

  /** Bring this line to the top of the window, if what follows it does not fit otherwise. */
  lookAt() {
    const { graph } = this;
    graph.holdRoom(graph.measure().height);
    if (graph.plot.getBoundingClientRect().bottom > innerHeight) scrollTo(this.box, "start");
  }

  /** Say nothing more of them. */
  rest() {
    if (!this.isWaiting) return;
    this.isWaiting = false;
    this.cures.removeAttribute("aria-busy");
    this.cures.textContent = this.texts.cures;
  }

  /** Offer to put the settings back, under this name; or not, without one. */
  offerUndo(text) {
    this.undo.textContent = text;
    this.undo.hidden = !text;
  }

  addChip({ chip, text, cause, verdict, lesson, layer, open }) {
    const { panel } = addFold(this.chips, chip);
    for (const part of [text, cause]) if (part) addElement(panel, "p", "", part);
    if (layer) addButton(panel, "gf-button", open, () => this.graph.choosePoint(layer));
    if (lesson) addButton(panel, "gf-button", lesson, () => this.tell({ kind: "lesson", verdict }));
  }
}
