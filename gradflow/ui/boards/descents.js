// Descents on a loss by several optimizers: core/teaching/trajectories.py in the browser, with the
// rules as `torch.optim` computes them.

import { GROUNDS } from "./grounds.js";

/** By code: (η, μ) → a function of a gradient and the step's number (from 1) that gives the step. */
const RULES = {
  sgd: (rate) => (g) => g.map((x) => -rate * x),
  momentum: (rate, mu) => {
    let v;
    return (g) => {
      v = v ? v.map((x, i) => mu * x + g[i]) : [...g];
      return v.map((x) => -rate * x);
    };
  },
  nesterov: (rate, mu) => {
    let v;
    return (g) => {
      v = v ? v.map((x, i) => mu * x + g[i]) : [...g];
      return v.map((x, i) => -rate * (g[i] + mu * x));
    };
  },
  adagrad: (rate) => {
    const sum = [0, 0];
    return (g) => g.map((x, i) => (-rate * x) / (Math.sqrt((sum[i] += x * x)) + 1e-10));
  },
  rmsprop: (rate) => {
    const mean = [0, 0];
    return (g) =>
      g.map((x, i) => {
        mean[i] = 0.99 * mean[i] + (1 - 0.99) * x * x;
        return (-rate * x) / (Math.sqrt(mean[i]) + 1e-8);
      });
  },
  adam: (rate) => {
    const [m, s] = [[0, 0], [0, 0]];
    return (g, n) =>
      g.map((x, i) => {
        m[i] += (1 - 0.9) * (x - m[i]);
        s[i] = 0.999 * s[i] + (1 - 0.999) * x * x;
        const size = Math.sqrt(s[i]) / Math.sqrt(1 - 0.999 ** n) + 1e-8;
        return ((-rate / (1 - 0.9 ** n)) * m[i]) / size;
      });
  },
};

const CLIPS = {
  none: (g) => g,
  norm: (g, most) => {
    const share = Math.min(1, most / (Math.hypot(...g) + 1e-6));
    return g.map((x) => x * share);
  },
  value: (g, most) => g.map((x) => Math.min(most, Math.max(-most, x))),
};

/** Run every optimizer from the start.
 *
 * @param descent surface, shape, start, optimizers, rates (one each), momentum, steps, clip, threshold
 * @returns per optimizer: points, loss and gradients at them; it ends where one is not finite
 */
export function runDescent(descent) {
  const evaluate = GROUNDS[descent.surface];
  return descent.optimizers.map((optimizer, k) => {
    const step = RULES[optimizer](descent.rates[k], descent.momentum);
    const path = { optimizer, points: [], loss: [], gradients: [] };
    let point = descent.start;
    for (let n = 0; ; n += 1) {
      const [loss, ...gradient] = evaluate(point, descent.shape);
      path.points.push(point);
      path.loss.push(loss);
      path.gradients.push(gradient);
      path.isBroken = ![loss, ...point, ...gradient].every(Number.isFinite);
      if (path.isBroken || n === descent.steps) return path;
      const move = step(CLIPS[descent.clip](gradient, descent.threshold), n + 1);
      point = point.map((x, i) => x + move[i]);
    }
  });
}
