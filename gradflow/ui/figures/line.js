// The line above a live figure: what happened, why, what else, and what can be done.

import { addButton, addElement, scrollTo } from "./elements.js";
import { addFold } from "./folds.js";

/** One line, brought up to date with each figure. */
export class Line {
  /**
   * @param {object} graph stands below it: its box, its pulse, and its way to ask the page
   */
  constructor(graph) {
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
    this.cures = addButton(this.box, "gf-button gf-cures", "", () => {
      this.tell({ kind: "cures" });
      showWhenThere(".st-key-cures_box");
    });
    this.cures.dataset.action = "cures";
  }

  show({ word, headline, severity, loss, findings, pulse, cures }) {
    this.box.dataset.severity = severity;
    this.word.textContent = word && `${word}: `;
    this.headline.textContent = headline;
    this.loss.textContent = loss;
    this.pulse.textContent = pulse;
    this.cures.textContent = cures;
    const state = JSON.stringify(findings);
    if (state === this.state) return; // what is unfolded stays
    this.state = state;
    this.chips.textContent = "";
    for (const finding of findings) this.addChip(finding);
  }

  addChip({ chip, text, cause, verdict, lesson }) {
    const { panel } = addFold(this.chips, chip);
    for (const part of [text, cause]) if (part) addElement(panel, "p", "", part);
    if (lesson) addButton(panel, "gf-button", lesson, () => this.tell({ kind: "lesson", verdict }));
  }
}

const PATIENCE = 30_000; // milliseconds

/** Bring a part of the page into view, now or when the page has drawn it. */
function showWhenThere(selector) {
  const show = () => {
    const part = document.querySelector(selector);
    if (part) scrollTo(part, "start");
    return part;
  };
  if (show()) return;
  const observer = new MutationObserver(() => show() && observer.disconnect());
  observer.observe(document.body, { childList: true, subtree: true });
  setTimeout(() => observer.disconnect(), PATIENCE);
}
