// A change of a Flow figure is shown as change: the new distributions grow out of the old ones.
//
// Each column of a heatmap is a distribution. Between two of them every quantile moves straight to
// its new place; the images that Plotly has drawn show that, and in the end themselves again.

import { wantsCalm } from "./elements.js";
import { listItems } from "./places.js";

const DURATION = 300; // milliseconds
const XLINK = "http://www.w3.org/1999/xlink";
const PARTS = 48; // of equal weight, into which a distribution is cut

/** The distributions of one figure, as they are drawn now. */
export class Growth {
  constructor(plot) {
    this.plot = plot;
    this.shown = []; // for each heatmap, the quantiles of each column
  }

  /** End what moves, before the figure is drawn anew. */
  stop() {
    cancelAnimationFrame(this.frame);
    for (const { image, source } of this.bands ?? []) setSource(image, source);
    this.bands = undefined;
  }

  /** Let the figure, which has just been drawn, grow out of what was shown before.
   *
   * Under a hand it shows itself at once.
   */
  start(isHeld = false) {
    const before = this.shown;
    const bands = listBands(this.plot);
    this.shown = bands.map(({ columns }) => columns);
    if (!before.length || before.length !== bands.length || isHeld || wantsCalm()) return;
    this.bands = bands.map((band, i) => ({ ...band, from: matchColumns(before[i], band.columns) }));
    const begun = performance.now();
    const step = (now) => {
      const share = ease(Math.min(1, Math.max(0, now - begun) / DURATION));
      this.shown = this.bands.map((band) => drawBetween(band, share));
      if (share < 1) this.frame = requestAnimationFrame(step);
      else this.stop();
    };
    step(begun);
    for (const lines of this.plot.querySelectorAll(".scatterlayer, .barlayer")) {
      lines.animate({ opacity: [0, 1] }, DURATION);
    }
  }
}

/** List the heatmaps of a figure: their rows, columns, colours and drawn images. */
function listBands(plot) {
  const images = plot.querySelectorAll(".heatmaplayer image");
  const traces = plot.data.filter(({ type, visible }) => type === "heatmap" && visible !== false);
  if (images.length !== traces.length) return [];
  return traces.map((trace, i) => {
    const rows = listItems(trace.z);
    const { y0, dy } = trace;
    const low = y0 - dy / 2;
    return {
      image: images[i],
      source: images[i].getAttributeNS(XLINK, "href"),
      low,
      step: dy,
      rows: rows.length,
      colours: listColours(trace.colorscale),
      columns: Array.from(rows[0], (_, column) => cutColumn(rows, column, low, dy)),
    };
  });
}

/** Cut the distribution of a column into parts of equal weight: their ends; nothing if empty. */
export function cutColumn(rows, column, low, step) {
  let weight = 0;
  for (const row of rows) weight += row[column];
  if (!weight) return undefined;
  const ends = new Float64Array(PARTS + 1);
  let below = 0;
  let end = 0;
  for (let i = 0; i < rows.length && end <= PARTS; i++) {
    const own = rows[i][column];
    while (own && end <= PARTS && (end / PARTS) * weight <= below + own) {
      ends[end] = low + step * (i + ((end / PARTS) * weight - below) / own);
      end++;
    }
    below += own;
  }
  for (; end <= PARTS; end++) ends[end] = ends[end - 1]; // what rounding has left over
  return ends;
}

/** Find for each column that it grows out of: the one as far from the input as it is itself. */
function matchColumns(before, columns) {
  const scale = (before.length - 1) / Math.max(1, columns.length - 1);
  return columns.map((ends, i) => {
    const from = before[Math.round(i * scale)] ?? ends;
    return from && ends ? from : undefined; // nothing grows out of an empty column
  });
}

/** Draw the columns on their way; return them as they are drawn. */
function drawBetween({ image, low, step, rows, colours, columns, from }, share) {
  const canvas = new Picture(columns.length, rows);
  const between = columns.map((ends, column) => {
    if (!ends || !from[column]) return ends;
    const places = ends.map((end, k) => from[column][k] * (1 - share) + end * share);
    canvas.fill(column, weighRows(places, low, step, rows), colours);
    return places;
  });
  columns.forEach((ends, column) => {
    if (ends && !from[column]) canvas.fill(column, weighRows(ends, low, step, rows), colours, share);
  });
  setSource(image, canvas.write());
  return between;
}

/** Spread parts of equal weight over rows; the fullest row gets 1. */
export function weighRows(ends, low, step, rows) {
  const weights = new Float64Array(rows);
  for (let k = 0; k + 1 < ends.length; k++) {
    const start = (ends[k] - low) / step;
    const width = Math.max((ends[k + 1] - ends[k]) / step, 1e-6);
    const last = Math.min(rows - 1, Math.floor(start + width));
    for (let row = Math.max(0, Math.floor(start)); row <= last; row++) {
      const covered = Math.min(row + 1, start + width) - Math.max(row, start);
      if (covered > 0) weights[row] += covered / width;
    }
  }
  const fullest = Math.max(...weights);
  return fullest ? weights.map((weight) => weight / fullest) : weights;
}

/** A picture of one pixel per column and row, the lowest row at the bottom. */
class Picture {
  constructor(columns, rows) {
    this.canvas = document.createElement("canvas");
    this.canvas.width = columns;
    this.canvas.height = rows;
    this.context = this.canvas.getContext("2d");
    this.pixels = this.context.createImageData(columns, rows);
    this.columns = columns;
  }

  fill(column, weights, colours, opacity = 1) {
    weights.forEach((weight, row) => {
      const at = 4 * ((weights.length - 1 - row) * this.columns + column);
      const colour = 4 * Math.round(255 * weight);
      for (let i = 0; i < 4; i++) this.pixels.data[at + i] = colours[colour + i];
      this.pixels.data[at + 3] *= opacity;
    });
  }

  write() {
    this.context.putImageData(this.pixels, 0, 0);
    return this.canvas.toDataURL();
  }
}

const palettes = new Map();

/** List 256 colours of a scale, four numbers each. */
export function listColours(scale) {
  const name = JSON.stringify(scale);
  if (!palettes.has(name)) {
    const canvas = document.createElement("canvas");
    canvas.width = 256;
    canvas.height = 1;
    const context = canvas.getContext("2d");
    const gradient = context.createLinearGradient(0, 0, 256, 0);
    for (const [place, colour] of scale) gradient.addColorStop(place, colour);
    context.fillStyle = gradient;
    context.fillRect(0, 0, 256, 1);
    const colours = context.getImageData(0, 0, 256, 1).data;
    colours.fill(0, 0, 4); // an empty row
    palettes.set(name, colours);
  }
  return palettes.get(name);
}

function setSource(image, source) {
  image.setAttributeNS(XLINK, "href", source);
}

function ease(share) {
  return 1 - (1 - share) ** 3;
}
