// The lessons in a row: dots to go to each, and arrow keys for the one before and after.

import { addButton, addElement } from "./elements.js";
import { isPresenting } from "./presenting.js";

const OWN_ARROWS =
  "input, textarea, select, [contenteditable], .gf-plot, [role=slider], [role=tab], [role=listbox]";

/** What Streamlit calls whenever it has data, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const path = (parentElement.path ??= new Path(parentElement));
  path.tell = setTriggerValue;
  path.update(data);
  return () => {
    if (path.box.isConnected) return;
    path.remove();
    delete parentElement.path;
  };
}

class Path {
  constructor(parent) {
    this.box = addElement(parent, "nav", "gf-path");
    this.handler = (event) => this.handleKey(event);
    document.addEventListener("keydown", this.handler);
  }

  remove() {
    document.removeEventListener("keydown", this.handler);
  }

  update(data) {
    this.data = data;
    const { lessons, current, label, back, next } = data;
    const focused = [...this.box.children].indexOf(document.activeElement);
    this.box.replaceChildren();
    this.box.setAttribute("aria-label", label);
    this.addArrow("‹", back, -1);
    lessons.forEach(({ code, title, done }, i) => {
      const dot = addButton(this.box, "gf-path-dot", String(i + 1), () => this.tell("lesson", code));
      dot.title = title;
      dot.setAttribute("aria-label", title);
      dot.classList.toggle("gf-done", done);
      if (i === current) dot.setAttribute("aria-current", "step");
    });
    this.addArrow("›", next, 1);
    if (focused >= 0) this.box.children[focused]?.focus();
  }

  addArrow(sign, title, by) {
    const button = addButton(this.box, "gf-path-arrow", sign, () => this.go(by));
    button.title = title;
    button.setAttribute("aria-label", title);
    button.disabled = !this.find(by);
  }

  find(by) {
    return this.data.lessons[this.data.current + by];
  }

  go(by) {
    const lesson = this.find(by);
    if (lesson) this.tell("lesson", lesson.code);
  }

  handleKey(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !this.box.isConnected || isPresenting() || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.target.closest?.(OWN_ARROWS)) return;
    event.preventDefault();
    this.go(by);
  }
}
