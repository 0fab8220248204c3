// Where things are in a figure that Plotly has drawn, and the numbers that it was drawn from.

/** List the items of an array in any of the forms that Plotly takes. */
export function listItems(array) {
  return Array.from(array._inputArray ?? array);
}

/** Find the line of the RMS gradient in a Flow figure. */
export function findGradientLine(plot) {
  return plot.data?.find(({ meta, yaxis }) => meta?.spoken && yaxis === "y2");
}

/** Find where a value of an axis is, in pixels; Plotly has no public way to them. */
export function findPixel(plot, axis, value) {
  const shown = plot._fullLayout[axis];
  return shown._offset + shown.d2p(value);
}

/** Find where an axis begins on the screen, and how long it is, in pixels. */
export function findBand(plot, axis) {
  const { _offset, _length } = plot._fullLayout[axis];
  return [_offset, _length];
}

/** Name an axis as layouts do: the x2 of a trace is xaxis2. */
export function nameKey(axis) {
  return `${axis[0]}axis${axis.slice(1)}`;
}
