// The tour: a box beside one thing of the page after the other. The page stays usable meanwhile, and
// nothing runs on the server.

import { addButton, addElement, scrollTo } from "./elements.js";

const KEPT = "gradflow-tour";
const MARGIN = 8; // pixels between box, window and what it points at
const LOOK = 200; // milliseconds between two looks at where things are

let tour;

/** Start the tour where it was left.
 *
 * `opener` gets the focus back; `onLeave` is called when the tour ends.
 */
export function startTour(words, opener, onLeave) {
  tour?.leave();
  tour = new Tour(words, opener, onLeave);
}

/** Read the step at which the tour was left; 0 if it was not begun or is done. */
export function readStep() {
  try {
    return Number(localStorage.getItem(KEPT)) || 0;
  } catch {
    return 0; // a browser that keeps nothing
  }
}

function keepStep(step) {
  try {
    localStorage.setItem(KEPT, step);
  } catch {
    // as above
  }
}

class Tour {
  constructor({ steps, words }, opener, onLeave) {
    Object.assign(this, { steps, words, opener, onLeave });
    this.spot = addElement(document.body, "div", "gf-tour-spot");
    this.box = addElement(document.body, "div", "gf-tour-box");
    this.box.setAttribute("role", "dialog");
    this.box.setAttribute("aria-labelledby", "gf-tour-title");
    this.box.setAttribute("aria-describedby", "gf-tour-text");
    takeColours(opener, this.box);
    this.count = addElement(this.box, "div", "gf-tour-count");
    this.title = addElement(this.box, "div", "gf-tour-title");
    this.title.id = "gf-tour-title";
    this.text = addElement(this.box, "p", "gf-tour-text");
    this.text.id = "gf-tour-text";
    const row = addElement(this.box, "div", "gf-tour-buttons");
    this.leaver = addButton(row, "", words.leave, () => this.leave());
    this.backer = addButton(row, "", words.back, () => this.go(this.at - 1));
    this.nexter = addButton(row, "gf-tour-next", words.next, () => this.go(this.at + 1));
    this.ending = new AbortController();
    const { signal } = this.ending;
    document.addEventListener("keydown", (event) => this.handleKey(event), { signal });
    addEventListener("resize", () => this.place(), { signal });
    document.addEventListener("scroll", () => this.place(), { signal, capture: true });
    this.timer = setInterval(() => this.place(), LOOK);
    this.go(Math.min(readStep(), steps.length - 1));
  }

  go(at) {
    if (at >= this.steps.length) {
      this.at = 0;
      this.leave();
      return;
    }
    this.at = Math.max(at, 0);
    keepStep(this.at);
    const { count, title, text } = this.steps[this.at];
    const { next, done } = this.words;
    const isLast = this.at === this.steps.length - 1;
    this.count.textContent = count;
    this.title.textContent = title;
    this.text.textContent = text;
    this.backer.disabled = !this.at;
    this.nexter.textContent = isLast ? done : next;
    this.shown = undefined;
    const place = this.steps[this.at + 1]?.places[0];
    this.awaited = place && !findVisible(place) ? place : undefined;
    this.place();
    this.nexter.focus({ preventScroll: true });
  }

  leave() {
    keepStep(this.at);
    tour = undefined;
    clearInterval(this.timer);
    this.ending.abort();
    this.spot.remove();
    this.box.remove();
    this.onLeave();
    if (this.opener.isConnected) this.opener.focus({ preventScroll: true });
  }

  /** Arrow keys belong to the tour only while nothing else of the page has the focus. */
  handleKey(event) {
    if (event.key === "Escape") {
      this.leave();
    } else if (event.target !== document.body && !this.box.contains(event.target)) {
      return;
    } else if (event.key === "ArrowRight") {
      if (this.at < this.steps.length - 1) this.go(this.at + 1);
    } else if (event.key === "ArrowLeft") {
      this.go(this.at - 1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Put spot and box where the thing is now; scroll to it once. */
  place() {
    if (this.awaited && findVisible(this.awaited)) this.go(this.at + 1); // done what the step asks
    const target = this.steps[this.at].places.map(findVisible).find(Boolean);
    if (target && target !== this.shown) bringIntoView(target);
    this.shown = target;
    const around = target?.getBoundingClientRect();
    this.spot.hidden = !target;
    if (target) {
      const { left, top, width, height } = around;
      move(this.spot, left - 4, top - 4);
      this.spot.style.width = `${width + 8}px`;
      this.spot.style.height = `${height + 8}px`;
    }
    const size = this.box.getBoundingClientRect();
    move(this.box, ...choosePlace(around, size));
  }
}

/** Choose left and top of the box: below the thing, above it, or else at the window's end. */
function choosePlace(around, { width, height }) {
  const right = innerWidth - width - MARGIN;
  const bottom = innerHeight - height - MARGIN;
  if (!around) return [right / 2, bottom];
  const left = Math.max(MARGIN, Math.min(around.left, right));
  if (around.bottom < 0) return [left, MARGIN]; // scrolled away
  if (around.top > innerHeight) return [left, bottom];
  const below = around.bottom + 2 * MARGIN;
  const above = around.top - height - 2 * MARGIN;
  if (below <= bottom) return [left, below];
  if (above >= MARGIN) return [left, above];
  // It takes most of the window: cover as little of it as possible.
  if (around.top > height / 2) return [left, MARGIN];
  return [Math.max(MARGIN, Math.min(around.right - width - MARGIN, right)), bottom];
}

function move(element, left, top) {
  element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

/** Find the first element of a kind that is on the page, not in something folded or of before. */
function findVisible(selector) {
  return [...document.querySelectorAll(selector)].find(
    (element) => element.getClientRects().length && !element.closest("[data-retained]"),
  );
}

function bringIntoView(target) {
  const { top, bottom, height } = target.getBoundingClientRect();
  if (top >= 60 && bottom <= innerHeight) return;
  scrollTo(target, height > innerHeight / 2 ? "end" : "center");
}

/** Colours and font of the page: the box stands outside of what Streamlit gives them to. */
function takeColours(source, box) {
  const style = getComputedStyle(source);
  box.style.fontFamily = style.fontFamily;
  for (const name of ["background-color", "text-color", "primary-color", "border-color"]) {
    box.style.setProperty(`--st-${name}`, style.getPropertyValue(`--st-${name}`));
  }
}
