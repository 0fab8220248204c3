// A number: a slider and a field. While it is moved the figure follows, fetched from the server
// without a run of the page; the page is told once the hand rests.

import { graphs } from "./figure.js";

const REST = 120; // milliseconds without a movement after which the page is told
const PAUSE = 150; // before neighbours are fetched: a server that has just worked refuses
const PAGE_LIMIT = 10_000; // after which a page that has not answered is no longer waited for
const MOST_KEPT = 60;

/** What Streamlit calls whenever it has data for a number, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const number = (parentElement.number ??= new NumberControl(parentElement));
  number.tell = (value) => setTriggerValue("value", value);
  number.update(data);
  return () => {
    if (!number.box.isConnected) number.lane.drop(number);
  };
}

class NumberControl {
  constructor(parent) {
    this.box = document.createElement("div");
    this.box.className = "gf-number";
    this.box.innerHTML = `
      <div class="gf-number-head">
        <span class="gf-label"></span>
        <button type="button" class="gf-help">?<span role="tooltip"></span></button>
        <input class="gf-exact" type="number" inputmode="decimal">
      </div>
      <input class="gf-range" type="range" min="0" step="1">
      <div class="gf-problem" role="alert"></div>`;
    parent.append(this.box);
    const find = (selector) => this.box.querySelector(selector);
    [this.label, this.help, this.tooltip] = [".gf-label", ".gf-help", "[role=tooltip]"].map(find);
    [this.exact, this.range, this.problem] = [".gf-exact", ".gf-range", ".gf-problem"].map(find);
    this.range.addEventListener("input", () => this.move(this.marks[this.range.valueAsNumber]));
    this.range.addEventListener("pointerup", () => this.rest());
    this.exact.addEventListener("input", () => this.exact.value && this.move(+this.exact.value));
    this.exact.addEventListener("change", () => this.commit());
    this.exact.addEventListener("blur", () => (this.exact.value = this.value));
  }

  update(data) {
    this.data = data;
    this.label.textContent = data.label;
    this.help.hidden = !data.help;
    this.help.setAttribute("aria-label", data.help);
    this.tooltip.textContent = data.help;
    this.range.setAttribute("aria-label", data.label);
    this.range.hidden = !data.marks.length;
    this.exact.setAttribute("aria-label", data.exact);
    Object.assign(this.exact, { min: data.low, max: data.high, step: data.whole ? 1 : "any" });
    this.lane = findLane(data.figure);
    if (this.lane.moved.has(this)) return; // what the page says is older than what a hand says
    this.known = data.value;
    this.problem.textContent = "";
    this.showValue(data.value);
  }

  /** Show a value; one between two marks becomes a mark of its own. */
  showValue(value) {
    this.value = value;
    if (!this.marks?.includes(value)) {
      this.marks = [...new Set([...this.data.marks, value])].sort((a, b) => a - b);
      this.range.max = this.marks.length - 1;
    }
    const at = this.marks.indexOf(value);
    this.range.value = at;
    this.range.setAttribute("aria-valuetext", value);
    if (document.activeElement !== this.exact) this.exact.value = value;
  }

  move(value) {
    this.direction = Math.sign(value - this.value) || 1;
    this.showValue(value);
    clearTimeout(this.timer);
    this.isResting = false;
    this.timer = setTimeout(() => this.rest(), REST);
    this.lane.move(this);
  }

  /** Tell the page when the figure is there: a busy server shall answer what is looked at first. */
  rest() {
    this.isResting = this.lane.isRunning;
    if (!this.isResting) this.commit();
  }

  /** Tell the page the value, once. */
  commit() {
    clearTimeout(this.timer);
    this.isResting = false;
    if (this.known !== this.value) {
      this.known = this.value;
      this.tell(this.value);
    }
    this.lane.check();
  }

  /** List the values that are likely to come next. */
  listNext() {
    const at = this.marks.indexOf(this.value);
    const steps = [this.direction, 2 * this.direction, -this.direction];
    return steps.map((step) => this.marks[at + step]).filter((value) => value !== undefined);
  }
}

const lanes = new Map();

function findLane(name) {
  if (!lanes.has(name)) lanes.set(name, new Lane(() => graphs.get(name)));
  return lanes.get(name);
}

/** The way from sliders to their figure: one request at a time, the newest values next. */
class Lane {
  constructor(findGraph) {
    this.findGraph = findGraph;
    this.moved = new Set(); // numbers whose value the page's figure does not show yet
    this.kept = new Map(); // fetched figures by address
    // Whatever else is touched comes after what a slider said.
    for (const kind of ["pointerdown", "keydown"]) {
      document.addEventListener(kind, (event) => this.yieldTo(event.target), true);
    }
  }

  /** The figure, if the server can answer for it. */
  get graph() {
    const graph = this.findGraph();
    if (!graph?.head.address) return undefined;
    graph.lane = this;
    return graph;
  }

  async move(number) {
    this.moved.add(number);
    number.box.dataset.ahead = "";
    this.last = number;
    if (this.isRunning) return;
    this.isRunning = true;
    while (this.last && this.graph) await this.follow(this.graph, this.take());
    this.isRunning = false;
    for (const resting of [...this.moved]) if (resting.isResting) resting.commit();
    this.check();
    await this.prefetch(number);
  }

  take() {
    const number = this.last;
    this.last = undefined;
    return number;
  }

  /** Let the figure follow a number. */
  async follow(graph, number) {
    const { bytes, problem = "" } = await this.fetch(this.writeAddress(graph));
    number.problem.textContent = problem;
    this.isRefused = !bytes;
    if (!bytes || !this.moved.size) return;
    graph.showNow(bytes);
    await graph.draw();
    dimFollowers(this.moved.size > 0); // after the figure: the page is laid out anew for it
  }

  /** Write the address of the figure with the values of now, and perhaps one more. */
  writeAddress(graph, name, value) {
    const [path, query] = graph.head.address.split("?");
    const texts = new URLSearchParams(query);
    for (const number of this.moved) texts.set(number.data.name, number.value);
    if (name) texts.set(name, value);
    return new URL(`${path}?${texts}`, document.baseURI).href;
  }

  async fetch(address, isEarly = false) {
    if (this.kept.has(address)) return { bytes: this.kept.get(address) };
    try {
      const answer = await fetch(isEarly ? `${address}&prefetch=1` : address);
      if (answer.status === 422) return { problem: await answer.text() };
      if (!answer.ok) return {};
      const bytes = new Uint8Array(await answer.arrayBuffer());
      this.kept.set(address, bytes);
      if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
      return { bytes };
    } catch {
      return {}; // no connection: Streamlit says so
    }
  }

  /** Fetch likely next figures while nobody moves anything and the server has nothing to do. */
  async prefetch(number) {
    for (const value of number.listNext()) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      if (this.isRunning || !this.graph) return;
      const address = this.writeAddress(this.graph, number.data.name, value);
      if (!(await this.fetch(address, true)).bytes) return;
    }
  }

  /** Tell whether the page's figure is to wait: it does not show yet what the sliders say. */
  refuses(address) {
    if (!this.moved.size) return false;
    const isTold = [...this.moved].every((number) => number.value === number.known);
    if (this.isRunning || !isTold) return true;
    if (!this.isRefused && address !== this.graph?.head.address) return true;
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

  /** Forget a number that has left the page. */
  drop(number) {
    this.moved.delete(number);
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
    this.settle();
    this.check();
  }

  yieldTo(target) {
    if (target.closest?.(".gf-number")) return;
    for (const number of [...this.moved]) number.commit();
    this.release();
  }
}

/** Dim what stands below the figure while it is of before. */
function dimFollowers(isBehind) {
  for (const part of document.querySelectorAll("[class*=st-key-follows]")) {
    part.classList.toggle("gf-behind", isBehind);
  }
}
