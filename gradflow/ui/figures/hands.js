// Hands on a Flow figure: its right edge adds and removes layers, the left end of the gradient's
// line changes the scale of the weights. The figure follows through the live lane; the page is told
// when the hand lets go, or rests on the arrow keys.

import { addElement } from "./elements.js";
import { Grip } from "./grips.js";
import { findBand, findGradientLine, findPixel, listItems } from "./places.js";
import { toolbars } from "./toolbars.js";

const FASTEST = 10; // pixels per layer that is added beyond the right edge, at most
const ROUTE = "gf/scale";
const SNAP = 8; // pixels around a level end that count as level
const STEPS = 24; // of the arrow keys, over the whole height of the band
const FINENESS = 1e4; // of the decades per layer that are asked for

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

/** What both hands share: the toolbar whose settings they move, and how to put these back. */
class Hand {
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

class LayersHand extends Hand {
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

class ScaleHand extends Hand {
  constructor(graph) {
    super(graph, "scale");
    this.guide = addElement(graph.box, "div", "gf-level");
    this.guide.setAttribute("aria-hidden", "true");
    this.guide.hidden = true;
  }

  /** What the page says of the line's left end; nothing where it cannot be pulled. */
  get about() {
    return this.toolbar && this.graph.head.hands?.scale;
  }

  begin(isByKey) {
    const { about, graph } = this;
    const end = about && this.findEnd();
    if (!end) return false;
    const { plot, head } = graph;
    const perDecade = findPixel(plot, "yaxis2", 0) - findPixel(plot, "yaxis2", 1);
    const level = -about.span * Math.log10(about.factor); // decades from the end to a level one
    this.now = { about, isByKey, address: head.address, end, perDecade, level, rise: 0 };
    // The axis stays, so that the end of the line follows the hand.
    if (!isByKey) graph.hold({ yaxis2: [...plot.layout.yaxis2.range] });
    return super.begin(isByKey);
  }

  pull(_x, y) {
    const { end, perDecade } = this.now;
    const [top, bottom] = this.findEnds();
    this.aim((end[1] - Math.min(bottom, Math.max(top, end[1] + y))) / perDecade);
  }

  step(by) {
    const { rise, level, perDecade } = this.now;
    const [top, bottom] = this.findEnds();
    const next = rise + (by * (bottom - top)) / perDecade / STEPS;
    const passes = (rise - level) * (next - level) < 0; // a level gradient is not stepped over
    this.aim(passes ? level : next);
  }

  /** Ask for the scale that raises the end by so many decades. */
  aim(rise) {
    const { now } = this;
    const isLevel = Math.abs(rise - now.level) * now.perDecade < SNAP;
    now.rise = isLevel ? now.level : rise;
    now.target = Math.round(((now.rise - now.level) / now.about.span) * FINENESS) / FINENESS;
    this.place();
    now.asking ??= this.ask(now);
  }

  /** Ask for one scale at a time, the newest next. */
  async ask(now) {
    while (now.target !== now.asked && !now.isCancelled) {
      now.asked = now.target;
      const { changes, note } = await this.fetch(now);
      if (now.isCancelled) return;
      now.note = note;
      if (changes) this.toolbar?.take(changes);
      this.place();
    }
    now.asking = undefined;
    if (now.isOver) super.end();
  }

  async fetch({ asked, about, address }) {
    // Where the search is now it is nearest, unless nothing can be measured there.
    const [, query] = (this.about ? this.graph.head.address : address).split("?");
    const texts = new URLSearchParams(query);
    texts.set("level", asked);
    try {
      const answer = await fetch(new URL(`${ROUTE}?${texts}`, document.baseURI));
      if (answer.ok) return await answer.json();
      return { note: answer.status === 422 ? await answer.text() : about.failed };
    } catch {
      return { note: about.failed };
    }
  }

  end() {
    const { now } = this;
    now.isOver = true;
    this.now = undefined;
    this.place();
    if (!now.asking) super.end();
  }

  cancel() {
    this.now.isCancelled = true;
    this.now = undefined;
    super.cancel();
  }

  place() {
    const { about, now, grip } = this;
    const end = about && this.findEnd();
    if (now && !now.isByKey) grip.place([now.end[0], now.end[1] - now.rise * now.perDecade]);
    else grip.place(end);
    if (about) {
      const text = now?.note ? `${about.text}. ${now.note}` : about.text;
      grip.describe({ ...about, text, value: about.factor, low: 0, high: Math.max(2, about.factor) });
    }
    this.placeGuide();
  }

  /** Show while it is pulled where the end of a level line is. */
  placeGuide() {
    const { guide, now } = this;
    guide.hidden = !now || now.isByKey;
    if (guide.hidden) return;
    const { plot } = this.graph;
    const y = now.end[1] - now.level * now.perDecade;
    const [top, bottom] = this.findEnds();
    guide.hidden = y < top || y > bottom;
    const [left, length] = findBand(plot, "xaxis");
    guide.textContent = now.about.level;
    guide.style.cssText = `top:${y}px;left:${plot.offsetLeft + left}px;width:${length}px`;
  }

  /** Find the ends of the lower band, in pixels of the figure's box. */
  findEnds() {
    const { plot } = this.graph;
    const [top, height] = findBand(plot, "yaxis2");
    return [plot.offsetTop + top, plot.offsetTop + top + height];
  }

  /** Find the left end of the line there; nothing if it is out of sight. */
  findEnd() {
    const { plot } = this.graph;
    const line = findGradientLine(plot);
    if (!line) return undefined;
    const { first } = this.about;
    const y = listItems(line.y)[listItems(line.x).indexOf(first)];
    const x = findPixel(plot, "xaxis", first);
    const [left, length] = findBand(plot, "xaxis");
    if (!Number.isFinite(y) || x < left || x > left + length) return undefined;
    const [top, bottom] = this.findEnds();
    const at = plot.offsetTop + findPixel(plot, "yaxis2", y);
    return [plot.offsetLeft + x, Math.min(bottom, Math.max(top, at))];
  }
}
