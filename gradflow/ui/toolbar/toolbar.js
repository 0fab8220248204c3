// A row of controls above a figure, and panels that its buttons unfold. The figure follows while a
// control is moved, without a run of the page; the page is told once the hand rests.

import { makeControl } from "./controls.js";
import { addButton, addElement } from "./elements.js";
import { addFold } from "./folds.js";
import { findLane } from "./lane.js";
import { toolbars } from "./toolbars.js";

const REST = 120; // milliseconds without a movement after which the page is told

/** What Streamlit calls whenever it has data for a toolbar, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const toolbar = (parentElement.toolbar ??= new Toolbar(parentElement));
  toolbar.tell = setTriggerValue;
  toolbar.update(data);
  return () => {
    if (toolbar.box.isConnected) return;
    toolbar.lane.drop(toolbar.controls.values());
    if (toolbars.get(toolbar.figure) === toolbar) toolbars.delete(toolbar.figure);
  };
}

class Toolbar {
  constructor(parent) {
    this.controls = new Map(); // by name
    this.panels = new Map(); // by title
    this.box = addElement(parent, "div", "gf-toolbar");
    this.row = addElement(this.box, "div", "gf-row");
    this.problem = addElement(this.box, "div", "gf-problem");
    this.problem.setAttribute("role", "alert");
  }

  update(data) {
    this.figure = data.figure;
    this.lane = findLane(data.figure);
    toolbars.set(data.figure, this);
    this.dormant = data.dormant;
    const panels = data.panels.map((panel) => this.updatePanel(panel));
    const row = data.row.map((control) => this.updateControl(control).box);
    keepOnly(this.row, [...row, ...panels]);
    this.dropOthers(data);
    if (!this.lane.moved.size) this.showProblem("");
    this.lane.graph?.hands?.place(); // there may be something to pull now, or no more
  }

  updateControl(data) {
    let control = this.controls.get(data.name);
    if (control?.kind !== data.kind) {
      control = makeControl(this, data);
      this.controls.set(data.name, control);
    }
    control.update(data);
    return control;
  }

  /** Bring a button, and the panel that it unfolds, up to date. */
  updatePanel({ title, sections, reset }) {
    if (!this.panels.has(title)) this.panels.set(title, this.makePanel(title, reset));
    const box = this.panels.get(title);
    const place = box.querySelector(".gf-sections");
    keepOnly(place, sections.map((section) => this.updateSection(place, section)));
    return box;
  }

  makePanel(title, reset) {
    const { box, panel } = addFold(this.row, `${title} ▾`);
    addElement(panel, "div", "gf-sections");
    if (reset) {
      addButton(panel, "gf-button", reset, () => {
        this.lane.release();
        this.tell("reset", true);
      });
    }
    return box;
  }

  updateSection(place, { title, controls }) {
    let section = [...place.children].find((child) => child.dataset.title === title);
    if (!section) {
      section = document.createElement("fieldset");
      section.dataset.title = title;
      addElement(section, "legend", "", title);
    }
    const boxes = controls.map((control) => this.updateControl(control).box);
    keepOnly(section, [section.firstElementChild, ...boxes]);
    return section;
  }

  dropOthers(data) {
    const sections = data.panels.flatMap((panel) => panel.sections);
    const shown = [data.row, ...sections.map((section) => section.controls)].flat();
    const names = new Set(shown.map(({ name }) => name));
    for (const [name, control] of this.controls) {
      if (names.has(name)) continue;
      this.lane.drop([control]);
      this.controls.delete(name);
    }
  }

  /** Let the figure follow controls that are still moved. */
  follow(...controls) {
    clearTimeout(this.timer);
    this.isResting = false;
    this.timer = setTimeout(() => this.rest(), REST);
    this.lane.move(...controls);
  }

  /** Let the figure follow values that were found for a hand on it, by name. */
  take(values) {
    const moved = Object.entries(values).map(([name, value]) => {
      if (!this.controls.has(name)) this.controls.set(name, makeControl(this, { kind: "unseen", name }));
      const control = this.controls.get(name);
      control.showValue(value);
      return control;
    });
    if (moved.length) this.follow(...moved);
  }

  /** Drop controls for which the page has no settings any more. */
  forget(controls) {
    for (const { name } of controls) this.controls.delete(name);
    this.lane.drop(controls);
  }

  /** Tell the page nothing until the hand on the figure lets go. */
  hold() {
    this.lane.isHeld = true;
  }

  letGo() {
    this.lane.isHeld = false;
    this.rest();
  }

  /** Let the figure follow a choice, and tell the page as soon as it has. */
  choose(control) {
    clearTimeout(this.timer);
    if (!control.data.live) {
      this.commit();
      return;
    }
    this.isResting = true;
    this.lane.move(control);
  }

  /** Tell the page when the figure is there: a busy server shall answer what is looked at first. */
  rest() {
    if (this.lane.isHeld) return;
    this.isResting = this.lane.isRunning;
    if (!this.isResting) this.commit();
  }

  /** Tell the page what it does not know yet, once. */
  commit() {
    clearTimeout(this.timer);
    this.isResting = false;
    const changed = [...this.controls.values()].filter((c) => c.known !== c.value);
    for (const control of changed) control.known = control.value;
    if (changed.length) {
      this.tell("change", Object.fromEntries(changed.map((c) => [c.name, c.value])));
    }
    this.lane.check();
  }

  showProblem(text) {
    this.problem.textContent = text;
  }
}

/** Have an element contain these children in this order; what stays is not moved: it keeps focus. */
function keepOnly(parent, children) {
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
}
