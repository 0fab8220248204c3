// What the page says of a chain: what becomes of its gradient, and the equations of one layer.

import { formatNumber } from "./hover.js";
import { writeHtml } from "./pen.js";
import { bracket, fill } from "./phrases.js";

export const GONE = 100; // a gradient so many times smaller or larger than at the loss has vanished, exploded

/** Say in a sentence what becomes of the gradient. */
export function judgeChain({ g, error }, texts) {
  const ratio = Math.abs(g[0]) / Math.abs(error);
  const mean = ratio ** (1 / g.length);
  const bad = g.findLastIndex((value) => !Number.isFinite(value)) + 1;
  const zero = g.findLastIndex((value) => value === 0) + 1;
  const say = (severity, name, at) => ({
    severity,
    text: fill(texts[name], {
      ratio: formatNumber(ratio),
      mean: formatNumber(mean),
      layer: at,
    }),
  });
  if (error === 0) return say("note", "arrived");
  if (bad || !Number.isFinite(error)) return say("bad", "overflow", bad);
  if (zero) return say("bad", "zero", zero);
  if (ratio < 1 / GONE) return say("warning", "vanishing");
  if (ratio > GONE) return say("warning", "exploding");
  return say("good", "steady");
}

/** Write the equations of the chosen layer with its numbers. */
export function writeLayer(run, spec, texts) {
  const i = spec.layer;
  const n = spec.length;
  const write = (value) => formatNumber(value, 3);
  const isLast = i === n;
  const above = isLast ? run.error : run.g[i];
  const first = isLast ? `∂L/∂h_{${n + 1}}` : `g_{${i + 1}}·w_{${i + 1}}`;
  const numbers = isLast
    ? `${write(above)}·${bracket(run.slope[i - 1])}`
    : `${write(above)}·${bracket(run.w[i])}·${bracket(run.slope[i - 1])}`;
  const equations = [
    `z_{${i}} = w_{${i}}h_{${i}} + b_{${i}} = ${write(run.z[i - 1])}`,
    `h_{${i + 1}} = f(z_{${i}}) = ${write(run.h[i])}`,
    `g_{${i}} = ${first}·f′(z_{${i}}) = ${numbers} = ${write(run.g[i - 1])}`,
    `∂L/∂w_{${i}} = g_{${i}}·h_{${i}} = ${write(run.weightGradients[i - 1])}`,
  ];
  const head = writeHtml(fill(texts.layer, { layer: i }));
  return `<b>${head}</b> ${equations.map((text) => `<span>${writeHtml(text)}</span>`).join(" ")}`;
}
