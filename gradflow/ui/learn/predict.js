// A prediction: curves to choose from, or a slider of factors, drawn small; then "Run it".

import { addButton, addElement } from "./elements.js";
import { drawSketch } from "./sketch.js";

/** What Streamlit calls whenever it has data, changed or not. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const prediction = (parentElement.prediction ??= new Prediction(parentElement));
  prediction.tell = setTriggerValue;
  prediction.update(data);
}

class Prediction {
  constructor(parent) {
    this.box = addElement(parent, "section", "gf-predict");
  }

  update(data) {
    const { chosen, ...shape } = data;
    const drawn = JSON.stringify(shape);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.data = data;
      this.build();
    }
    if (!this.isAhead) this.mark(chosen);
    this.isAhead = false;
  }

  build() {
    const { kind, label, axes, run } = this.data;
    this.box.replaceChildren();
    this.box.setAttribute("aria-label", label);
    if (kind === "factor") this.addSlider();
    else this.addCards();
    const row = addElement(this.box, "div", "gf-predict-row");
    this.button = addButton(row, "gf-button gf-predict-run", run, () => this.tell("run", this.chosen));
    addElement(row, "span", "gf-predict-axes", axes);
  }

  addCards() {
    const { choices, ends, level } = this.data;
    const cards = addElement(this.box, "div", "gf-predict-cards");
    cards.dataset.count = choices.length;
    this.cards = choices.map(({ code, label, alt, points }) => {
      const card = addButton(cards, "gf-predict-card", "", () => this.choose(code));
      card.setAttribute("aria-label", `${label}: ${alt}`);
      addElement(card, "span", "gf-predict-letter", label);
      drawSketch(card, [{ points }], ends, level);
      return [code, card];
    });
  }

  addSlider() {
    const { choices, label } = this.data;
    this.sketch = addElement(this.box, "div", "gf-predict-sketch");
    const row = addElement(this.box, "label", "gf-predict-slider");
    this.output = addElement(row, "output", "");
    this.slider = addElement(row, "input", "");
    Object.assign(this.slider, { type: "range", min: 0, max: choices.length - 1, step: 1 });
    this.slider.value = Math.floor(choices.length / 2);
    this.slider.setAttribute("aria-label", label);
    const take = () => this.choose(choices[Number(this.slider.value)].code);
    this.slider.addEventListener("input", () => this.mark(choices[Number(this.slider.value)].code));
    this.slider.addEventListener("change", take);
    this.slider.addEventListener("click", take); // also where the thumb stands already
    const marks = addElement(this.box, "div", "gf-predict-marks");
    for (const choice of choices) {
      addButton(marks, "", choice.label, () => this.choose(choice.code)).tabIndex = -1;
    }
  }

  choose(code) {
    if (code === this.told) return;
    this.told = code;
    this.isAhead = true;
    this.mark(code);
    this.tell("choice", code);
  }

  mark(code) {
    const { kind, choices, ends, none } = this.data;
    this.chosen = code;
    this.button.disabled = !code;
    if (kind !== "factor") {
      for (const [own, card] of this.cards) card.setAttribute("aria-pressed", own === code);
      return;
    }
    const index = choices.findIndex((choice) => choice.code === code);
    this.slider.classList.toggle("gf-unset", index < 0);
    if (index >= 0) this.slider.value = index;
    this.output.textContent = choices[index]?.text ?? none;
    this.slider.setAttribute("aria-valuetext", this.output.textContent);
    this.sketch.replaceChildren();
    const others = choices.map(({ points, label }) => ({ points, label, className: "gf-faint" }));
    const own = index < 0 ? [] : [{ points: choices[index].points }];
    drawSketch(this.sketch, [...others, ...own], ends);
  }
}
