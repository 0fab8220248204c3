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
    this.picture = addElement(this.panel, "img");
    this.picture.alt = "";
    this.picture.addEventListener("load", () => this.show());
    this.picture.addEventListener("error", () => this.hide());
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
    const { box, plot, head } = this.graph;
    const [start, length] = findBand(plot, "xaxis");
    this.panel.classList.toggle("gf-left", findPixel(plot, "xaxis", x) > start + length / 2);
    const address = new URL(head.peek + cell, document.baseURI).href;
    this.wanted = box.isConnected;
    if (this.picture.src === address && this.picture.complete) this.show();
    else this.picture.src = address; // gives up the one that was under way
  }

  show() {
    this.panel.hidden = !this.wanted;
  }

  hide() {
    clearTimeout(this.timer);
    this.wanted = false;
    this.panel.hidden = true;
  }
}
