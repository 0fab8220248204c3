// Where a film is, in a figure over the steps: an upright line in each panel. While the film moves,
// what is still to come is veiled.

import { addElement } from "./elements.js";
import { findBand, findPixel, nameKey } from "./places.js";

export class Cursor {
  constructor(graph) {
    this.graph = graph;
    this.layer = addElement(graph.box, "div", "gf-cursor");
    this.layer.setAttribute("aria-hidden", "true");
    this.lines = [];
  }

  /** Stand at these steps, one for each panel; of several steps in one panel the largest counts. */
  show(steps, isMoving) {
    const { plot, drawn } = this.graph;
    if (!drawn) return;
    const names = Object.keys(plot._fullLayout).filter((name) => /^xaxis\d*$/.test(name));
    const places = names.length === 1 ? [Math.max(...steps)] : steps.slice(0, names.length);
    this.layer.classList.toggle("gf-moving", isMoving);
    while (this.lines.length > places.length) this.lines.pop().remove();
    while (this.lines.length < places.length) this.lines.push(addElement(this.layer, "div"));
    const { offsetTop, offsetLeft } = plot;
    this.steps = places;
    places.forEach((step, i) => {
      const [left, width] = findBand(plot, names[i]);
      const { yaxis } = plot.data.find(({ xaxis }) => nameKey(xaxis ?? "x") === names[i]) ?? {};
      const [top, height] = findBand(plot, nameKey(yaxis ?? "y"));
      const x = Math.min(left + width, Math.max(left, findPixel(plot, names[i], step)));
      Object.assign(this.lines[i].style, {
        top: `${offsetTop + top}px`, height: `${height}px`,
        left: `${offsetLeft + x}px`, width: `${left + width - x}px`,
      });
    });
  }

  remove() {
    this.layer.remove();
  }
}
