// The zoom of a figure: it survives a change of the figure as long as its axes mean the same.

/** List the axes that have a range: copies of it, and what tells whether it means the same. */
export function listAxes(layout) {
  const axes = {};
  for (const [name, axis] of Object.entries(layout)) {
    if (!/^[xy]axis\d*$/.test(name) || !axis.range) continue;
    const title = axis.title?.text?.replaceAll("<br>", " "); // it wraps where there is less room
    axes[name] = { range: [...axis.range], meaning: `${axis.type} ${title}` };
  }
  return axes;
}

/** Have "Reset axes" go back to the ranges of this figure, not to those of the first one. */
export function setHome(plot, axes) {
  for (const [name, { range }] of Object.entries(axes)) {
    const axis = plot._fullLayout[name]; // Plotly has no public way
    if (!axis) continue; // it has no trace yet
    [axis._rangeInitial0, axis._rangeInitial1] = range;
  }
}

/** Find the ranges that the reader chose, of axes that still mean the same.
 *
 * They differ from those that the figure came with.
 */
export function findZoom(layout, axes, next) {
  const zoom = {};
  for (const [name, { range, meaning }] of Object.entries(axes)) {
    const now = layout[name];
    if (next[name]?.meaning !== meaning || now.autorange || areEqual(range, now.range)) continue;
    zoom[name] = [...now.range];
  }
  return zoom;
}

/** List the chosen ranges that the new figure has undone and in which it shows something.
 *
 * Plotly itself keeps a zoom only where the new figure's range is the old one's.
 */
export function listUndone(layout, zoom) {
  const undone = {};
  for (const [name, range] of Object.entries(zoom)) {
    const now = layout[name].range;
    if (!areEqual(now, range) && overlap(now, range)) undone[`${name}.range`] = range;
  }
  return undone;
}

function areEqual(first, second) {
  return first.length === second.length && first.every((value, i) => value === second[i]);
}

function overlap(first, second) {
  return Math.min(...first) < Math.max(...second) && Math.min(...second) < Math.max(...first);
}
