// The left end of the gradient's line: it changes the scale of the weights.

import { ask } from "./ask.js";
import { addElement } from "./elements.js";
import { Hand } from "./hand.js";
import { findBand, findGradientLine, findPixel, listItems } from "./places.js";

const ROUTE = "gf/scale";
const SNAP = 8; // pixels around a level end that count as level
const NEAR = 3; // pixels by which a level line may move without another search
const CORRECTIONS = 4; // searches after that, at most, for one movement of the hand
const STEPS = 24; // of the arrow keys, over the whole height of the band
const FINENESS = 1e4; // of the decades per layer that are asked for

export class ScaleHand extends Hand {
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
    const point = about && this.findEnd();
    if (!point) return false;
    const { plot, head } = graph;
    this.now = { about, isByKey, address: head.address, point, value: this.findValue(point[1]) };
    this.now.level = this.findLevel();
    // The axis stays, so that the end of the line follows the hand.
    if (!isByKey) graph.hold({ yaxis2: [...plot.layout.yaxis2.range] });
    return super.begin(isByKey);
  }

  pull(_x, y) {
    const [top, bottom] = this.findEnds();
    this.now.corrections = CORRECTIONS;
    this.aim(this.findValue(Math.min(bottom, Math.max(top, this.now.point[1] + y))));
  }

  step(by) {
    const { value, level } = this.now;
    const [top, bottom] = this.findEnds();
    const next = value + (by * (bottom - top)) / this.perDecade / STEPS;
    const passes = (value - level) * (next - level) < 0; // a level gradient is not stepped over
    this.aim(passes ? level : next);
  }

  /** Ask for the scale that puts the end at a value of the axis. */
  aim(value) {
    const { now } = this;
    now.isLevel = Math.abs(value - now.level) * this.perDecade < SNAP;
    now.value = now.isLevel ? now.level : value;
    now.target = Math.round(((now.value - now.level) / now.about.span) * FINENESS) / FINENESS;
    this.place();
    if (!now.asking && now.target !== now.asked) now.asking = this.ask(now);
  }

  /** Follow a figure that has been drawn: with the scale, the height of a level line changes too. */
  follow() {
    const { now, graph } = this;
    const isShown = graph.head.version === graph.version && graph.figure === graph.drawn;
    const level = isShown ? this.findLevel() : undefined;
    if (level === undefined) return;
    const moved = Math.abs(level - now.level) * this.perDecade;
    now.level = level;
    if (now.isLevel) now.value = level;
    else if (!now.isByKey && moved > NEAR && now.corrections-- > 0) this.aim(now.value);
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
      const tell = (text) => this.graph.showWaiting(text);
      const answer = await ask(new URL(`${ROUTE}?${texts}`, document.baseURI), tell);
      if (answer.ok) return await answer.json();
      return { note: answer.status === 422 ? await answer.text() : about.failed };
    } catch {
      return { note: about.failed };
    } finally {
      this.graph.showWaiting("");
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
    if (this.now) this.follow();
    const { about, now, grip } = this;
    if (now && !now.isByKey) grip.place([now.point[0], this.findHeight(now.value)]);
    else grip.place(about && this.findEnd());
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
    const y = this.findHeight(now.level);
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

  /** Measure how many pixels a factor of ten is there. */
  get perDecade() {
    const { plot } = this.graph;
    return findPixel(plot, "yaxis2", 0) - findPixel(plot, "yaxis2", 1);
  }

  /** Find how far down a value of that band's axis is, in pixels of the figure's box. */
  findHeight(value) {
    const { plot } = this.graph;
    return plot.offsetTop + findPixel(plot, "yaxis2", value);
  }

  findValue(height) {
    return (this.findHeight(0) - height) / this.perDecade;
  }

  /** Find the value of the line's left end; nothing where it has none. */
  findEndValue() {
    const line = findGradientLine(this.graph.plot);
    if (!line || !this.about) return undefined;
    const value = listItems(line.y)[listItems(line.x).indexOf(this.about.first)];
    return Number.isFinite(value) ? value : undefined;
  }

  /** Find the value at which the end would be if the gradient were level. */
  findLevel() {
    const value = this.findEndValue();
    return value === undefined ? value : value - this.about.span * Math.log10(this.about.factor);
  }

  /** Find the place of the left end of the line; nothing if it is out of sight. */
  findEnd() {
    const { plot } = this.graph;
    const value = this.findEndValue();
    const x = findPixel(plot, "xaxis", this.about.first);
    const [left, length] = findBand(plot, "xaxis");
    if (value === undefined || x < left || x > left + length) return undefined;
    const [top, bottom] = this.findEnds();
    return [plot.offsetLeft + x, Math.min(bottom, Math.max(top, this.findHeight(value)))];
  }
}
