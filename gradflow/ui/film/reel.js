// The frames of one run, as the server packs them (core/training/frame.py, ui/training/films.py), and
// what a figure draws of them.

const NUMBERS = ["low", "high", "zeros", "nonfinite", "level"];
const BANDS = 2; // the activations, and a gradient
const FLOAT = 4; // bytes
const SHADE_GAMMA = 0.65; // as charts/flow/data.py has it

export class Reel {
  constructor(run) {
    this.frames = [];
    this.follow(run);
  }

  /** Take what the page says of the run by now. */
  follow(run) {
    Object.assign(this, run);
  }

  get isComplete() {
    return this.frames.length >= this.count;
  }

  get last() {
    return this.frames.at(-1);
  }

  /** Fetch the frames that are not there yet. */
  async fetch(gradient) {
    const first = this.gradient === gradient ? this.frames.length : 0;
    const address = `${this.address}&gradient=${gradient}&first=${first}`;
    const answer = await fetch(new URL(address, document.baseURI).href);
    if (!answer.ok) throw new Error(`${answer.status}`);
    const frames = unpackFrames(new Uint8Array(await answer.arrayBuffer()));
    this.frames = first ? [...this.frames, ...frames] : frames;
    this.gradient = gradient;
  }

  /** Find the frames on either side of a step, and how far between them it is. */
  findAround(step) {
    const { frames } = this;
    let low = 0;
    let high = frames.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (frames[middle].step <= step) low = middle;
      else high = middle;
    }
    const from = frames[low];
    const to = frames[low + 1];
    const share = to ? (step - from.step) / (to.step - from.step) : 0;
    return { from, to: share > 0 ? to : undefined, share: Math.max(0, share) };
  }
}

/** Unpack what the server has answered. */
function unpackFrames(bytes) {
  const end = bytes.indexOf(10);
  const { layers, bins, steps, losses } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const count = BANDS * NUMBERS.length * layers;
  const size = count * FLOAT + BANDS * layers * bins;
  return steps.map((step, i) => {
    const start = end + 1 + i * size;
    const numbers = new Float32Array(bytes.slice(start, start + count * FLOAT).buffer);
    const shades = bytes.slice(start + count * FLOAT, start + size);
    return { step, loss: losses[i], layers, bins, numbers, shades, drawn: new Map() };
  });
}

/** Read a number of a layer: one of `NUMBERS`, of a band. */
export function readNumber({ numbers, layers }, band, name, layer) {
  return numbers[(band * NUMBERS.length + NUMBERS.indexOf(name)) * layers + layer];
}

/** Draw a band of a frame on the rows of a grid: shares and shades, row after row from the lowest. */
export function drawBand(frame, band, grid) {
  const key = `${band} ${grid.kind} ${grid.low} ${grid.step} ${grid.rows} ${grid.threshold}`;
  if (!frame.drawn.has(key)) {
    if (frame.drawn.size > BANDS) frame.drawn.clear(); // those of axes of before
    frame.drawn.set(key, spreadBand(frame, band, grid));
  }
  return frame.drawn.get(key);
}

function spreadBand(frame, band, grid) {
  const { layers } = frame;
  const share = new Float32Array(grid.rows * layers);
  const shade = new Uint8Array(grid.rows * layers);
  const beyond = [];
  const edges = Array.from({ length: grid.rows + 1 }, (_, i) => convertToValue(grid, grid.low + i * grid.step));
  const zeroRow = edges.findLastIndex((edge) => edge <= 0);
  for (let layer = 0; layer < layers; layer++) {
    const zeros = readNumber(frame, band, "zeros", layer);
    const rows = spreadColumn(frame, band, layer, edges);
    const full = Math.max(...rows.inside) || 1;
    if (!band && zeros > 0 && zeroRow >= 0 && zeroRow < grid.rows) rows.inside[zeroRow] += zeros;
    rows.inside.forEach((part, row) => {
      share[row * layers + layer] = part;
      shade[row * layers + layer] = Math.ceil(255 * Math.min(part / full, 1) ** SHADE_GAMMA);
    });
    beyond.push({ below: rows.below, above: rows.above });
  }
  return { share, shade, beyond };
}

/** Spread the entries of a column over rows with these edges, as shares of all entries. */
function spreadColumn(frame, band, layer, edges) {
  const { bins, layers, shades } = frame;
  const [low, high, zeros, nonfinite] = NUMBERS.map((name) => readNumber(frame, band, name, layer));
  const inside = new Float64Array(edges.length - 1);
  if (Number.isNaN(low)) return { inside, below: 0, above: 0 };
  const start = (band * layers + layer) * bins;
  const under = new Float64Array(bins + 1); // entries below each edge of the bins
  for (let i = 0; i < bins; i++) under[i + 1] = under[i] + (shades[start + i] / 255) ** 2;
  const all = under[bins];
  const part = (1 - zeros - nonfinite) / (all || 1);
  const count = (value) => {
    if (low === high) return value > low ? all : 0;
    const place = Math.min(bins, Math.max(0, ((value - low) / (high - low)) * bins));
    const bin = Math.min(bins - 1, Math.floor(place));
    return under[bin] + (place - bin) * (under[bin + 1] - under[bin]);
  };
  const counts = edges.map(count);
  for (let row = 0; row < inside.length; row++) inside[row] = part * (counts[row + 1] - counts[row]);
  return { inside, below: part * counts[0], above: part * (all - counts.at(-1)) };
}

/** Convert a coordinate of a grid to a value, as `Grid.from_axis` of charts/rebin.py does. */
export function convertToValue({ kind, threshold }, coordinate) {
  if (kind !== "symlog") return coordinate;
  return Math.sign(coordinate) * threshold * Math.expm1(Math.abs(coordinate) * Math.LN10);
}
