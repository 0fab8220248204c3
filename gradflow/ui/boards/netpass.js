// The small network, forward and back by the four equations: core/teaching/perceptron.py in the
// browser. Layer l stands at l − 1; a has the inputs before it.

import { evaluate } from "./slopes.js";

/** Run one pass and one update.
 *
 * @param network inputs, targets, activation, rate, parameters: [W, b] per layer, W by rows
 * @returns a, z, slope, delta = ∂E/∂z, weight = ∂E/∂W, updated: [W, b] per layer, loss
 */
export function backpropagate({ inputs, targets, activation, rate, parameters }) {
  const a = [inputs];
  const z = [];
  const slope = [];
  for (const [weight, bias] of parameters) {
    z.push(weight.map((row, i) => multiply(row, a.at(-1)) + bias[i]));
    const pairs = z.at(-1).map((value) => evaluate(activation, value));
    a.push(pairs.map(([value]) => value));
    slope.push(pairs.map(([, rise]) => rise));
  }
  const error = a.at(-1).map((value, i) => value - targets[i]);
  const delta = [];
  for (let l = parameters.length - 1; l >= 0; l -= 1) {
    delta[l] = slope[l].map((rise, i) => {
      const sum = delta[l + 1] ? multiply(listColumn(parameters[l + 1][0], i), delta[l + 1]) : error[i];
      return sum * rise;
    });
  }
  const weight = delta.map((d, l) => d.map((value) => a[l].map((x) => value * x)));
  const updated = parameters.map(([w, b], l) => [
    w.map((row, i) => row.map((value, j) => value - rate * weight[l][i][j])),
    b.map((value, i) => value - rate * delta[l][i]),
  ]);
  return { a, z, slope, delta, weight, updated, error, loss: multiply(error, error) / 2 };
}

export function listColumn(matrix, j) {
  return matrix.map((row) => row[j]);
}

function multiply(one, other) {
  return one.reduce((sum, value, i) => sum + value * other[i], 0);
}

/** List all paths from a unit to an output, and what each adds to ∂E/∂a of the unit.
 *
 * @param layer, unit from 1
 * @returns units (from the next layer on, from 1), factors (w f′ w f′ … and the error), product
 */
export function listPaths(network, pass, layer, unit) {
  const { parameters } = network;
  let paths = [{ units: [], factors: [], last: unit - 1 }];
  for (let l = layer; l < parameters.length; l += 1) {
    paths = paths.flatMap(({ units, factors, last }) =>
      parameters[l][0].map((row, i) => ({
        units: [...units, i + 1],
        factors: [...factors, row[last], pass.slope[l][i]],
        last: i,
      })),
    );
  }
  return paths.map(({ units, factors, last }) => {
    const all = [...factors, pass.error[last]];
    return { units, factors: all, product: all.reduce((product, factor) => product * factor, 1) };
  });
}

/** List what the next layer's units add to ∂E/∂a of a unit when their δ is reused. */
export function listTerms(network, pass, layer, unit) {
  return listColumn(network.parameters[layer][0], unit - 1).map((weight, j) => {
    const delta = pass.delta[layer][j];
    return { units: [j + 1], factors: [delta, weight], product: delta * weight };
  });
}
