// A handle on a figure: pulled by mouse or finger, moved by arrow keys, put back by Escape.

import { addElement } from "./elements.js";

const STEPS = {
  ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5,
};

export class Grip {
  /**
   * @param {HTMLElement} parent what it stands in
   * @param {string} kind "layers" (pulled sideways), "scale" (up and down),
   *   "pill" (a number) or "start"
   * @param {object} hand what is done: `begin(isByKey)` (false: there is nothing to pull now),
   *   `pull(x, y)` (pixels from where it was taken), `step(by, key)`, `end()`, `cancel()`
   */
  constructor(parent, kind, hand) {
    this.hand = hand;
    this.box = addElement(parent, "div", `gf-grip gf-grip-${kind}`);
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "slider");
    this.box.setAttribute("aria-orientation", kind === "layers" ? "horizontal" : "vertical");
    addElement(this.box, "span", "gf-grip-knob");
    this.label = addElement(this.box, "span", "gf-grip-label");
    this.label.setAttribute("aria-hidden", "true"); // the handle itself says these words
    const reactions = {
      pointerdown: this.take,
      pointermove: this.pull,
      pointerup: () => this.drop("end"),
      pointercancel: () => this.drop("cancel"),
      keydown: this.handleKey,
      blur: () => this.drop("end"),
    };
    for (const [kind, react] of Object.entries(reactions)) {
      this.box.addEventListener(kind, react.bind(this));
    }
  }

  /** Whether it was moved, and is not let go yet: by a pointer, or by keys and still focused. */
  get isMoved() {
    return this.by !== undefined;
  }

  take(event) {
    if (event.button || this.by === "pointer") return;
    event.preventDefault(); // no text is selected
    this.drop("end"); // what keys have moved
    this.box.focus({ preventScroll: true });
    if (!this.hand.begin(false)) return;
    this.by = "pointer";
    this.from = [event.clientX, event.clientY];
    this.box.setPointerCapture(event.pointerId);
    this.box.classList.add("gf-held");
  }

  pull({ clientX, clientY }) {
    if (this.by === "pointer") this.hand.pull(clientX - this.from[0], clientY - this.from[1]);
  }

  /** Let go of it, by `end` or `cancel`. */
  drop(way) {
    if (!this.isMoved) return;
    this.by = undefined;
    this.box.classList.remove("gf-held");
    this.hand[way]();
  }

  handleKey(event) {
    const step = STEPS[event.key];
    if (event.key === "Escape" && this.isMoved) this.drop("cancel");
    else if (step && this.by !== "pointer") this.step(step, event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  step(by, key) {
    if (!this.isMoved && !this.hand.begin(true)) return;
    this.by = "keys";
    this.hand.step(by, key);
  }

  /** Put it at a place of its figure, in pixels; out of sight without one. */
  place(point) {
    this.box.hidden = !point;
    if (!point) return;
    const [x, y] = point;
    this.box.style.left = `${x}px`;
    this.box.style.top = `${y}px`;
    this.box.classList.toggle("gf-right", x > this.box.parentElement.clientWidth / 2);
  }

  /** Say what it is, what pulling it does, and where it stands. */
  describe({ label, hint, text, value, low, high }) {
    const says = { label, description: hint, valuetext: text, valuenow: value, valuemin: low, valuemax: high };
    for (const [name, words] of Object.entries(says)) this.box.setAttribute(`aria-${name}`, words);
    this.label.textContent = this.isMoved ? text : hint;
  }
}
