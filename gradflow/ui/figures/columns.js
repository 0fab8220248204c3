// Panels that stand side by side and are too narrow for that are stacked beneath each other.

const NARROWEST = 150; // pixels of a panel, its axes not counted
const COMFORTABLE = 240;
const FLATTEST = 0.62; // height of a stacked panel by its width
const LOWEST = 200; // pixels

/** List the axes of a layout, "x" or "y", by their id (x, x2 …). */
export function listIds(layout, letter) {
  const names = Object.keys(layout).filter((name) => name.startsWith(`${letter}axis`));
  return names.map((name) => letter + name.slice(5));
}

export function getAxis(layout, id) {
  return layout[`${id[0]}axis${id.slice(1)}`];
}

/** List the extents of axes in shares of the plot, in order; those that overlap are one. */
export function listExtents(layout, letter) {
  const ids = listIds(layout, letter);
  const domains = ids.map((id) => [...(getAxis(layout, id).domain ?? [0, 1])]);
  domains.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const extents = [];
  for (const [low, high] of domains) {
    const last = extents.at(-1);
    if (last && low < last[1] - 1e-6) last[1] = Math.max(last[1], high);
    else extents.push([low, high]);
  }
  return extents.length ? extents : [[0, 1]];
}

/** Find the extent in which a place is, or which is next to it. */
export function findExtent(extents, place) {
  const far = ([low, high]) => Math.max(low - place, place - high, 0);
  return extents.reduce((best, e, i) => (far(e) < far(extents[best]) - 1e-9 ? i : best), 0);
}

/** Stack the columns of `shape` in as many storeys as its width needs. */
export function stackColumns(shape) {
  const { layout, width } = shape;
  const columns = listExtents(layout, "x");
  if (columns.length < 2) return;
  const narrowest = Math.min(...columns.map(([low, high]) => (high - low) * width));
  if (narrowest >= NARROWEST || layout.scene || layout.grid) return;
  const across = Math.max(1, Math.min(columns.length - 1, Math.floor(width / COMFORTABLE)));
  const storeys = Math.ceil(columns.length / across);
  const gap = across > 1 ? Math.max(60, (columns[1][0] - columns[0][1]) * width) / width : 0;
  const panel = (1 - gap * (across - 1)) / across;
  const slots = columns.map((_, c) => {
    const left = (c % across) * (panel + gap);
    return [left, across > 1 ? left + panel : 1];
  });
  const { inner, height, between } = chooseHeights(shape, panel * width, storeys);
  const floorOf = (storey) => ((storeys - 1 - storey) * (height + between)) / inner;
  const rise = (storey, y) => floorOf(storey) + (y * height) / inner;
  shape.inner = inner;

  const columnOf = {};
  for (const id of listIds(layout, "x")) {
    const axis = getAxis(layout, id);
    const [low, high] = axis.domain ?? [0, 1];
    columnOf[id] = findExtent(columns, (low + high) / 2);
    axis.domain = scaleDomain([low, high], columns[columnOf[id]], slots[columnOf[id]]);
  }
  const storeyOf = (xId) => Math.floor((columnOf[xId] ?? 0) / across);
  const yIds = splitAxes(shape, storeyOf, storeys);
  for (const [id, copies] of Object.entries(yIds)) {
    const domain = getAxis(layout, id).domain ?? [0, 1];
    copies.forEach((copy, storey) => {
      if (copy) getAxis(layout, copy).domain = domain.map((y) => rise(storey, y));
    });
  }
  if (!shape.bar) placeColourbar(layout, [rise(0, 0), rise(0, 1)]);
  const place = (item) => placeItem(item, { columns, slots, across, storeys, rise, yIds, storeyOf });
  layout.annotations = (layout.annotations ?? []).flatMap(place);
  layout.shapes = (layout.shapes ?? []).flatMap(place);
}

/** Choose the heights in pixels: of all, of a storey, and between two of them. */
function chooseHeights({ layout, inner }, panel, storeys) {
  const rows = listExtents(layout, "y").filter(([low, high]) => (high - low) * inner > 80);
  const bands = rows.reduce((sum, [low, high]) => sum + high - low, 0);
  const wanted = Math.max(LOWEST, FLATTEST * panel * rows.length);
  const height = Math.min(inner, wanted / Math.max(bands, 0.1));
  const between = 60; // `arrangeRows` gives what the texts there need
  return { inner: storeys * height + (storeys - 1) * between, height, between };
}

function scaleDomain([low, high], from, to) {
  const scale = (to[1] - to[0]) / (from[1] - from[0]);
  return [low, high].map((x) => to[0] + (x - from[0]) * scale);
}

/** Give every storey its own copy of a y axis that several share; they are zoomed together.
 *
 * Returns the id of the copy by storey, of every y axis.
 */
function splitAxes(shape, storeyOf, storeys) {
  const { layout } = shape;
  const copies = {};
  const first = {}; // the leftmost x axis that belongs to a y axis in a storey
  let next = Math.max(1, ...listIds(layout, "y").map((id) => Number(id.slice(1) || 1)));
  const find = (id, storey, xId) => {
    copies[id] ??= [];
    if (!copies[id][storey]) {
      const isFirst = !copies[id].some(Boolean);
      const copy = isFirst ? id : `y${++next}`;
      if (!isFirst) layout[`yaxis${next}`] = { ...getAxis(layout, id), matches: id };
      copies[id][storey] = copy;
      first[copy] = xId;
    }
    return copies[id][storey];
  };
  shape.data = shape.data.map((trace) => {
    const x = trace.xaxis ?? "x";
    const y = trace.yaxis ?? "y";
    if (trace.type === "scatter3d" || !getAxis(layout, x)) return trace;
    if (!getAxis(layout, y)) layout[`yaxis${y.slice(1)}`] = {};
    const copy = find(y, storeyOf(x), x);
    return copy === y ? trace : { ...trace, yaxis: copy };
  });
  for (const id of listIds(layout, "y")) {
    if (!copies[id] && !first[id]) find(id, 0, "x"); // no trace is on it
  }
  for (const [copy, xId] of Object.entries(first)) {
    const axis = getAxis(layout, copy);
    if (storeys > 1 && (axis.anchor ?? "x") !== "free") axis.anchor = xId;
  }
  for (const xId of listIds(layout, "x")) {
    const axis = getAxis(layout, xId);
    const anchor = axis.anchor ?? "y";
    const copy = copies[anchor]?.[storeyOf(xId)];
    if (copy) axis.anchor = copy;
  }
  return copies;
}

/** Put the scale of colours that stood between two columns to the right of the first storey. */
function placeColourbar({ coloraxis }, [low, high]) {
  const bar = coloraxis?.colorbar;
  if (!bar) return;
  Object.assign(bar, { x: 1.02, y: (low + high) / 2, yanchor: "middle", len: high - low });
}

/** Move an annotation or a shape with its panel; what spans several comes in each storey. */
function placeItem(item, { columns, slots, across, storeys, rise, yIds, storeyOf }) {
  const spans = item.xref === "paper" && item.x1 - item.x0 > columns[0][1] + 1e-6;
  const shared = spans && yIds[item.yref];
  if (shared) return shared.filter(Boolean).map((yref) => ({ ...item, yref }));
  const isFoot = item.yref === "paper" && item.y <= 0 && item.yanchor === "top" && !item.x;
  const xId = /^x\d*/.exec(item.xref ?? "x")?.[0];
  let storey = xId ? storeyOf(xId) : 0;
  const moved = { ...item };
  if (isFoot) storey = storeys - 1;
  else if (item.xref === "paper" && !spans) {
    const nudge = { left: 0.01, right: -0.01 }[item.xanchor] ?? 0;
    const place = item.x0 === undefined || item.xsizemode === "pixel"
      ? (item.x ?? item.xanchor) + nudge
      : (item.x0 + item.x1) / 2;
    const column = findExtent(columns, place);
    storey = Math.floor(column / across);
    const key = item.xsizemode === "pixel" ? ["xanchor"] : ["x", "x0", "x1"];
    for (const name of key.filter((n) => typeof item[n] === "number")) {
      [moved[name]] = scaleDomain([item[name], 0], columns[column], slots[column]);
    }
  }
  const yId = /^y\d*/.exec(item.yref ?? "y")?.[0];
  if (item.yref === "paper") {
    const key = item.ysizemode === "pixel" ? ["yanchor"] : ["y", "y0", "y1"];
    for (const name of key.filter((n) => typeof item[n] === "number")) {
      moved[name] = rise(storey, item[name]);
    }
  } else if (yIds[yId]?.[storey]) {
    moved.yref = (item.yref ?? "y").replace(/^y\d*/, yIds[yId][storey]);
  }
  return [moved];
}
