// A hand on a Flow figure: a handle, and the settings that it moves through the toolbar.

import { Grip } from "./grips.js";
import { toolbars } from "./toolbars.js";

/** What both hands share: the toolbar whose settings they move, and how to put these back. */
export class Hand {
  constructor(graph, kind) {
    this.graph = graph;
    this.grip = new Grip(graph.box, kind, this);
    this.grip.place(undefined);
  }

  get toolbar() {
    return toolbars.get(this.graph.head.name);
  }

  begin(isByKey) {
    const { toolbar, graph } = this;
    toolbar.commit(); // what its own controls have moved
    this.before = new Map([...toolbar.controls.values()].map(({ name, value }) => [name, value]));
    graph.pulse.stop();
    if (!isByKey) toolbar.hold();
    return true;
  }

  end() {
    this.graph.hold(undefined);
    this.toolbar?.letGo();
    this.place();
  }

  /** Put the settings back as they were. */
  cancel() {
    const { toolbar, before } = this;
    const moved = [...toolbar.controls.values()].filter((c) => before.get(c.name) !== c.value);
    const known = moved.filter(({ name }) => before.has(name));
    toolbar.forget(moved.filter(({ name }) => !before.has(name)));
    toolbar.take(Object.fromEntries(known.map(({ name }) => [name, before.get(name)])));
    this.graph.hold(undefined);
    toolbar.letGo();
    this.place();
  }
}
