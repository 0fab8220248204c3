// Drawings in SVG as text, and the little markup of our formulas: w_{3}^{(2)} is an index and an
// exponent.

const MARKS = /_\{([^}]*)\}|\^\{([^}]*)\}/g;

export function escape(text) {
  return String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}

/** Write a formula as HTML. */
export function writeHtml(formula) {
  return escape(formula).replace(MARKS, (_all, sub, sup) =>
    sub === undefined ? `<sup>${sup}</sup>` : `<sub>${sub}</sub>`,
  );
}

/** Write a formula without marks, as it is read aloud. */
export function writePlain(formula) {
  return formula.replace(MARKS, "$1$2");
}

function writeSpans(formula) {
  return escape(formula).replace(MARKS, (_all, sub, sup) => {
    const [shift, text] = sub === undefined ? [-0.34, sup] : [0.22, sub]; // of the letters' size
    const small = `<tspan dy="${shift / 0.75}em" font-size=".75em">${text}</tspan>`;
    return `${small}<tspan dy="${-shift}em">\u200b</tspan>`; // a letter of no width brings the line back
  });
}

export class Pen {
  constructor() {
    this.parts = [];
  }

  add(tag, attributes, content = "") {
    const pairs = Object.entries(attributes).filter(([, value]) => value !== undefined);
    const text = pairs.map(([name, value]) => `${name}="${typeof value === "number" ? round(value) : value}"`);
    this.parts.push(`<${tag} ${text.join(" ")}>${content}</${tag}>`);
  }

  line([x1, y1], [x2, y2], look, more = {}) {
    this.add("line", { x1, y1, x2, y2, class: look, ...more });
  }

  path(points, look, more = {}) {
    this.add("path", { d: joinPoints(points), class: look, ...more });
  }

  circle([cx, cy], r, look, more = {}) {
    this.add("circle", { cx, cy, r, class: look, ...more });
  }

  /** Draw a rectangle between two corners. */
  rect([x1, y1], [x2, y2], look, more = {}) {
    const [x, y] = [Math.min(x1, x2), Math.min(y1, y2)];
    this.add("rect", { x, y, width: Math.abs(x2 - x1), height: Math.abs(y2 - y1), class: look, ...more });
  }

  text([x, y], formula, look = "", anchor = "middle", more = {}) {
    this.add("text", { x, y, class: look, "text-anchor": anchor, ...more }, writeSpans(formula));
  }

  toString() {
    return this.parts.join("");
  }
}

/** Join points to a path that has gaps where they are not finite. */
function joinPoints(points) {
  let isDown = false;
  return points
    .map(([x, y]) => {
      if (!Number.isFinite(x + y)) {
        isDown = false;
        return "";
      }
      const text = `${isDown ? "L" : "M"}${round(x)} ${round(y)}`;
      isDown = true;
      return text;
    })
    .join("");
}

function round(value) {
  return Math.round(value * 100) / 100;
}
