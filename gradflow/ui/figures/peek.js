// A small Flow figure beside a map: that of the cell on which a pointer, a finger or a key rests.

import { addElement } from "./elements.js";
import { findBand, findPixel } from "./places.js";

const REST = 120; // milliseconds on a cell after which its figure is asked for

export class Peek {
  constructor(graph) {
    this.graph = graph;
    this.panel = addElement(graph.box, "div", "gf-peek");
    this.panel.hidden = true;
    this.panel.setAttribute("aria-hidden", true); // the hover has the words
    graph.plot.on("plotly_hover", ({ points }) => {
      const point = points.find(({ customdata }) => Number.isInteger(customdata));
      if (point) this.rest(point.customdata, point.x);
      else this.hide();
    });
    graph.plot.on("plotly_unhover", () => this.hide());
  }

  /** Rest on the cell of this number, which stands at this x. */
  rest(cell, x) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(cell, x), REST);
  }

  ask(cell, x) {
    this.giveUp();
    const picture = (this.asked = new Image());
    picture.alt = "";
    picture.addEventListener("load", () => this.show(picture, x));
    picture.addEventListener("error", () => picture === this.asked && this.hide());
    picture.src = new URL(this.graph.head.peek + cell, document.baseURI).href;
  }

  show(picture, x) {
    if (picture !== this.asked) return;
    const { plot } = this.graph;
    const [start, length] = findBand(plot, "xaxis");
    this.panel.classList.toggle("gf-left", findPixel(plot, "xaxis", x) > start + length / 2);
    this.panel.replaceChildren(picture);
    this.panel.hidden = false;
  }

  hide() {
    this.giveUp();
    this.panel.hidden = true;
  }

  /** Ask no more for what has not come yet: the server need not compute it. */
  giveUp() {
    clearTimeout(this.timer);
    if (this.asked && !this.asked.complete) this.asked.src = "";
    this.asked = undefined;
  }
}
