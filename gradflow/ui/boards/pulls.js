// A number in a drawing that is pulled up or down, or moved by arrow keys.

import { Grip } from "./grips.js";
import { writeHtml, writePlain } from "./pen.js";

const PIXELS = 3; // of a step
const FURTHEST = 1e9;
const FAR = 99; // such a number is pulled by its second digit

export class Pull {
  constructor(board) {
    this.board = board;
    this.grip = new Grip(board.plot, "pill", this);
    this.face = this.grip.box.querySelector(".gf-grip-knob");
  }

  /** Stand at a place with a value.
   *
   * @param {object} of point, value, text (formula), label, hint, low, high, unit (of a step), set
   */
  update(of) {
    Object.assign(this, of);
    const [x, y] = of.point;
    const { label, hint, value, low, high } = of;
    const key = [x, y, value, label, hint, this.grip.isMoved].join();
    if (key === this.key) return;
    this.key = key;
    this.grip.place(of.point);
    this.face.innerHTML = writeHtml(of.text);
    const text = writePlain(of.text);
    // Attributes hold no 10³⁰⁰; the text says the number.
    const [now, least, most] = [value, low, high].map((x) => Math.min(FURTHEST, Math.max(-FURTHEST, x)));
    this.grip.describe({ label: writePlain(label), hint, text, value: now, low: least, high: most });
  }

  begin(isByKey) {
    this.from = this.value;
    if (!isByKey) this.board.hold();
    return true;
  }

  pull(across, down) {
    this.move(this.from, Math.round((across - down) / PIXELS));
  }

  step(by) {
    this.move(this.value, by);
  }

  move(from, steps) {
    const size = Math.abs(from);
    const unit = size > FAR ? 10 ** (Math.floor(Math.log10(size)) - 1) : this.unit;
    const moved = Math.min(this.high, Math.max(this.low, from + steps * unit));
    // At once: the next key may come before the drawing does.
    this.value = Number(moved.toPrecision(12));
    this.set(this.value);
  }

  end() {
    this.board.release();
  }

  cancel() {
    this.set(this.from);
    this.board.release();
  }

  remove() {
    this.grip.box.remove();
  }
}

/** The numbers of a drawing that can be pulled, by name: one each for as long as it is there. */
export class Pulls {
  constructor(board) {
    this.board = board;
    this.all = new Map();
  }

  /** Show these and no others.
   *
   * @param {Map<string, object>} wanted what `Pull.update` takes, by name
   */
  update(wanted) {
    for (const [name, pull] of this.all) {
      if (wanted.has(name)) continue;
      pull.remove();
      this.all.delete(name);
    }
    for (const [name, of] of wanted) {
      if (!this.all.has(name)) this.all.set(name, new Pull(this.board));
      this.all.get(name).update(of);
    }
  }
}
