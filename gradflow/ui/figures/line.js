// The line above a live figure: what happened, why, what else, and what can be done.

import { addButton, addElement, scrollTo } from "./elements.js";
import { addFold } from "./folds.js";

/** One line, brought up to date with each figure. */
export class Line {
  /**
   * @param {Element} figure stands below it
   * @param {(action: object) => void} tell asks the page for something
   */
  constructor(figure, tell) {
    this.tell = tell;
    this.box = addElement(figure.parentElement, "div", "gf-line");
    figure.before(this.box);
    const verdict = addElement(this.box, "p", "gf-verdict");
    verdict.setAttribute("aria-live", "polite");
    this.word = addElement(verdict, "strong", "");
    this.headline = addElement(verdict, "span", "");
    this.loss = addElement(this.box, "span", "gf-loss");
    this.chips = addElement(this.box, "div", "gf-chips");
    this.cures = addButton(this.box, "gf-button gf-cures", "", () => {
      this.tell({ kind: "cures" });
      showWhenThere(".st-key-cures_box");
    });
    this.cures.dataset.action = "cures";
  }

  show({ word, headline, severity, loss, findings, cures }) {
    this.box.dataset.severity = severity;
    this.word.textContent = word && `${word}: `;
    this.headline.textContent = headline;
    this.loss.textContent = loss;
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
