// Many small images in one heatmap (charts/pretraining/images.py): fewer of them in a row on a
// narrow screen, so that each can be seen.

import { readArray } from "./grid.js";
import { measureText, wrapText } from "./words.js";

const ACROSS = 8;
const NAME = 76; // pixels of the names of rows

/** Arrange the tiles of a narrow `shape` anew; `layout.meta.tiles` says how they are arranged.
 *
 * Rows go on in the next line, or, where each has a name, are cut: `meta.tiles.named`.
 */
export function arrangeTiles(shape) {
  const { layout, isNarrow, margin } = shape;
  const { step, columns, rows, named } = layout.meta?.tiles ?? {};
  if (!isNarrow || !step) return;
  const across = Math.min(columns, ACROSS);
  const parts = named ? 1 : Math.ceil(columns / across);
  const height = rows * parts * step - 1;
  const width = across * step - 1;
  const fold = (array) => {
    const flat = readArray(array);
    const old = columns * step - 1;
    return Array.from({ length: height }, (_row, y) => {
      const line = Math.floor(y / step);
      const part = line % parts;
      const top = Math.floor(line / parts) * step + (y % step);
      return Array.from({ length: width }, (_entry, x) => {
        const left = part * across * step + x;
        const isTile = y % step < step - 1 && x % step < step - 1 && left < old;
        return isTile ? flat[top * old + left] : null;
      });
    });
  };
  shape.data = shape.data.map((trace) => ({
    ...trace,
    z: fold(trace.z),
    ...(trace.customdata && { customdata: fold(trace.customdata) }),
  }));
  layout.xaxis.range = [-0.5, width - 0.5];
  layout.yaxis.range = [height - 0.5, -0.5];
  if (named) {
    const font = shape.getFont(layout.yaxis.tickfont, "tickfont");
    layout.yaxis.ticktext = layout.yaxis.ticktext.map((text) => wrapText(text, font, NAME));
    const widest = layout.yaxis.ticktext.map((text) => measureText(text, font).width);
    shape.width += margin.l;
    margin.l = Math.ceil(Math.max(...widest)) + 12;
    shape.width -= margin.l;
  }
  shape.inner = Math.round((height / width) * shape.width);
}
