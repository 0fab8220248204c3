// Elements of the page that our scripts make, and how they bring something into view.

export function addElement(parent, tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}

export function addButton(parent, className, text, press) {
  const button = addElement(parent, "button", className, text);
  button.type = "button";
  button.addEventListener("click", press);
  return button;
}

/** Add a part of a drawing in SVG. */
export function addDrawing(parent, tag, attributes = {}) {
  const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
  parent.append(part);
  return part;
}

/** Scroll to an element, at once for those who want no motion. */
export function scrollTo(element, block) {
  element.scrollIntoView({ block, behavior: wantsCalm() ? "instant" : "smooth" });
}

/** Whether the reader has asked their system for little motion. */
export function wantsCalm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
