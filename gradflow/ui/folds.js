// Buttons that unfold a panel over what follows; one panel is open at a time.

import { addButton, addElement } from "./elements.js";

/** Add a button and its panel. */
export function addFold(parent, text) {
  const box = addElement(parent, "div", "gf-fold");
  const button = addButton(box, "gf-button", text, () => {
    const isOpen = box.classList.contains("gf-open");
    close();
    if (!isOpen) setOpen(box, true);
  });
  button.setAttribute("aria-expanded", "false");
  return { box, panel: addElement(box, "div", "gf-panel") };
}

function setOpen(box, isOpen) {
  box.classList.toggle("gf-open", isOpen);
  box.firstElementChild.setAttribute("aria-expanded", isOpen);
}

/** Close the open panel, if what is touched lies outside of it. */
function close(touched) {
  const open = document.querySelector(".gf-open");
  if (open && !open.contains(touched)) setOpen(open, false);
  return open;
}

document.addEventListener("pointerdown", ({ target }) => close(target));
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") close()?.firstElementChild.focus();
});
