// Hands on a Flow figure: its right edge adds and removes layers, the left end of the gradient's
// line changes the scale of the weights. The figure follows through the live lane; the page is told
// when the hand lets go, or rests on the arrow keys.

import { LayersHand } from "./layershand.js";
import { ScaleHand } from "./scalehand.js";

export class Hands {
  constructor(graph) {
    this.graph = graph;
    this.hands = [new LayersHand(graph), new ScaleHand(graph)];
  }

  /** Put the handles where the figure is now, as far as there is something to pull. */
  place() {
    if (this.graph.plot._fullLayout) for (const hand of this.hands) hand.place();
  }
}
