// A presentation: the picture of a page alone, large; arrows go through what the page has to show.
//
// It is a parameter of the page's address. A step is an address as well: going to it is following a
// link, so that reload, Back and the QR code are right by themselves.

import { Code } from "./code.js";
import { addButton, addDrawing, addElement } from "./elements.js";
import { findLane } from "./lane.js";
import { setPresenting } from "./presenting.js";

const PARAMETER = "present";
const FIGURE = "flow"; // which the server answers for without a run of the page
const PAUSE = 600; // milliseconds after which the page has run, most likely
const PLAY = ".st-key-stage_picture :is(.gf-play, .gf-film-play, .updatemenu-button)"; // the first one of an animation
const ICONS = {
  start: "M3 4h18M4 4v12h16V4M12 16v4M8 20h8",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  play: "M7 4l13 8-13 8z",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  code: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2M20 14v2M14 20h2M18 18h2v2",
  leave: "M6 6l12 12M18 6L6 18",
};

let presentation;
let lesson = { steps: [] };

/** What Streamlit calls for the button in the frame of all pages, and for a page's steps. */
export default function mount({ parentElement, data }) {
  if (data.steps) lesson = data; // perhaps before the button is there
  else presentation ??= new Presentation(data);
  if (data.words && !presentation.box.isConnected) parentElement.append(presentation.box);
  presentation?.takeSteps(lesson);
  presentation?.follow();
}

class Presentation {
  constructor({ words, code }) {
    this.words = words;
    this.box = document.createElement("div");
    this.box.className = "gf-present";
    this.opener = addButton(this.box, "gf-present-open", "", () => this.set(true));
    addIcon(this.opener, "start");
    addElement(this.opener, "span", "", words.start);
    this.opener.title = words.about;
    this.addBar(code);
    this.lane = findLane(FIGURE);
    addEventListener("popstate", () => {
      this.lane.stopWaiting();
      this.follow();
    });
    addEventListener("resize", () => setPresenting(this.isOn));
    document.addEventListener("keydown", (event) => this.handleKey(event), true);
  }

  addBar(code) {
    const bar = addElement(this.box, "div", "gf-present-bar");
    const text = addElement(bar, "div", "gf-present-text");
    text.setAttribute("aria-live", "polite");
    this.title = addElement(text, "div", "gf-present-title");
    this.title.setAttribute("role", "heading");
    this.title.setAttribute("aria-level", 1);
    this.look = addElement(text, "div", "");
    this.actions = addElement(bar, "div", "gf-present-actions");
    this.back = this.addAction("back", () => this.go(-1));
    this.next = this.addAction("next", () => this.go(1));
    this.addAction("play", () => this.play()).classList.add("gf-present-play");
    if (document.fullscreenEnabled) this.addAction("full", toggleFullscreen);
    this.addAction("code", () => this.code.toggle());
    this.addAction("leave", () => this.set(false));
    this.code = new Code(bar, this.words, code);
  }

  addAction(name, press) {
    const button = addButton(this.actions, "", "", press);
    addIcon(button, name);
    button.setAttribute("aria-label", this.words[name]);
    button.title = this.words[name];
    return button;
  }

  get isOn() {
    return new URLSearchParams(location.search).get(PARAMETER) === "1";
  }

  /** Begin or end. The page need not run to end; to begin, it brings its steps. */
  set(isOn) {
    const query = new URLSearchParams(location.search);
    if (isOn) query.set(PARAMETER, 1);
    else query.delete(PARAMETER);
    this.code.close();
    if (isOn) {
      visit(query);
      this.next.focus();
      return;
    }
    if (document.fullscreenElement === document.documentElement) document.exitFullscreen();
    history.pushState({}, "", writeAddress(query));
    this.follow();
    this.opener.focus();
  }

  takeSteps({ steps, current }) {
    this.steps = steps;
    // While a newer step is asked for, this may be the answer to an older one.
    if (this.asked !== undefined && current !== this.asked) return;
    this.asked = undefined;
    this.current = current;
  }

  /** Look as the address says. */
  follow() {
    setPresenting(this.isOn);
    if (!this.isOn) return;
    const { current, steps } = this;
    const step = steps[current];
    const title = step?.title ?? document.title.split(" · ")[0];
    this.title.textContent = step ? `${current + 1}/${steps.length} ${title}` : title;
    this.look.textContent = step?.look ?? "";
    this.back.disabled = !steps[this.find(-1)];
    this.next.disabled = !steps[this.find(1)];
    this.code.show(this.writeLink(step));
    this.prepare();
  }

  /** Find the index of the step before or after; of what is no step, the last or the first. */
  find(by) {
    return (this.current ?? (by > 0 ? -1 : this.steps.length)) + by;
  }

  go(by) {
    const index = this.find(by);
    const step = this.steps[index];
    if (!step) return;
    this.current = this.asked = index;
    const { isOfPage } = this.lane;
    visit(new URLSearchParams({ ...step.query, [PARAMETER]: 1 }));
    if (isOfPage) this.lane.jump(step.query);
  }

  /** Have the figure of the next step at hand. */
  prepare() {
    clearTimeout(this.timer);
    const next = this.steps[this.find(1)];
    if (!next) return;
    this.timer = setTimeout(() => this.lane.isOfPage && this.lane.prepare(next.query), PAUSE);
  }

  /** Write the address of what is shown, for others: without the presentation, and short. */
  writeLink(step) {
    const query = new URLSearchParams(step?.short ?? location.search);
    query.delete(PARAMETER);
    return writeAddress(query);
  }

  play() {
    document.querySelector(PLAY)?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  }

  handleKey(event) {
    if (!this.isOn || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest?.("button, a, summary")) return;
    const act = {
      ArrowRight: () => this.go(1),
      PageDown: () => this.go(1),
      ArrowLeft: () => this.go(-1),
      PageUp: () => this.go(-1),
      Escape: () => (this.code.isOpen ? this.code.close() : this.set(false)),
      " ": () => this.play(),
      p: () => this.play(),
      q: () => this.code.toggle(),
      f: toggleFullscreen,
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }
}

/** Go to these parameters of the page as a link does: it runs, and takes its settings from there. */
function visit(query) {
  history.pushState({}, "", writeAddress(query));
  dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

function writeAddress(query) {
  const address = new URL(location.pathname, location.origin);
  address.search = query;
  return address.href;
}

function addIcon(button, name) {
  const svg = addDrawing(button, "svg", { viewBox: "0 0 24 24", "aria-hidden": true });
  addDrawing(svg, "path", { d: ICONS[name] });
}

function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {}); // a frame may forbid it
}
