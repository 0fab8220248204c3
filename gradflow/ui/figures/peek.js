// A small Flow figure beside a map: that of the cell on which a pointer, a finger or a key rests.

import { addElement } from "./elements.js";
import { listItems } from "./places.js";
import { isTouched } from "./plots.js";

const REST = 120; // milliseconds on a cell after which its figure is asked for
const ANSWER = 5000; // milliseconds within which the page answers a tap

export class Peek {
  constructor(graph) {
    this.graph = graph;
    this.panel = addElement(graph.box, "div", "gf-peek");
    this.panel.hidden = true;
    this.panel.setAttribute("aria-hidden", true); // the hover has the words
    graph.plot.on("plotly_click", ({ points }) => {
      this.tapped = { cell: findCell(points)?.customdata, at: performance.now() };
    });
    graph.plot.on("plotly_hover", ({ points }) => {
      const point = findCell(points);
      if (point) this.rest(point.customdata);
      else this.hide();
    });
    graph.plot.on("plotly_unhover", () => this.hide());
  }

  /** Stay with the cell that a finger has tapped, where the figure has moved under it. */
  follow() {
    if (!isTouched || !this.tapped || performance.now() - this.tapped.at > ANSWER) return;
    const { plot, Plotly } = this.graph;
    const curveNumber = plot.data.findLastIndex(({ customdata }) => customdata);
    const trace = plot.data[curveNumber];
    const pointNumber = listItems(trace?.customdata ?? []).indexOf(this.tapped.cell);
    if (pointNumber < 0) return;
    Plotly.Fx.hover(plot, [{ curveNumber, pointNumber }]);
    this.rest(this.tapped.cell); // Plotly tells of pointers alone
  }

  /** Rest on the cell of this number. */
  rest(cell) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(cell), REST);
  }

  ask(cell) {
    this.giveUp();
    const picture = (this.asked = new Image());
    picture.alt = "";
    picture.addEventListener("load", () => this.show(picture));
    picture.addEventListener("error", () => picture === this.asked && this.hide());
    picture.src = new URL(this.graph.head.peek + cell, document.baseURI).href;
  }

  show(picture) {
    if (picture !== this.asked) return;
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

function findCell(points) {
  return points.find(({ customdata }) => Number.isInteger(customdata));
}
