// Whether the page is presented, and how much larger figures then are.

const DRAWN_WIDTH = 1020; // pixels for which figures are drawn: there, they are as the server made them
const LARGEST = 1.8;

export function isPresenting() {
  return document.documentElement.classList.contains("gf-presenting");
}

/** Find how much larger than drawn a figure is shown. */
export function findScale() {
  return isPresenting() ? Math.min(LARGEST, Math.max(1, innerWidth / DRAWN_WIDTH)) : 1;
}

/** Make the page look presented, or not: figures take their new size by themselves. */
export function setPresenting(value) {
  const { classList, style } = document.documentElement;
  classList.toggle("gf-presenting", value);
  style.setProperty("--gf-scale", findScale());
}
