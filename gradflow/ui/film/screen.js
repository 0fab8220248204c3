// A film on a Flow figure. While it moves, a canvas over the figure shows it; where it rests, the
// figure itself is that of the step, with its hovers.

import { addElement } from "./elements.js";
import { listColours } from "./growth.js";
import { formatNumber } from "./hover.js";
import { findBand, findPixel, nameKey } from "./places.js";
import { convertToValue, drawBand, readNumber } from "./reel.js";

const SIGNAL = 0;
const GRADIENT = 1;
const Y_AXES = ["y", "y2"];
const ZEROS_AXIS = "y3";
const MARKED_SHARE = 0.006; // as in charts/flow/data.py
const LOW_TAIL = 0.1; // as in charts/flow/grids.py
const INSET = 0.035; // of an axis, for marks at its ends
const MARK = 5; // pixels from the middle of a mark to its side
const OWN = ["marks", "nothing finite"]; // traces of marks, which are made anew

/** Read what a figure says of the film that it shows; nothing of another figure. */
export function readFilm(figure) {
  return figure?.layout?.meta?.film;
}

/** Put frames into a figure, one for each of its panels. */
export function composeFigure(figure, frames, words) {
  const film = readFilm(figure);
  const grids = findGrids(figure);
  const data = figure.data.filter(({ name }) => !OWN.includes(name));
  film.letters.forEach((letter, panel) => {
    const frame = frames.get(letter);
    if (!frame) return;
    const hovers = Y_AXES.map((_, band) => describeLayers(frame, band, film, words));
    data.forEach((trace, i) => {
      if (trace.xaxis === nameAxis("x", panel)) data[i] = fillTrace(trace, frame, grids, hovers);
    });
    for (const band of [SIGNAL, GRADIENT]) {
      const marks = listMarks(frame, band, grids[band], film.colours);
      if (marks.length) data.push(drawMarks(marks, band, panel, film.colours));
    }
  });
  return { ...figure, data };
}

function fillTrace(trace, frame, grids, hovers) {
  const { type, name, yaxis, meta } = trace;
  const band = Y_AXES.indexOf(yaxis ?? "y");
  const levels = () => listLayers(frame, (layer) => keep(readNumber(frame, GRADIENT, "level", layer)));
  if (type === "heatmap") return { ...trace, ...fillHeatmap(frame, band, grids[band]) };
  if (name === "layers") return { ...trace, hovertext: hovers[band] };
  if (yaxis === ZEROS_AXIS) {
    const zeros = listLayers(frame, (layer) => 100 * readNumber(frame, GRADIENT, "zeros", layer));
    return { ...trace, y: zeros, hovertext: hovers[GRADIENT] };
  }
  if (name === "casing" || meta?.spoken) return { ...trace, y: levels() };
  return trace;
}

function fillHeatmap(frame, band, grid) {
  const { shade, share } = drawBand(frame, band, grid);
  const cut = (array) =>
    Array.from({ length: grid.rows }, (_, row) =>
      array.subarray(row * frame.layers, (row + 1) * frame.layers),
    );
  const parts = cut(share);
  if (grid.kind !== "symlog") return { z: cut(shade), customdata: parts };
  const pairs = parts.map((row, i) => {
    const value = convertToValue(grid, grid.low + (i + 0.5) * grid.step);
    return Array.from(row, (part) => [part, value]);
  });
  return { z: cut(shade), customdata: pairs };
}

function describeLayers(frame, band, { symbol }, words) {
  return listLayers(frame, (layer) => {
    const read = (name) => readNumber(frame, band, name, layer);
    const level = band === SIGNAL ? read("level") : 10 ** read("level");
    const spread = Number.isFinite(level) ? formatNumber(level) : "–";
    const lines = [
      band === SIGNAL
        ? `${words.activation}: ${words.deviation} ${spread}`
        : `|${symbol}|: ${words.rms} ${spread}`,
    ];
    for (const name of ["zeros", "nonfinite"]) {
      if (read(name) > 0) lines.push(`${words[name]} ${formatNumber(100 * read(name))}%`);
    }
    return lines.join("<br>");
  });
}

/** List the marks of a band: places, symbols and colours. */
function listMarks(frame, band, grid, { alarm, ink }) {
  const { beyond } = drawBand(frame, band, grid);
  const height = grid.rows * grid.step;
  const top = grid.low + (1 - INSET) * height;
  const bottom = grid.low + INSET * height;
  return beyond.flatMap(({ below, above }, layer) => {
    const isBroken = readNumber(frame, band, "nonfinite", layer) > 0;
    const x = layer + 1;
    return [
      ...(isBroken ? [{ x, y: top, symbol: "x", colour: alarm }] : []),
      ...(above > MARKED_SHARE && !isBroken ? [{ x, y: top, symbol: "triangle-up", colour: ink }] : []),
      ...(below > (band ? LOW_TAIL : MARKED_SHARE) ? [{ x, y: bottom, symbol: "triangle-down", colour: ink }] : []),
    ];
  });
}

function drawMarks(marks, band, panel, { page }) {
  return {
    type: "scatter", name: "marks", mode: "markers", hoverinfo: "skip",
    xaxis: nameAxis("x", panel), yaxis: Y_AXES[band],
    x: marks.map(({ x }) => x), y: marks.map(({ y }) => y),
    marker: {
      symbol: marks.map(({ symbol }) => symbol), size: 2 * MARK + 1,
      color: marks.map(({ colour }) => colour), line: { color: page, width: 1.5 },
    },
  };
}

/** Find the rows of both bands. */
function findGrids(figure) {
  const { kind, threshold, rows } = readFilm(figure);
  return Y_AXES.map((axis, band) => {
    const { y0, dy } = figure.data.find(({ type, yaxis }) => type === "heatmap" && (yaxis ?? "y") === axis);
    return { kind: band ? "log10" : kind, threshold, low: y0 - dy / 2, step: dy, rows: rows[band] };
  });
}

/** The canvas over a figure. */
export class Screen {
  constructor(graph) {
    this.graph = graph;
  }

  /** Show frames on their way: of each panel's run those on either side, and the share between. */
  show(moments) {
    const { plot, drawn } = this.graph;
    this.open();
    const { context, canvas } = this;
    context.clearRect(0, 0, canvas.width, canvas.height);
    const grids = findGrids(drawn);
    const { letters, colours } = readFilm(drawn);
    letters.forEach((letter, panel) => {
      const moment = moments.get(letter);
      if (!moment) return;
      const find = (isWanted) => {
        const index = drawn.data.findIndex(
          (trace) => trace.xaxis === nameAxis("x", panel) && isWanted(trace),
        );
        return index < 0 ? undefined : new Place(plot, drawn.data[index], plot.data[index]);
      };
      for (const band of [SIGNAL, GRADIENT]) {
        const place = find(({ type, yaxis }) => type === "heatmap" && yaxis === Y_AXES[band]);
        this.within(place, () => {
          this.paintBand(moment, band, grids[band], place);
          this.paintMarks(moment, listMarks(moment.from, band, grids[band], colours), place);
        });
      }
      const line = find(({ meta }) => meta?.spoken);
      const casing = find(({ name }) => name === "casing");
      this.within(line, () => this.paintLine(moment, line, casing));
      const bars = find(({ yaxis }) => yaxis === ZEROS_AXIS);
      if (bars) this.within(bars, () => this.paintZeros(moment, bars));
    });
  }

  open() {
    const { plot, box } = this.graph;
    const { offsetWidth, offsetHeight, offsetTop, offsetLeft } = plot;
    const scale = devicePixelRatio;
    const size = [offsetWidth * scale, offsetHeight * scale].map(Math.round);
    if (!this.canvas) {
      this.canvas = addElement(box, "canvas", "gf-screen");
      this.canvas.setAttribute("aria-hidden", "true");
      this.context = this.canvas.getContext("2d");
      plot.classList.add("gf-filming");
    }
    if (this.canvas.width === size[0] && this.canvas.height === size[1]) return;
    [this.canvas.width, this.canvas.height] = size;
    Object.assign(this.canvas.style, {
      width: `${offsetWidth}px`, height: `${offsetHeight}px`,
      top: `${offsetTop}px`, left: `${offsetLeft}px`,
    });
    this.context.scale(scale, scale);
    this.context.imageSmoothingEnabled = false;
  }

  /** Let the figure itself be seen again. */
  close() {
    this.canvas?.remove();
    this.canvas = undefined;
    this.graph.plot.classList.remove("gf-filming");
  }

  /** Paint within a panel alone. */
  within({ left, top, width, height }, paint) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    paint();
    context.restore();
  }

  paintBand({ from, to, share }, band, grid, place) {
    const { context } = this;
    const colours = listColours(place.trace.colorscale);
    const left = place.findX(0.5);
    const top = place.findY(grid.low + grid.rows * grid.step);
    const size = [place.findX(from.layers + 0.5) - left, place.findY(grid.low) - top];
    // Two pictures that add up: light of one frame goes as that of the next one comes.
    context.globalCompositeOperation = "lighter";
    for (const [frame, weight] of [[from, to ? 1 - share : 1], [to, share]]) {
      if (!frame || weight <= 0) continue;
      context.globalAlpha = weight;
      context.drawImage(makePicture(frame, band, grid, colours), left, top, ...size);
    }
  }

  paintMarks({ to, share }, marks, place) {
    const { context } = this;
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = to ? 1 - share : 1;
    context.lineWidth = 3;
    for (const { x, y, symbol, colour } of marks) {
      const [left, top] = [place.findX(x), place.findY(y)];
      const up = symbol === "triangle-down" ? -MARK : MARK;
      context.beginPath();
      if (symbol === "x") {
        for (const side of [-MARK, MARK]) {
          context.moveTo(left - side, top - MARK);
          context.lineTo(left + side, top + MARK);
        }
        context.strokeStyle = colour;
        context.stroke();
        continue;
      }
      context.moveTo(left, top - up);
      context.lineTo(left + MARK, top + up);
      context.lineTo(left - MARK, top + up);
      context.fillStyle = colour;
      context.fill();
    }
  }

  paintLine(moment, place, casing) {
    const { context } = this;
    const { line, mode, marker } = place.trace;
    const points = listLayers(moment.from, (layer) => {
      const level = mixNumbers(moment, "level", layer);
      return [place.findX(layer + 1), place.findY(level), Number.isFinite(level)];
    });
    context.lineJoin = "round";
    for (const { color, width } of [casing.trace.line, line]) {
      context.beginPath();
      points.forEach(([x, y, isThere], i) => {
        if (!isThere) return;
        if (i && points[i - 1][2]) context.lineTo(x, y);
        else context.moveTo(x, y);
      });
      context.strokeStyle = color;
      context.lineWidth = width;
      context.stroke();
    }
    if (!mode.includes("markers")) return;
    const edge = marker.line;
    Object.assign(context, { fillStyle: marker.color, strokeStyle: edge.color, lineWidth: edge.width });
    for (const [x, y, isThere] of points) {
      if (!isThere) continue;
      context.beginPath();
      context.arc(x, y, marker.size / 2, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }

  paintZeros(moment, place) {
    const { context } = this;
    const { width, marker } = place.trace;
    context.fillStyle = marker.color;
    const bottom = place.findY(0);
    for (let layer = 0; layer < moment.from.layers; layer++) {
      const left = place.findX(layer + 1 - width / 2);
      const top = place.findY(100 * mixNumbers(moment, "zeros", layer));
      context.fillRect(left, top, place.findX(layer + 1 + width / 2) - left, bottom - top);
    }
  }
}

/** Where a trace is on the screen. On a narrow one it may stand on other axes than it came with. */
class Place {
  constructor(plot, trace, { xaxis, yaxis }) {
    this.plot = plot;
    this.trace = trace;
    this.x = nameKey(xaxis);
    this.y = nameKey(yaxis);
    [this.left, this.width] = findBand(plot, this.x);
    [this.top, this.height] = findBand(plot, this.y);
  }

  findX(value) {
    return findPixel(this.plot, this.x, value);
  }

  findY(value) {
    return findPixel(this.plot, this.y, value);
  }
}

function mixNumbers({ from, to, share }, name, layer) {
  const value = readNumber(from, GRADIENT, name, layer);
  return to ? value * (1 - share) + readNumber(to, GRADIENT, name, layer) * share : value;
}

/** Make a picture of a band, one pixel per layer and row; it is kept with the frame. */
function makePicture(frame, band, grid, colours) {
  const drawn = drawBand(frame, band, grid);
  if (drawn.colours === colours) return drawn.picture;
  const { layers } = frame;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: layers, height: grid.rows });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(layers, grid.rows);
  for (let row = 0; row < grid.rows; row++) {
    for (let layer = 0; layer < layers; layer++) {
      const at = 4 * ((grid.rows - 1 - row) * layers + layer);
      const colour = 4 * drawn.shade[row * layers + layer];
      for (let i = 0; i < 4; i++) pixels.data[at + i] = colours[colour + i];
    }
  }
  context.putImageData(pixels, 0, 0);
  Object.assign(drawn, { picture: canvas, colours });
  return canvas;
}

function listLayers({ layers }, make) {
  return Array.from({ length: layers }, (_, layer) => make(layer));
}

function keep(value) {
  return Number.isFinite(value) ? value : null;
}

function nameAxis(letter, panel) {
  return panel ? `${letter}${panel + 1}` : letter;
}
