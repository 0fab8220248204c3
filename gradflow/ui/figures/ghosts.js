// Lines over the gradient of a Flow figure that are not its own: a cure that is looked at, and the
// river before a cure was applied.

import { addButton, addDrawing, addElement } from "./elements.js";
import { findBand, findGradientLine, findPixel, listItems } from "./places.js";

export class Ghosts {
  constructor(graph) {
    this.graph = graph;
    this.lines = new Map(); // by name
  }

  /**
   * Show a line.
   * @param {object} line what it is called (`label`), log10 of the RMS gradient of each column
   *   (`levels`), and the `severity` in whose colour it is drawn
   */
  show(name, line) {
    this.lines.set(name, line);
    this.draw();
  }

  hide(name) {
    if (this.lines.delete(name)) this.draw();
  }

  /** Keep the line of now as that before a change to this setting. */
  keepBefore(setting) {
    const line = findGradientLine(this.graph.plot);
    if (!line) return;
    const { head } = this.graph;
    this.lines.delete("before");
    this.kept = { setting, from: head.setting, label: head.before, levels: listItems(line.y) };
    this.kept.meaning = nameAxis(this.graph.plot);
  }

  /** Show what is known of before, as long as nothing else is changed. */
  follow({ setting, undo }) {
    const { kept } = this;
    if (!kept) return;
    const isApplied = kept.setting === setting;
    if (!isApplied && kept.from === setting && !kept.isApplied) return; // not there yet
    this.lines.delete("before");
    if (isApplied && !kept.isHidden) this.lines.set("before", kept);
    kept.isApplied = isApplied;
    this.graph.line.offerUndo(isApplied ? undo : "");
    if (!isApplied) this.kept = undefined;
  }

  /** Draw all lines where the figure's axes are now. */
  draw() {
    const { box, plot, drawn } = this.graph;
    this.layer?.remove();
    this.layer = undefined;
    if (!this.lines.size || !drawn || !findGradientLine(plot)) return;
    this.layer = addElement(box, "div", "gf-ghosts");
    const { offsetTop, offsetLeft, offsetWidth, offsetHeight } = plot;
    this.layer.style.cssText =
      `top:${offsetTop}px;left:${offsetLeft}px;width:${offsetWidth}px;height:${offsetHeight}px`;
    for (const [name, line] of this.lines) {
      if (!line.meaning || line.meaning === nameAxis(plot)) this.drawLine(name, line);
    }
  }

  drawLine(name, { label, levels, severity }) {
    const { plot } = this.graph;
    const points = placeLevels(plot, levels);
    if (!points.length) return;
    const [top, height] = findBand(plot, "yaxis2");
    const bottom = top + height;
    const svg = addDrawing(this.layer, "svg", { "aria-hidden": "true" });
    svg.style.clipPath = `inset(${top}px 0 ${this.layer.offsetHeight - bottom}px 0)`;
    const path = points.map((point) => point.join(",")).join(" ");
    for (const part of ["casing", name]) {
      const line = addDrawing(svg, "polyline", { class: `gf-ghost-${part}`, points: path });
      if (severity) line.dataset.severity = severity;
    }
    const [x, y] = points[0];
    const note = this.addNote(name, y < top ? `${label} ↑` : y > bottom ? `${label} ↓` : label);
    const place = Math.min(bottom, Math.max(top, y));
    note.style.left = `${x + 6}px`;
    note.style.top = `${place}px`;
    note.classList.toggle("gf-below", place - top < note.offsetHeight * 1.5);
  }

  addNote(name, text) {
    if (name !== "before") return addElement(this.layer, "span", "gf-ghost-label", text);
    return addButton(this.layer, "gf-ghost-label", `${text} ✕`, () => {
      this.kept.isHidden = true;
      this.hide(name);
    });
  }
}

/** Place levels in a figure, in pixels; those outside of it are left out. */
function placeLevels(plot, levels) {
  const [first] = listItems(findGradientLine(plot).x);
  const [start, length] = findBand(plot, "xaxis");
  return levels.flatMap((level, i) => {
    const x = findPixel(plot, "xaxis", first + i);
    if (!Number.isFinite(level) || x < start || x > start + length) return [];
    return [[x, findPixel(plot, "yaxis2", level)]];
  });
}

function nameAxis(plot) {
  return plot.layout.yaxis2.title.text;
}
