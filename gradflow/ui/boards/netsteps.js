// The steps of the small network: what each computes, what is known by then, and its equation with
// the numbers put in.

import { listPaths, listTerms } from "./netpass.js";
import { formatNumber } from "./hover.js";
import { bracket, fill } from "./phrases.js";

export const BACKWARD = new Set(["output_delta", "hidden_delta", "weight_gradient", "bias_gradient", "update"]);
export const PER_WEIGHT = new Set(["weight_gradient", "update"]);

/** List the steps of a network of so many layers: list_steps of core/teaching/perceptron_steps.py. */
export function listSteps(layers) {
  const forward = Array.from({ length: layers }, (_, i) => i + 1);
  const backward = forward.toReversed();
  const each = (kind, list) => list.map((layer) => ({ kind, layer }));
  return [
    ...forward.flatMap((layer) => each("preactivation", [layer]).concat(each("activation", [layer]))),
    { kind: "loss", layer: layers },
    { kind: "output_delta", layer: layers },
    ...each("hidden_delta", backward.slice(1)),
    ...each("weight_gradient", backward),
    ...each("bias_gradient", backward),
    ...each("update", backward),
    { kind: "new_loss", layer: layers },
  ];
}

/** Find the last layer whose z and a are known, the first whose δ and new weights are, and whether E. */
export function findKnown(steps, at) {
  const layers = steps.at(-1).layer;
  const done = steps.slice(0, at);
  const list = (kind) => done.filter((step) => step.kind === kind).map(({ layer }) => layer);
  const last = (kind) => Math.max(0, ...list(kind));
  const first = (...kinds) => Math.min(layers + 1, ...kinds.flatMap(list));
  return {
    z: last("preactivation"),
    a: last("activation"),
    delta: first("output_delta", "hidden_delta"),
    updated: first("update"),
    loss: done.some(({ kind }) => kind === "loss"),
    isNew: done.some(({ kind }) => kind === "new_loss"),
  };
}

const up = (layer) => `^{(${layer})}`;
const write = (value) => formatNumber(value, 3);

function addUp(products) {
  return products.map((factors) => factors.map(bracket).join("·")).join(" + ");
}

function summand(value) {
  return value < 0 ? ` − ${write(-value)}` : ` + ${write(value)}`;
}

/** List the parts of the sum that a number is made of; empty without one.
 *
 * @param step of the network
 * @param {boolean} alongPaths whether δ is made of all paths instead of the next layer's δ
 * @returns {object[]} edges [layer, i, j] it runs along, factors, their product
 */
export function listParts({ network, pass, step, unit, alongPaths }) {
  const { kind, layer } = step;
  if (kind === "preactivation") {
    const row = network.parameters[layer - 1][0][unit - 1];
    return row.map((weight, j) => {
      const a = pass.a[layer - 1][j];
      return { edges: [[layer, unit, j + 1]], factors: [weight, a], product: weight * a };
    });
  }
  if (kind !== "hidden_delta") return [];
  const list = alongPaths ? listPaths : listTerms;
  return list(network, pass, layer, unit).map(({ units, factors, product }) => {
    const edges = units.map((i, k) => [layer + 1 + k, i, k ? units[k - 1] : unit]);
    return { edges, factors, product };
  });
}

/** Write the equation of a number: its symbol, and what it equals in symbols and numbers. */
export function writeEquation({ network, pass, renewed, step, unit: i, source: j, parts, alongPaths, texts }) {
  const { kind, layer } = step;
  const here = up(layer);
  const last = layer - 1;
  const error = `(a_{${i}}${here} − t_{${i}})`;
  const numbers = addUp(parts.map(({ factors }) => factors));
  const squares = (values) =>
    values.map((a, k) => `(${write(a)} − ${bracket(network.targets[k])})^{2}`).join(" + ");
  switch (kind) {
    case "preactivation": {
      const bias = network.parameters[last][1][i - 1];
      return [
        `z_{${i}}${here}`,
        `Σ_{j} w_{${i}j}${here} a_{j}${up(last)} + b_{${i}}${here}`,
        numbers + summand(bias),
        write(pass.z[last][i - 1]),
      ];
    }
    case "activation":
      return [`a_{${i}}${here}`, `f(z_{${i}}${here})`, `f(${write(pass.z[last][i - 1])})`, write(pass.a[layer][i - 1])];
    case "loss":
      return ["E", `½ Σ_{i} (a_{i}${here} − t_{i})^{2}`, `½ [${squares(pass.a.at(-1))}]`, write(pass.loss)];
    case "new_loss":
      return ["E", `½ Σ_{i} (a_{i}${here} − t_{i})^{2}`, `½ [${squares(renewed.a.at(-1))}]`, write(renewed.loss)];
    case "output_delta":
      return [
        `δ_{${i}}${here}`,
        `${error} f′(z_{${i}}${here})`,
        `${bracket(pass.error[i - 1])}·${bracket(pass.slope[last][i - 1])}`,
        write(pass.delta[last][i - 1]),
      ];
    case "hidden_delta": {
      const rule = alongPaths
        ? `(${fill(texts.allPaths, { count: parts.length })}) f′(z_{${i}}${here})`
        : `(Σ_{j} δ_{j}${up(layer + 1)} w_{j${i}}${up(layer + 1)}) f′(z_{${i}}${here})`;
      const sum = alongPaths ? write(parts.reduce((all, { product }) => all + product, 0)) : numbers;
      return [
        `δ_{${i}}${here}`,
        rule,
        `(${sum})·${bracket(pass.slope[last][i - 1])}`,
        write(pass.delta[last][i - 1]),
      ];
    }
    case "weight_gradient":
      return [
        `∂E/∂w_{${i}${j}}${here}`,
        `δ_{${i}}${here} a_{${j}}${up(last)}`,
        `${bracket(pass.delta[last][i - 1])}·${bracket(pass.a[last][j - 1])}`,
        write(pass.weight[last][i - 1][j - 1]),
      ];
    case "bias_gradient":
      return [`∂E/∂b_{${i}}${here}`, `δ_{${i}}${here}`, write(pass.delta[last][i - 1])];
    default: {
      const [old, gradient] = [network.parameters[last][0][i - 1][j - 1], pass.weight[last][i - 1][j - 1]];
      const name = `w_{${i}${j}}${here}`;
      return [
        fill(texts.renewed, { symbol: name }),
        `${name} − α ∂E/∂${name}`,
        `${write(old)} − ${bracket(network.rate)}·${bracket(gradient)}`,
        write(pass.updated[last][0][i - 1][j - 1]),
      ];
    }
  }
}

/** List the units whose numbers the equation reads, as "layer,unit". */
export function listRead({ step, sizes, unit, source, parts, lit }) {
  const { kind, layer } = step;
  if (kind === "loss" || kind === "new_loss") {
    return new Set(Array.from({ length: sizes[layer] }, (_, i) => `${layer},${i + 1}`));
  }
  if (PER_WEIGHT.has(kind)) return new Set([`${layer - 1},${source}`, `${layer},${unit}`]);
  const edges = parts.slice(0, lit).flatMap((part) => part.edges);
  return new Set(edges.flatMap(([l, i, j]) => (l > layer ? [`${l},${i}`] : [`${l - 1},${j}`])));
}

/** Write the part of a sum that was lit last, what the lit parts add up to, and what that costs. */
export function writeSum({ parts, lit, step, sizes, unit, alongPaths, texts }) {
  const { kind, layer } = step;
  const sum = parts.slice(0, lit).reduce((all, { product }) => all + product, 0);
  const lines = [];
  if (lit && lit < parts.length) {
    const { edges, factors, product } = parts[lit - 1];
    const symbols = alongPaths ? `${writePath(layer, unit, edges.map(([, i]) => i))} = ` : "";
    lines.push(`${symbols}${factors.map(bracket).join("·")} = ${write(product)}`);
  }
  lines.push(fill(texts.sum, { n: lit, count: parts.length, sum: write(sum) }));
  if (kind === "hidden_delta" && lit === parts.length) {
    const paths = sizes.slice(layer + 1).reduce((count, size) => count * size, 1);
    const products = paths * 2 * (sizes.length - 1 - layer);
    lines.push(fill(texts.cost, { paths, products, terms: sizes[layer + 1], next: layer + 1 }));
  }
  return lines;
}

/** Write the factors of one path from a unit to an output as symbols. */
function writePath(layer, unit, units) {
  const parts = units.map((i, k) => `w_{${i}${k ? units[k - 1] : unit}}${up(layer + 1 + k)} f′(z_{${i}}${up(layer + 1 + k)})`);
  const last = `_{${units.at(-1)}}`;
  return `${parts.join(" ")} (a${last} − t${last})`;
}
