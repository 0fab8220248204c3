// What all boards share: a drawing that is made anew within a frame of whatever moves, and a page
// that is told once the hand rests.

import { addDrawing, addElement } from "./elements.js";
import { NARROW, findHeight } from "./room.js";

const REST = 250; // milliseconds without a movement after which the page is told
const PATIENCE = 4000; // milliseconds in which the page answers

export class Board {
  constructor(parent) {
    this.box = addElement(parent, "div", "gf-figure gf-board");
    this.above = addElement(this.box, "div", "gf-board-above");
    this.plot = addElement(this.box, "div", "gf-plot");
    this.plot.setAttribute("role", "figure");
    this.plot.tabIndex = 0;
    this.svg = addDrawing(this.plot, "svg", { class: "main-svg", "aria-hidden": true });
    this.below = addElement(this.box, "div", "gf-board-below");
    this.spoken = addElement(this.box, "div", "gf-spoken");
    this.spoken.setAttribute("role", "status");
    this.changes = {};
    this.sent = 0; // changes that the page was told of; it says which of them it answers
    this.draw = this.draw.bind(this);
    this.follower = () => {
      this.isMeasured = false;
      this.plan();
    };
    this.observer = new ResizeObserver(this.follower);
    this.observer.observe(this.box);
    const page = this.box.closest(".stMainBlockContainer"); // what stands above may come later
    if (page) this.observer.observe(page);
    addEventListener("resize", this.follower);
    this.plot.addEventListener("keydown", (event) => {
      if (event.target === this.plot && this.handleKey(event)) event.preventDefault();
    });
  }

  /** Take what the page sends, unless the hand is ahead of it. */
  take(data) {
    this.data = data;
    this.isNarrow = this.box.clientWidth < NARROW;
    this.head = { name: data.name, height: this.findDrawnHeight(data.spec) };
    this.plot.setAttribute("aria-label", data.alt);
    this.plot.setAttribute("aria-description", data.texts.keys);
    const text = JSON.stringify(data.spec);
    const isEarlier = (data.answered ?? Infinity) < this.sent; // a later answer is on its way
    const isOld = isEarlier || (text === this.before && performance.now() < this.until);
    if (this.isHeld || Object.keys(this.changes).length || isOld) return;
    this.page = text;
    this.before = undefined;
    this.isMeasured = false;
    this.spec = structuredClone(data.spec);
    this.plan();
  }

  /** Change what is drawn, and tell the page of it later.
   *
   * @param {object} changes for the page, by the name of the setting; `spec` has been changed
   */
  change(changes) {
    Object.assign(this.changes, changes);
    this.plan();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), REST);
  }

  hold() {
    this.isHeld = true;
  }

  release() {
    this.isHeld = false;
    this.rest();
  }

  rest() {
    clearTimeout(this.timer);
    if (this.isHeld || !Object.keys(this.changes).length) return;
    this.before = this.page;
    this.until = performance.now() + PATIENCE;
    this.sent += 1;
    this.tell("change", { ...this.changes, count: this.sent });
    this.changes = {};
    this.spoken.textContent = this.describe();
  }

  /** Draw with the next frame. */
  plan() {
    this.frame ??= requestAnimationFrame(this.draw);
  }

  draw() {
    this.frame = undefined;
    if (!this.spec || (!this.isMeasured && !this.box.clientWidth)) return;
    this.writeWords();
    // Nothing is measured while a hand moves: that would have the browser lay the page out twice.
    if (!this.isMeasured) this.measure();
    this.svg.innerHTML = this.drawAt(this.size);
  }

  /** Find how large the drawing is, and make room for it. */
  measure() {
    this.isMeasured = true;
    const width = this.box.clientWidth;
    this.isNarrow = width < NARROW;
    this.head.height = this.findDrawnHeight(this.spec);
    const words = this.above.offsetHeight + this.below.offsetHeight;
    const height = Math.max(this.least, findHeight(this, [this]) - words);
    this.size = { width, height };
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.style.height = this.plot.style.height = `${height}px`;
    this.box.style.setProperty("--gf-height", `${height + words}px`);
  }

  /** Take a key that was pressed on the drawing; say whether it means something. */
  handleKey() {
    return false;
  }

  remove() {
    this.observer.disconnect();
    removeEventListener("resize", this.follower);
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
  }
}
