// Texts of the page with places for values, and numbers in formulas.

import { formatNumber } from "./hover.js";

/** Fill the places {name} of a text. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
}

/** Write a factor: a negative one in brackets. */
export function bracket(value) {
  const text = formatNumber(value);
  return value < 0 ? `(${text})` : text;
}
