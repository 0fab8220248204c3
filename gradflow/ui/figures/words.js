// Texts as Plotly writes them (<b>, <sub>, <sup>, <span style>, <br>): measured, wrapped, made small.

const LINE_SPACING = 1.3; // Plotly's
const SMALLEST = 12; // pixels; no text becomes smaller
const TOKENS = /<[^>]*>|(?: |&nbsp;|\u00a0){2,}| |&[#\w]+;|[^<& \u00a0]+|[&\u00a0]/g;
const ENTITIES = { "&nbsp;": "\u00a0", "&lt;": "<", "&gt;": ">", "&amp;": "&" };

let pen;

function measureWord(word, { family, size }, { bold, scale }) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `${bold ? "bold " : ""}${size * scale}px ${family}`;
  return pen.measureText(word.replace(/&[#\w]+;/g, (code) => ENTITIES[code] ?? "x")).width;
}

/** Split a text into its words: each with its width and what stands before it.
 *
 * That is nothing, a space, several of them (a better place for a break), or a line's end.
 */
function splitWords(text, font) {
  const words = [];
  const styles = [{ bold: false, scale: 1 }];
  let word = { html: "", width: 0, gap: "", gapWidth: 0 };
  const finish = (gap, gapWidth) => {
    words.push(word);
    word = { html: "", width: 0, gap, gapWidth };
  };
  for (const token of String(text).match(TOKENS) ?? []) {
    const style = styles.at(-1);
    if (/^<br/i.test(token)) finish("<br>", 0);
    else if (/^<\//.test(token)) {
      word.html += token;
      if (styles.length > 1) styles.pop();
    } else if (token[0] === "<" && token.length > 1) {
      word.html += token;
      styles.push(changeStyle(style, token, font.size));
    } else if (token === " " || /^(?: |&nbsp;|\u00a0){2,}$/.test(token)) {
      finish(token, measureWord(token.replace(/ /g, "\u00a0"), font, style));
    } else {
      word.html += token;
      word.width += measureWord(token, font, style);
    }
  }
  words.push(word);
  return words;
}

function changeStyle(style, tag, size) {
  const [, own] = tag.match(/font-size:\s*([\d.]+)px/) ?? [];
  return {
    bold: style.bold || /^<b>/i.test(tag),
    scale: own ? own / size : style.scale * (/^<su[bp]>/i.test(tag) ? 0.7 : 1),
  };
}

/** Measure a text in pixels. */
export function measureText(text, font) {
  let width = 0;
  let widest = 0;
  let lines = 1;
  for (const word of splitWords(text, font)) {
    if (word.gap === "<br>") [width, lines] = [0, lines + 1];
    width += word.gapWidth + word.width;
    widest = Math.max(widest, width);
  }
  return { width: widest, height: lines * font.size * LINE_SPACING, lines };
}

/** Wrap a text to a width; where several spaces stand, rather than between two words. */
export function wrapText(text, font, room) {
  let html = "";
  let width = 0;
  const parts = [];
  for (const word of splitWords(text, font)) {
    if (word.gap === " ") parts.at(-1).push(word);
    else parts.push([word]);
  }
  for (const part of parts) {
    const [{ gap, gapWidth }] = part;
    const whole = part.reduce((sum, w, i) => sum + (i ? w.gapWidth : 0) + w.width, 0);
    const breaks = gap === "<br>" || (width > 0 && width + gapWidth + whole > room);
    html += breaks ? "<br>" : gap;
    width = breaks ? 0 : width + gapWidth;
    part.forEach((word, i) => {
      if (i && width + word.gapWidth + word.width > room) {
        html += "<br>";
        width = 0;
      } else if (i) {
        html += word.gap;
        width += word.gapWidth;
      }
      html += word.html;
      width += word.width;
    });
  }
  return html;
}

/** Break a name between words, or behind signs in names of code. */
export function breakName(name, font, room) {
  const wrapped = wrapText(name, font, room);
  if (measureText(wrapped, font).width <= room || name.includes("<")) return wrapped;
  let lines = [""];
  for (const part of name.split(/(?<=[_./ -])/)) {
    const longer = lines.at(-1) + part;
    if (measureText(longer, font).width <= room || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines.join("<br>");
}

/** Wrap a text into lines of about the same length. */
export function wrapEvenly(text, font, room) {
  const wrapped = wrapText(text, font, room);
  const { lines } = measureText(wrapped, font);
  let best = wrapped;
  for (let width = room * 0.95; lines > 1 && width > room / lines; width *= 0.95) {
    const narrower = wrapText(text, font, width);
    if (measureText(narrower, font).lines > lines) break;
    best = narrower;
  }
  return best;
}

/** Make every text of a part of a figure smaller, in place. */
export function shrinkFonts(node, factor) {
  for (const [name, value] of Object.entries(node)) {
    if (name === "text" && typeof value === "string") node.text = shrinkSpans(value, factor);
    if (!value || typeof value !== "object" || ArrayBuffer.isView(value)) continue;
    if (/font$/i.test(name) && typeof value.size === "number") {
      value.size = shrinkSize(value.size, factor);
    } else {
      shrinkFonts(value, factor);
    }
  }
}

function shrinkSize(size, factor) {
  return Math.min(size, Math.max(SMALLEST, Math.round(size * factor)));
}

function shrinkSpans(text, factor) {
  const shrink = (_all, size) => `font-size:${shrinkSize(Number(size), factor)}px`;
  return text.replace(/font-size:\s*([\d.]+)px/g, shrink);
}
