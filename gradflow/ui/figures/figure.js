// One Plotly graph that stays in the page: drawn once, then changed in place, so that its node,
// zoom, hover and hidden traces survive a change of the figure.

import { liftTitles } from "./colourbars.js";
import { Dive } from "./dive.js";
import { addElement } from "./elements.js";
import { Ghosts } from "./ghosts.js";
import { Growth } from "./growth.js";
import { Hands } from "./hands.js";
import { writeNumbersOurWay, writeOutPowers, writeTicksOurWay } from "./hover.js";
import { Keys } from "./keys.js";
import { Line } from "./line.js";
import { Peek } from "./peek.js";
import { findMode } from "./modes.js";
import { isTouched, loadPlotly, makeConfig, stopAnimation } from "./plots.js";
import { isPresenting } from "./presenting.js";
import { Pulse } from "./pulse.js";
import { NARROW, findHeight } from "./room.js";
import { fitLayout, keepsShape } from "./shape.js";
import { Strip } from "./strip.js";
import { noteSetting } from "./visit.js";
import { findZoom, listAxes, listUndone, setHome } from "./zoom.js";

/** Graphs in the page by their figure's name, for those who bring a figure by another way. */
export const graphs = new Map();

/** Called with a graph whenever it has been drawn, or what it shows has moved. */
export const watchers = new Set();

/** What Streamlit calls whenever it has data for a figure, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }, plotlyUrl) {
  const graph = (parentElement.graph ??= new Graph(parentElement, plotlyUrl));
  graph.tell = setTriggerValue;
  graph.calls.add(data);
  graph.show(data);
  graph.followMode();
  return () => {
    graph.calls.delete(data);
    if (graph.box.isConnected) {
      // A call that a newer one overtook: it may even have come after that one.
      if (graph.latest === data && graph.calls.size) graph.show([...graph.calls].at(-1));
      return;
    }
    graph.remove();
    delete parentElement.graph;
  };
}

const SECOND = 1000; // milliseconds
class Graph {
  constructor(parent, plotlyUrl) {
    this.plotlyUrl = plotlyUrl;
    this.calls = new Set(); // what Streamlit has brought and not taken back
    this.box = addElement(parent, "div", "gf-figure");
    this.plot = addElement(this.box, "div", "gf-plot");
    this.plot.setAttribute("role", "figure"); // no image: there are buttons in it
    this.spoken = addElement(this.box, "div", "gf-spoken");
    this.spoken.setAttribute("role", "status");
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.box);
    const page = this.box.closest(".stMainBlockContainer"); // what stands above may come later
    if (page) this.observer.observe(page);
    this.follower = () => this.draw();
    addEventListener("resize", this.follower);
    this.box.addEventListener("fullscreenchange", () => this.draw());
    this.keys = new Keys(this);
    this.plot.addEventListener("blur", () => this.leave());
  }

  /** Show what the page brings, unless a slider is ahead of it and waits for something else. */
  show(bytes) {
    this.latest = bytes;
    if (this.lane?.refuses(splitBytes(bytes)[0].address)) return;
    this.showNow(bytes);
  }

  /** Show a figure: a line of JSON about it, then the figure itself. */
  showNow(bytes) {
    const [head, body] = splitBytes(bytes);
    this.head = head;
    this.showLine();
    if (head.setting) noteSetting(head.setting);
    const isNew = graphs.get(head.name) !== this;
    graphs.set(head.name, this);
    this.plot.setAttribute("aria-label", head.alt);
    if (!this.drawn) this.holdRoom(this.measure().height);
    // Those that stood alone for a moment, while a figure beside them changed, share the room again.
    if (isNew) for (const other of graphs.values()) if (other !== this) other.draw();
    if (head.keys) {
      this.plot.tabIndex = 0;
      this.plot.setAttribute("aria-description", head.keys);
    }
    if (head.version === this.version) return;
    this.version = head.version;
    this.base = JSON.parse(decoder.decode(body));
    writeOutPowers(this.base);
    this.redraw();
  }

  /** Draw what the page has sent, as whoever has taken the figure over (`edit`) changes it. */
  redraw() {
    this.figure = this.edit ? this.edit(this.base) : this.base;
    this.draw();
  }

  /** Write what a live figure says in words. */
  showLine() {
    if (!this.head.headline) return;
    this.growth ??= new Growth(this.plot);
    this.pulse ??= new Pulse(this);
    this.ghosts ??= new Ghosts(this);
    this.line ??= new Line(this);
    this.line.show(this.head);
    this.ghosts.follow(this.head);
    this.cures?.follow(this.head);
    this.dive ??= new Dive(this);
    this.dive.follow(this.head);
    this.strip ??= new Strip(this);
    this.hands ??= new Hands(this);
    this.hands.place();
  }

  /** Keep the ranges of axes, by name, while a hand is on the figure; without any, let them go. */
  hold(ranges) {
    const isFree = this.held && !ranges;
    if (ranges && !this.held) this.chosen = findZoom(this.plot.layout, this.axes, this.axes);
    this.held = ranges;
    if (!isFree || !this.figure) return;
    this.figure = { ...this.figure }; // to be drawn once more
    this.draw();
  }

  /** Ask for a run when the page has turned light or dark: Streamlit itself does not run then.
   *
   * That run brings all figures but those of fragments, so only the first one asks at once.
   */
  followMode() {
    const mode = findMode(this.box);
    if (mode === this.head.mode || mode === this.asked) return;
    this.asked = mode;
    const isFirst = graphs.values().next().value === this;
    setTimeout(() => {
      if (this.figure && this.head.mode !== findMode(this.box)) this.tell("mode", mode);
      this.asked = undefined;
    }, isFirst ? 0 : 2 * SECOND);
  }

  remove() {
    this.observer.disconnect();
    removeEventListener("resize", this.follower);
    if (graphs.get(this.head.name) === this) graphs.delete(this.head.name);
    this.figure = this.base = null;
    if (this.drawn) this.Plotly.purge(this.plot);
  }

  /** Draw what is not drawn yet: one drawing at a time, the newest figure next. */
  async draw() {
    if (this.drawing) return;
    this.drawing = true;
    try {
      this.Plotly = await loadPlotly(this.plotlyUrl);
      for (let size = this.measure(); this.isStale(size); size = this.measure()) {
        await this.drawOnce(this.figure, size);
      }
    } catch (error) {
      console.error("GradFlow could not draw a figure:", error);
      if (!this.drawn) this.plot.textContent = this.head.alt;
    } finally {
      this.drawing = false;
    }
  }

  measure() {
    const { clientWidth, clientHeight } = this.box;
    const isFull = document.fullscreenElement === this.box;
    return { width: clientWidth, height: isFull ? clientHeight : findHeight(this, graphs.values()) };
  }

  isStale({ width, height }) {
    if (!this.figure || !width) return false; // gone, or in something folded
    return this.figure !== this.drawn || width !== this.size.width || height !== this.size.height;
  }

  async drawOnce(figure, size) {
    const { Plotly, plot, drawn, size: before } = this;
    this.drawn = figure;
    this.size = size;
    if (figure === drawn && keepsShape(before, size)) {
      this.pulse?.stop();
      await Plotly.relayout(plot, { width: size.width });
      return;
    }
    keepChanges(figure);
    const fitted = this.strip ? this.strip.fit(figure, size) : fitLayout(figure, size);
    if (isTouched) fitted.layout.dragmode = false;
    for (const [axis, range] of Object.entries(this.held ?? {})) {
      if (fitted.layout[axis]) fitted.layout[axis].range = range;
    }
    this.holdRoom(fitted.layout.height);
    const axes = listAxes(fitted.layout);
    const zoom = drawn ? findZoom(plot.layout, this.axes, axes) : {};
    if (!this.held) {
      Object.assign(zoom, this.chosen); // before a hand held these axes
      this.chosen = undefined;
    }
    this.axes = axes;
    // The same buttons each time: with others Plotly draws everything anew.
    this.config ??= makeConfig(this.box, this.head.fullscreen);
    const spec = { ...fitted, config: this.config };
    if (!drawn) {
      plot.textContent = ""; // words in place of a figure, after a failure
      await Plotly.newPlot(plot, spec);
      // The words for it are its label, not its ticks one by one.
      for (const svg of plot.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", true);
      plot.on("plotly_click", (event) => this.handleClick(event));
      if (this.head.peek) this.peek = new Peek(this);
      writeNumbersOurWay(plot);
      writeTicksOurWay(plot);
      liftTitles(plot);
      plot.on("plotly_afterplot", () => {
        writeTicksOurWay(plot);
        liftTitles(plot);
        this.ghosts?.draw();
        this.dive?.place();
        this.hands?.place();
        this.strip?.draw();
        this.tellWatchers();
      });
      this.growth?.start();
      this.hands?.place();
      this.strip?.draw();
      this.tellWatchers();
      return;
    }
    this.growth?.stop();
    this.pulse?.stop();
    if (drawn.frames) stopAnimation(Plotly, plot);
    // Plotly would turn a scale of colours, but leave its numbers where they were.
    if (before.width < NARROW !== size.width < NARROW) {
      for (const bar of plot.querySelectorAll("g.colorbar")) bar.remove();
    }
    await Plotly.react(plot, spec);
    setHome(plot, axes);
    const undone = listUndone(plot.layout, zoom);
    if (Object.keys(undone).length) await Plotly.relayout(plot, undone);
    this.peek?.follow();
    if (figure !== drawn) this.growth?.start(this.held); // else only its size has changed
  }

  /** Say over the figure that what was asked for it waits for a turn; nothing with an empty text. */
  showWaiting(text) {
    if (!text && !this.waiting) return;
    this.waiting ??= addElement(this.box, "div", "gf-waiting");
    this.waiting.setAttribute("role", "status");
    this.waiting.textContent = text;
  }

  tellWatchers() {
    for (const watch of watchers) watch(this);
  }

  leave() {
    if (this.drawn) this.Plotly.Fx.unhover(this.plot);
    this.peek?.hide();
  }

  /** Take the height that the figure has on this screen, where its page kept another one. */
  holdRoom(height) {
    this.plot.style.minHeight = `${height}px`;
    this.box.style.setProperty("--gf-height", `${height}px`);
    const frame = this.box.closest(".stElementContainer");
    for (let e = this.box.parentElement; frame?.contains(e); e = e.parentElement) {
      e.style.height = "auto";
      e.style.flexBasis = "auto"; // what Streamlit keeps of the height among other elements
    }
  }

  handleClick(event) {
    if (isPresenting()) return; // what it opens is not shown
    const point = event.points.find(({ customdata }) => customdata !== undefined);
    if (point) this.choosePoint(point.customdata);
  }

  choosePoint(data) {
    const value = Array.isArray(data) ? data[0] : data;
    if (!this.head.keys || !Number.isInteger(value)) return;
    if (this.head.dive) this.dive.open(value);
    this.tell("choice", value);
  }
}

const decoder = new TextDecoder();

/** Split the bytes of a figure into the object before the first line feed and the rest. */
function splitBytes(bytes) {
  const end = bytes.indexOf(10);
  return [JSON.parse(decoder.decode(bytes.subarray(0, end))), bytes.subarray(end + 1)];
}

/** Have Plotly keep what the reader changed; of a trace only while its name stays. */
function keepChanges({ data, layout }) {
  layout.uirevision ??= "kept";
  for (const trace of data) trace.uirevision ??= trace.name;
}
