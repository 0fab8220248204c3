// The way from controls to the figure that follows them: one request at a time, the newest values
// next, and likely next ones while nobody waits. A server that keeps a request waiting gets the newest
// values at once; they take the place of those that it has not begun with.

import { ask } from "./ask.js";
import { graphs } from "./figure.js";

const PAUSE = 150; // milliseconds before neighbours are fetched: a server that has just worked refuses
const PATIENCE = 400; // after which newer values are asked for although older ones are not answered
const PAGE_LIMIT = 10_000; // after which a page that has not answered is no longer waited for
const MOST_KEPT = 60;

const lanes = new Map();

export function findLane(figure) {
  if (!lanes.has(figure)) lanes.set(figure, new Lane(figure));
  return lanes.get(figure);
}

class Lane {
  constructor(figure) {
    this.figure = figure;
    this.moved = new Set(); // controls whose value the page's figure does not show yet
    this.isHeld = false; // a hand on the figure has not let go: the page is not told yet
    this.kept = new Map(); // fetched figures by address
    this.id = Math.random().toString(36).slice(2); // tells the server whose requests these are
    this.asked = 0; // requests so far
    this.shown = 0; // which of them the figure shows
    // Whatever else is touched comes after what a control said.
    for (const kind of ["pointerdown", "keydown"]) {
      document.addEventListener(kind, (event) => this.yieldTo(event.target), true);
    }
  }

  /** The figure, if the server can answer for it. */
  get graph() {
    const graph = graphs.get(this.figure);
    if (!graph?.head.address) return undefined;
    graph.lane = this;
    return graph;
  }

  /** Let the figure follow controls that were moved together. */
  async move(...controls) {
    for (const control of controls) {
      this.moved.add(control);
      control.box.dataset.ahead = "";
    }
    const control = controls.at(-1);
    this.last = control;
    if (this.isRunning) return;
    this.isRunning = true;
    while (this.last && this.graph) await this.outlast(this.follow(this.graph, this.take()));
    this.isRunning = false;
    for (const toolbar of this.listToolbars()) if (toolbar.isResting) toolbar.commit();
    this.check();
    if (!this.isHeld) await this.prefetch(control);
  }

  listToolbars() {
    return new Set([...this.moved].map((control) => control.toolbar));
  }

  take() {
    const control = this.last;
    this.last = undefined;
    return control;
  }

  /** Wait for an answer, but not for long once there are newer values. */
  async outlast(answer) {
    let isOpen = true;
    const end = answer.finally(() => (isOpen = false));
    do await Promise.race([end, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    while (isOpen && !(this.last && this.isWaiting)); // a figure that is being drawn is not overtaken
  }

  /** Let the figure follow a control. */
  async follow(graph, control) {
    const number = ++this.asked;
    this.isWaiting = true;
    const { bytes, problem = "" } = await this.fetch(this.writeAddress(graph, control));
    if (number === this.asked) {
      this.isWaiting = false;
      control.toolbar.showProblem(problem);
      this.isRefused = !bytes;
    }
    if (!bytes || !this.moved.size || number < this.shown) return;
    this.shown = number;
    graph.showNow(bytes);
    await graph.draw();
    dimFollowers(this.moved.size > 0); // after the figure: the page is laid out anew for it
  }

  /** Write the address of the figure with the values of now, and perhaps another one's. */
  writeAddress(graph, control, value = control.value) {
    const [path, query] = graph.head.address.split("?");
    const texts = new URLSearchParams(query);
    for (const [name, text] of Object.entries(control.toolbar.dormant)) {
      if (!texts.has(name)) texts.set(name, text);
    }
    for (const moved of this.moved) texts.set(moved.name, moved.value);
    texts.set(control.name, value);
    return new URL(`${path}?${texts}`, document.baseURI).href;
  }

  async fetch(address, isEarly = false) {
    if (this.kept.has(address)) return { bytes: this.kept.get(address) };
    try {
      const tell = (text) => this.graph?.showWaiting(text);
      const answer = isEarly
        ? await fetch(`${address}&prefetch=1`)
        : await ask(address, tell, { headers: { "X-Lane": this.id } });
      if (answer.status === 422) return { problem: await answer.text() };
      if (answer.status !== 200) return {};
      const bytes = new Uint8Array(await answer.arrayBuffer());
      this.kept.set(address, bytes);
      if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
      return { bytes };
    } catch {
      return {}; // no connection: Streamlit says so
    } finally {
      if (!isEarly) this.graph?.showWaiting("");
    }
  }

  /** Fetch likely next figures while nobody moves anything and the server has nothing to do. */
  async prefetch(control) {
    for (const value of control.listNext()) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      if (this.isRunning || !this.graph) return;
      const address = this.writeAddress(this.graph, control, value);
      if (!(await this.fetch(address, true)).bytes) return;
    }
  }

  /** Whether the page's address has all settings of the figure, so that another one's is known. */
  get isOfPage() {
    const setting = this.graph?.head.setting;
    return Boolean(setting) && says(location.search, new URLSearchParams(setting));
  }

  /** Show the figure of other settings, all of them, before the page does. */
  async jump(settings) {
    this.awaited = settings;
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.stopWaiting(), PAGE_LIMIT);
    const { bytes } = await this.fetch(this.replaceSettings(settings));
    if (bytes && this.awaited === settings) this.graph?.showNow(bytes);
  }

  /** Fetch the figure of settings that may come next, if the server has nothing to do. */
  async prepare(settings) {
    await this.fetch(this.replaceSettings(settings), true);
  }

  replaceSettings(settings) {
    const { address, setting } = this.graph.head;
    const [path, query] = address.split("?");
    const texts = new URLSearchParams(query);
    for (const name of new URLSearchParams(setting).keys()) texts.delete(name);
    for (const [name, text] of Object.entries(settings)) texts.set(name, text);
    return new URL(`${path}?${texts}`, document.baseURI).href;
  }

  /** Let the page show what it has. */
  stopWaiting() {
    if (!this.awaited) return;
    this.awaited = undefined;
    this.check();
  }

  /** Tell whether the page's figure is to wait: it does not show yet what the controls say. */
  refuses(address) {
    if (this.awaited && !says(address?.split("?")[1], Object.entries(this.awaited))) return true;
    this.awaited = undefined;
    if (!this.moved.size) return false;
    const moved = [...this.moved];
    if (this.isRunning || moved.some((control) => control.value !== control.known)) return true;
    const texts = new URLSearchParams(address?.split("?")[1]);
    if (!this.isRefused && !moved.every((c) => isSame(c.value, texts.get(c.name)))) return true;
    this.settle();
    return false;
  }

  /** Look whether the page has caught up. */
  check() {
    const { graph } = this;
    if (graph) graph.show(graph.latest);
    else this.settle();
    clearTimeout(this.limit);
    if (this.moved.size) this.limit = setTimeout(() => this.release(), PAGE_LIMIT);
  }

  /** Forget controls that have left the page. */
  drop(controls) {
    for (const control of controls) this.moved.delete(control);
    if (!this.moved.size) this.settle();
  }

  settle() {
    for (const { box } of this.moved) delete box.dataset.ahead;
    this.moved.clear();
    dimFollowers(false);
  }

  /** Let the page have the say. */
  release() {
    if (!this.moved.size) return;
    if (!this.isHeld) this.settle();
    this.check();
  }

  yieldTo(target) {
    if (target.closest?.(".gf-toolbar, .gf-grip")) return;
    for (const toolbar of this.listToolbars()) toolbar.commit();
    this.release();
  }
}

/** Tell whether a query has all these parameters. */
function says(query, parameters) {
  const texts = new URLSearchParams(query);
  return [...parameters].every(([name, text]) => texts.get(name) === text);
}

/** Tell whether the text of an address says a value. */
function isSame(value, text) {
  if (typeof value === "number") return Number(text) === value;
  return String(value) === (typeof value === "boolean" ? text?.toLowerCase() : text);
}

/** Dim what stands below the figure while it is of before. */
function dimFollowers(isBehind) {
  for (const part of document.querySelectorAll("[class*=st-key-follows]")) {
    part.classList.toggle("gf-behind", isBehind);
  }
}
