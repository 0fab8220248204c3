// The steps of a descent: a button that plays them, one step back or on, and a slider to any of them.

import { addButton, addElement, wantsCalm } from "./elements.js";
import { fill } from "./phrases.js";

const SECONDS = 6; // about, of a long descent that plays
const SLOWEST = 0.25; // seconds of a step

export class StepBar {
  /** @param board draws what `shown` names */
  constructor(parent, board) {
    this.board = board;
    const bar = addElement(parent, "div", "gf-steps");
    this.player = addButton(bar, "gf-button gf-play", "", () => this.play());
    this.back = addButton(bar, "gf-button", "◀", () => this.show(this.shown - 1));
    this.on = addButton(bar, "gf-button", "▶", () => this.show(this.shown + 1));
    this.slider = addElement(bar, "input", "gf-range");
    Object.assign(this.slider, { type: "range", min: 0 });
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
    this.counter = addElement(bar, "output", "gf-counter");
  }

  /** Take how many steps there are; what stood at the last one stays there. */
  take(last, texts) {
    this.shown = this.shown === this.last ? last : Math.min(this.shown, last);
    this.last = last;
    this.player.textContent = this.playing ? texts.pause : texts.play;
    this.back.ariaLabel = this.back.title = texts.back;
    this.on.ariaLabel = this.on.title = texts.on;
    this.back.disabled = this.shown === 0;
    this.on.disabled = this.shown === last;
    this.slider.max = last;
    this.slider.value = this.shown;
    this.slider.ariaLabel = texts.shown;
    this.counter.textContent = fill(texts.step, { n: this.shown, count: last });
  }

  show(step) {
    this.stop();
    this.shown = Math.min(this.last, Math.max(0, step));
    this.board.plan();
  }

  play() {
    if (this.playing) {
      this.stop();
      this.board.plan();
      return;
    }
    const first = this.shown >= this.last ? 0 : this.shown;
    const pace = wantsCalm() ? SLOWEST : Math.min(SLOWEST, SECONDS / Math.max(1, this.last));
    let begun;
    const go = (now) => {
      begun ??= now;
      this.shown = Math.min(this.last, first + Math.floor((now - begun) / 1000 / pace));
      this.playing = this.shown < this.last ? requestAnimationFrame(go) : undefined;
      this.board.draw();
    };
    this.playing = requestAnimationFrame(go);
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = undefined;
  }
}
