// What a reader of this screen could not read: a list of sentences. Settled figures are expected.
() => {
  const TOLERANCE = 3; // pixels
  const faults = [];
  const screen = document.documentElement.clientWidth;
  const isGone = (element) => element.closest("[data-retained]"); // of the page before

  const frames = [document.documentElement, ...document.querySelectorAll(".stMain, .stMain > *")];
  const widest = Math.max(...frames.map((element) => element.scrollWidth));
  if (widest > screen + 1) faults.push(`the page scrolls sideways: ${widest} px`);

  const scrolls = (element) => {
    for (let e = element.parentElement; e && !e.matches(".stMain"); e = e.parentElement) {
      const holds = e.getBoundingClientRect().right <= screen + 1;
      if (holds && getComputedStyle(e).overflowX !== "visible") return true;
    }
    return false;
  };
  for (const element of document.querySelectorAll(".stMain *")) {
    if (element.closest("svg") || isGone(element)) continue;
    const { right, width, height } = element.getBoundingClientRect();
    if (right <= screen + 1 || !width || !height || scrolls(element)) continue;
    faults.push(`sticks out to ${Math.round(right)} px: ${element.textContent.slice(0, 40)}`);
    break;
  }

  const isSeen = (text) => {
    const { visibility, opacity, display, fontSize } = getComputedStyle(text);
    const isHover = text.closest(".hoverlayer");
    return text.textContent.trim() && !isHover && visibility !== "hidden" && opacity > 0 &&
      display !== "none" && parseFloat(fontSize) > 0;
  };
  /** Measure the lines of a text that are not blank. */
  const measureInk = (text) => {
    const lines = [...text.querySelectorAll("tspan.line")];
    const inked = lines.filter((line) => line.textContent.trim());
    if (inked.length === lines.length) return text.getBoundingClientRect();
    const boxes = inked.map((line) => line.getBoundingClientRect());
    const [left, top] = ["left", "top"].map((side) => Math.min(...boxes.map((at) => at[side])));
    const [right, bottom] = ["right", "bottom"].map((s) => Math.max(...boxes.map((at) => at[s])));
    return { left, top, right, bottom, width: right - left, height: bottom - top };
  };
  for (const plot of document.querySelectorAll(".gf-plot")) {
    const box = plot.getBoundingClientRect();
    if (!box.width || isGone(plot)) continue;
    const name = plot.getAttribute("aria-label").slice(0, 40);
    const texts = [...plot.querySelectorAll("text")].filter(isSeen);
    const shown = texts
      .map((text) => ({ words: text.textContent.trim().slice(0, 40), at: measureInk(text) }))
      .filter(({ at }) => at.width > 2 && at.height > 2);
    shown.forEach(({ words, at }, i) => {
      const out = Math.max(
        box.left - at.left, at.right - box.right, box.top - at.top, at.bottom - box.bottom,
      );
      if (out > TOLERANCE) faults.push(`${name}: cut by ${Math.round(out)} px: ${words}`);
      for (const other of shown.slice(i + 1)) {
        const across = Math.min(at.right, other.at.right) - Math.max(at.left, other.at.left);
        const down = Math.min(at.bottom, other.at.bottom) - Math.max(at.top, other.at.top);
        if (across <= TOLERANCE || down <= TOLERANCE) continue;
        faults.push(`${name}: ${words} × ${other.words} (${Math.round(across)}×${Math.round(down)})`);
      }
    });
  }
  return faults;
}
