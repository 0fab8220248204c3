// Light and dark.

/** Tell whether the page is light or dark, as it looks now. */
export function findMode(element) {
  // What is in a popover stands outside of the app.
  const app = element.closest(".stApp") ?? document.querySelector(".stApp");
  const colour = getComputedStyle(app).backgroundColor;
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  return red + green + blue < 3 * 128 ? "dark" : "light";
}
