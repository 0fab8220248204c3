// The losses of the page on descent, each with its gradient: core/teaching/surface_losses.py in the
// browser. By code: (point, shape) → [L, ∂L/∂x, …].

import { softplus } from "./slopes.js";

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const climb = (x) => (x > 20 ? 1 : sigmoid(x)); // the slope of softplus

function ravine([x, y], condition) {
  return [(x * x + condition * y * y) / 2, x, condition * y];
}

export const GROUNDS = {
  shelf: ([x]) => {
    const [left, right] = [5 * (-3 - x), 5 * (x - 3.1)];
    const bump = -((x - 1.9) ** 2) / 1.62;
    const rise = 0.8 * 5 * (climb(right) - climb(left));
    return [
      0.8 * (softplus(left) + softplus(right)) - 0.7 * Math.expm1(bump),
      rise + (0.7 * Math.exp(bump) * 2 * (x - 1.9)) / 1.62,
    ];
  },
  bowl: ([x]) => [(x * x) / 2, x],
  double_well: ([x]) => [x ** 4 / 4 - x ** 3 / 3 - x * x + 8 / 3, x ** 3 - x * x - 2 * x],
  ravine,
  plateau: (point, condition) => {
    const [q, ...slopes] = ravine(point, condition);
    return [q / (1 + q), ...slopes.map((slope) => slope / (1 + q) ** 2)];
  },
  rosenbrock: ([x, y]) => {
    const off = y - x * x;
    return [(1 - x) ** 2 + 100 * off * off, -2 * (1 - x) - 400 * x * off, 200 * off];
  },
  himmelblau: ([x, y]) => {
    const [u, v] = [x * x + y - 11, x + y * y - 7];
    return [u * u + v * v, 4 * x * u + 2 * v, 2 * u + 4 * y * v];
  },
  saddle: ([x, y]) => [x * x / 2 + (y * y - 1) ** 2 / 4, x, y * (y * y - 1)],
  cliff: ([w, b], steps) => {
    let [h, byW, byB] = [0.5, 0, 0];
    for (let t = 0; t < steps; t += 1) {
      const s = sigmoid(h);
      const slope = w * s * (1 - s);
      [h, byW, byB] = [w * s + b, s + slope * byW, 1 + slope * byB];
    }
    const s = sigmoid(h);
    const outer = 2 * (s - 0.7) * s * (1 - s);
    return [(s - 0.7) ** 2, outer * byW, outer * byB];
  },
};
