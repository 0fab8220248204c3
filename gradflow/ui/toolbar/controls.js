// The controls of a toolbar: a number, a choice, a switch, a text.

const KINDS = {};

export function makeControl(toolbar, { kind, name }) {
  return new KINDS[kind](toolbar, kind, name);
}

class Control {
  constructor(toolbar, kind) {
    this.toolbar = toolbar;
    this.kind = kind;
    this.box = document.createElement("div");
    this.box.className = `gf-control gf-${kind}`;
    this.box.innerHTML = `
      <div class="gf-head">
        <label></label>
        <button type="button" class="gf-help" tabindex="-1">?<span role="tooltip"></span></button>
      </div>`;
    [this.label, this.help, this.tooltip] = ["label", ".gf-help", "[role=tooltip]"].map((s) =>
      this.box.querySelector(s),
    );
    this.head = this.box.firstElementChild;
    this.build();
  }

  update(data) {
    this.data = data;
    this.name = data.name;
    this.label.textContent = data.label;
    this.label.htmlFor = this.main.id = `gf-${this.toolbar.figure}-${data.name}`;
    this.help.hidden = !data.help;
    this.help.setAttribute("aria-label", data.help ?? "");
    this.main.setAttribute("aria-description", data.help ?? "");
    this.tooltip.textContent = data.help ?? "";
    if (this.box.dataset.ahead !== undefined) return; // the page's value is older than the hand's
    this.known = data.value;
    this.fill();
    this.showValue(data.value);
  }

  /** Bring what an update says beside the value. */
  fill() {}

  /** List the values that are likely to come next. */
  listNext() {
    return [];
  }

  choose(value) {
    this.value = value;
    this.toolbar.choose(this);
  }
}

/** Write a number for a small box, as it can be typed there: 1e8 for a hundred million. */
const writeShort = (value) =>
  Math.abs(value) >= 1e6 ? value.toExponential().replace("+", "") : String(value);

KINDS.number = class extends Control {
  build() {
    this.exact = document.createElement("input");
    Object.assign(this.exact, { className: "gf-exact", type: "number", inputMode: "decimal" });
    this.head.append(this.exact);
    this.main = document.createElement("input");
    Object.assign(this.main, { className: "gf-range", type: "range", min: 0, step: 1 });
    this.box.append(this.main);
    this.main.addEventListener("input", () => this.move(this.marks[this.main.valueAsNumber]));
    this.main.addEventListener("pointerup", () => this.toolbar.rest());
    this.exact.addEventListener("input", () => this.exact.value && this.move(+this.exact.value));
    this.exact.addEventListener("change", () => this.toolbar.commit());
    this.exact.addEventListener("blur", () => (this.exact.value = writeShort(this.value)));
  }

  fill() {
    const { data } = this;
    this.main.hidden = !data.marks.length;
    this.exact.setAttribute("aria-label", data.exact);
    Object.assign(this.exact, { min: data.low, max: data.high, step: data.whole ? 1 : "any" });
  }

  /** Show a value; one between two marks becomes a mark of its own. */
  showValue(value) {
    this.value = value;
    if (!this.marks?.includes(value)) {
      this.marks = [...new Set([...this.data.marks, value])].sort((a, b) => a - b);
      this.main.max = this.marks.length - 1;
    }
    this.main.value = this.marks.indexOf(value);
    this.main.setAttribute("aria-valuetext", value);
    if (document.activeElement !== this.exact) this.exact.value = writeShort(value);
  }

  move(value) {
    this.direction = Math.sign(value - this.value) || 1;
    this.showValue(value);
    this.toolbar.follow(this);
  }

  listNext() {
    const at = this.marks.indexOf(this.value);
    const steps = [this.direction, 2 * this.direction, -this.direction];
    return steps.map((step) => this.marks[at + step]).filter((value) => value !== undefined);
  }
};

KINDS.choice = class extends Control {
  build() {
    this.main = document.createElement("select");
    this.box.append(this.main);
    this.main.addEventListener("change", () => this.choose(this.data.options[this.main.selectedIndex][0]));
  }

  fill() {
    const options = this.data.options.map(([, label]) => new Option(label));
    this.main.replaceChildren(...options);
  }

  showValue(value) {
    this.value = value;
    this.main.selectedIndex = this.data.options.findIndex(([code]) => code === value);
  }
};

KINDS.toggle = class extends Control {
  build() {
    this.main = document.createElement("input");
    this.main.type = "checkbox";
    this.head.prepend(this.main);
    this.main.addEventListener("change", () => this.choose(this.main.checked));
  }

  showValue(value) {
    this.value = this.main.checked = value;
  }
};

KINDS.text = class extends Control {
  build() {
    this.main = document.createElement("input");
    this.main.type = "text";
    this.box.append(this.main);
    this.main.addEventListener("change", () => this.choose(this.main.value));
  }

  fill() {
    this.main.placeholder = this.data.hint;
  }

  showValue(value) {
    this.value = value;
    if (document.activeElement !== this.main) this.main.value = value;
  }
};

/** A setting without a control of its own yet: the page draws one once it knows the value. */
KINDS.unseen = class {
  constructor(toolbar, kind, name) {
    Object.assign(this, { toolbar, kind, name, box: document.createElement("div") });
  }

  showValue(value) {
    this.value = value;
  }

  listNext() {
    return [];
  }
};
