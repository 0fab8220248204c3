// The right edge of a Flow figure: it adds and removes layers.

import { Hand } from "./hand.js";
import { findBand } from "./places.js";

const FASTEST = 10; // pixels per layer that is added beyond the right edge, at most

export class LayersHand extends Hand {
  constructor(graph) {
    super(graph, "layers");
  }

  get control() {
    return this.graph.head.hands && this.toolbar?.controls.get("depth");
  }

  begin(isByKey) {
    const { plot } = this.graph;
    const [start, length] = findBand(plot, "xaxis");
    const edge = plot.getBoundingClientRect().left + start + length;
    const room = Math.max(1, document.documentElement.clientWidth - edge);
    this.from = { depth: this.control.value, range: [...plot.layout.xaxis.range], length, room };
    return super.begin(isByKey);
  }

  /** Remove columns as wide as they were; beyond the edge, add layers ever faster. */
  pull(x) {
    const { depth, range, length, room } = this.from;
    this.x = Math.min(x, room);
    const wanted = depth + (x < 0 ? (depth * x) / length : Math.max((depth * x) / room, x / FASTEST));
    // The columns that stay keep their width, so that the picture ends under the hand.
    this.graph.hold(wanted < depth ? { xaxis: range } : undefined);
    this.set(wanted);
  }

  step(by) {
    this.set(this.control.value + by);
  }

  set(wanted) {
    const { control } = this;
    const depth = Math.min(control.data.high, Math.max(control.data.low, Math.round(wanted)));
    if (depth !== control.value) control.move(depth);
    this.place();
  }

  end() {
    this.x = 0;
    super.end();
  }

  cancel() {
    this.x = 0;
    super.cancel();
  }

  place() {
    const { control, grip } = this;
    if (!control) return grip.place(undefined);
    const { plot, head } = this.graph;
    const { low, high } = control.data;
    const text = `${control.label.textContent} ${control.value}`;
    grip.describe({ ...head.hands.layers, text, value: control.value, low, high });
    const [start, length] = findBand(plot, "xaxis");
    const [top, height] = findBand(plot, "yaxis2");
    grip.place([
      plot.offsetLeft + start + length + (this.x ?? 0),
      plot.offsetTop + top + height / 2,
    ]);
  }
}
