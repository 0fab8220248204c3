// Networks to start from: six small figures, and in "Start from" the names of all presets.

import { addButton, addElement } from "./elements.js";
import { findMode } from "./modes.js";
import { readStep, startTour } from "./tour.js";
import { keepSetting } from "./visit.js";

/** What Streamlit calls whenever it has data, changed or not, and when light turns dark. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const cards = (parentElement.cards ??= new Cards(parentElement));
  cards.tell = setTriggerValue;
  cards.update(data);
}

class Cards {
  constructor(parent) {
    this.box = addElement(parent, "section", "gf-welcome");
  }

  update(data) {
    const { line, chosen, ...shape } = data;
    const isNew = JSON.stringify(shape) !== this.drawn;
    if (isNew) {
      this.drawn = JSON.stringify(shape);
      this.build(data);
    }
    if (this.line.textContent !== line) this.line.textContent = line;
    for (const [button, code] of this.buttons) {
      button.setAttribute("aria-pressed", code === chosen);
    }
    const mode = findMode(this.box);
    for (const [image, address] of this.images) {
      const source = new URL(`${address}&mode=${mode}`, document.baseURI).href;
      if (image.src !== source) image.src = source;
    }
  }

  build({ cards, groups, title, close, tour, start }) {
    this.box.replaceChildren();
    this.box.setAttribute("aria-label", title);
    this.box.classList.toggle("gf-intro", !groups);
    this.buttons = new Map();
    this.images = new Map();
    const words = addElement(this.box, "div", "gf-welcome-words");
    this.line = addElement(words, "p", "gf-welcome-line");
    const ways = addElement(words, "div", "gf-welcome-ways");
    if (start) addButton(ways, "gf-tour gf-lessons", start, () => this.tell("lessons", true));
    this.addTour(ways, tour);
    const row = addElement(this.box, "div", "gf-cards");
    for (const card of cards) this.addCard(row, card);
    for (const group of groups ?? []) this.addGroup(group);
    if (close) {
      const button = addButton(this.box, "gf-close", "×", () => {
        keepSetting();
        this.tell("close", true);
      });
      button.setAttribute("aria-label", close);
      button.title = close;
    }
  }

  addTour(parent, tour) {
    const { start, resume } = tour.words;
    const button = addButton(parent, "gf-tour", "", () => {
      const opener = closePopover(button) ?? button;
      startTour(tour, opener, label);
    });
    const label = () => {
      button.textContent = readStep() ? resume : start;
    };
    label();
  }

  addCard(parent, { code, label, look, picture }) {
    const button = this.addChoice(parent, "gf-card", code, look);
    const image = addElement(button, "img", "");
    image.alt = "";
    image.width = 150;
    image.height = 84;
    this.images.set(image, picture);
    addElement(button, "span", "").textContent = label;
  }

  addGroup({ title, presets }) {
    const group = addElement(this.box, "div", "gf-presets");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    addElement(group, "div", "gf-presets-title").textContent = title;
    for (const { code, label, look } of presets) {
      this.addChoice(group, "gf-preset", code, look).textContent = label;
    }
  }

  addChoice(parent, className, code, look) {
    const button = addButton(parent, className, "", () => this.tell("preset", code));
    button.title = look;
    this.buttons.set(button, code);
    return button;
  }
}

/** Close the popover that a button stands in, if any; return what opens it. */
function closePopover(button) {
  if (!button.closest("[data-testid=stPopoverBody]")) return undefined;
  const opener = document.querySelector("[data-testid=stPopoverButton][aria-expanded=true]");
  opener?.click();
  return opener;
}
