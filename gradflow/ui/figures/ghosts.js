// Lines over the gradient of a Flow figure that are not its own: a cure that is looked at, and the
// river before a cure was applied.

import { addButton, addElement } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";

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
    const line = findLine(this.graph.plot);
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
    if (!this.lines.size || !drawn || !findLine(plot)) return;
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
    const [top, bottom] = findBand(plot);
    const svg = this.layer.appendChild(document.createElementNS(SVG, "svg"));
    svg.setAttribute("aria-hidden", "true");
    svg.style.clipPath = `inset(${top}px 0 ${this.layer.offsetHeight - bottom}px 0)`;
    for (const part of ["casing", name]) {
      const line = svg.appendChild(document.createElementNS(SVG, "polyline"));
      line.setAttribute("class", `gf-ghost-${part}`);
      line.setAttribute("points", points.map((point) => point.join(",")).join(" "));
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

/** Place levels in a figure, in pixels. */
function placeLevels(plot, levels) {
  const { xaxis, yaxis2 } = plot._fullLayout; // Plotly has no public way from values to pixels
  const [first] = listItems(findLine(plot).x);
  return levels.flatMap((level, i) => {
    const across = xaxis.d2p(first + i);
    if (!Number.isFinite(level) || across < 0 || across > xaxis._length) return [];
    return [[xaxis._offset + across, yaxis2._offset + yaxis2.d2p(level)]];
  });
}

/** Find where the band of the gradient begins and ends, in pixels. */
function findBand(plot) {
  const { _offset, _length } = plot._fullLayout.yaxis2;
  return [_offset, _offset + _length];
}

function findLine(plot) {
  return plot.data?.find(({ meta, yaxis }) => meta?.spoken && yaxis === "y2");
}

function nameAxis(plot) {
  return plot.layout.yaxis2.title.text;
}

function listItems(array) {
  return Array.from(array._inputArray ?? array);
}
