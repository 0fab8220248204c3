// A chain of single units, forward and back: core/teaching/chain.py in the browser.

import { evaluate } from "./slopes.js";

/** By code: how a number is rounded to a format. */
const ROUND = {
  float64: (x) => x,
  float32: Math.fround,
  bfloat16: (x) => roundTo(x, 8, -126, 3.3895313892515355e38),
  float16: (x) => roundTo(x, 11, -14, 65504),
};

/** Round to so many significant bits, to even; beyond the largest number to infinity. */
function roundTo(x, bits, lowest, largest) {
  if (!Number.isFinite(x) || x === 0) return x;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), lowest);
  const unit = 2 ** (exponent - bits + 1);
  const count = x / unit;
  let whole = Math.round(count);
  if (Math.abs(count % 1) === 0.5 && whole % 2) whole -= 1;
  const rounded = whole * unit;
  return Math.abs(rounded) > largest ? Math.sign(x) * Infinity : rounded;
}

/** Run h_{i+1} = f(w_i h_i + b_i) and back; layer i stands at i − 1.
 *
 * @returns w, b, h (one more), z, slope, target, error = ∂L/∂h_{n+1}, loss = ½ error²,
 *   g = ∂L/∂z, weightGradients = ∂L/∂w, behind = w_{i+1} (1 for the last), factors
 */
export function runChain({ length, activation, dtype, weights, biases, input, target }) {
  const round = ROUND[dtype];
  const repeat = (values) => Array.from({ length }, (_, i) => round(values[i % values.length]));
  const [w, b, t] = [repeat(weights), repeat(biases), round(target)];
  const h = [round(input)];
  const z = [];
  const slope = [];
  for (let i = 0; i < length; i += 1) {
    z.push(round(round(w[i] * h[i]) + b[i]));
    const [value, rise] = evaluate(activation, z[i], round);
    h.push(value);
    slope.push(rise);
  }
  const error = round(h[length] - t);
  const g = [];
  for (let i = length - 1; i >= 0; i -= 1) {
    const above = i === length - 1 ? error : round(g[i + 1] * w[i + 1]);
    g[i] = round(above * slope[i]);
  }
  const behind = [...w.slice(1), 1];
  return {
    w, b, h, z, slope, target: t, error, g, behind,
    loss: round(round(error * error) / 2),
    factors: behind.map((weight, i) => weight * slope[i]),
    weightGradients: g.map((value, i) => round(value * h[i])),
  };
}
