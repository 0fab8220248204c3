// The activation functions of the catalog and their slopes, in float64, as PyTorch has them: at a
// corner it takes one of the two sides. A random slope (RReLU) is its mean.

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;
const LEAKY = { leaky_relu: 0.01, prelu: 0.25, rrelu: (1 / 8 + 1 / 3) / 2 };

const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const isBetween = (z, low, high) => (z > low && z < high ? 1 : 0);

const withSlope = (value, find) => [value, find(value)];

/** By code: z → [f(z), f′(z)]. */
const FUNCTIONS = {
  linear: (z) => [z, 1],
  sigmoid: (z, round) => withSlope(round(sigmoid(z)), (value) => (1 - value) * value),
  tanh: (z, round) => withSlope(round(Math.tanh(z)), (value) => 1 - value * value),
  hardtanh: (z) => [Math.min(1, Math.max(-1, z)), isBetween(z, -1, 1)],
  softsign: (z) => [z / (1 + Math.abs(z)), 1 / (1 + Math.abs(z)) ** 2],
  relu: (z) => [Math.max(0, z), z > 0 ? 1 : 0],
  relu6: (z) => [Math.min(6, Math.max(0, z)), isBetween(z, 0, 6)],
  elu: (z) => (z > 0 ? [z, 1] : [Math.expm1(z), Math.exp(z)]),
  selu: (z) => {
    const below = SELU_SCALE * SELU_ALPHA;
    return z > 0 ? [SELU_SCALE * z, SELU_SCALE] : [below * Math.expm1(z), below * Math.exp(z)];
  },
  gelu: (z) => {
    const share = (1 + computeErf(z / Math.SQRT2)) / 2;
    return [z * share, share + (z * Math.exp(-(z * z) / 2)) / Math.sqrt(2 * Math.PI)];
  },
  silu: (z) => [z * sigmoid(z), sigmoid(z) * (1 + z * sigmoid(-z))],
  mish: (z) => {
    const t = Math.tanh(softplus(z));
    return [z * t, t + z * sigmoid(z) * (1 - t * t)];
  },
  softplus: (z) => [softplus(z), z > 20 ? 1 : sigmoid(z)],
  hardswish: (z) => {
    const slope = z <= -3 ? 0 : z < 3 ? z / 3 + 0.5 : 1;
    return [(z * Math.min(6, Math.max(0, z + 3))) / 6, slope];
  },
};
for (const [code, slope] of Object.entries(LEAKY)) {
  FUNCTIONS[code] = (z) => (z > 0 ? [z, 1] : [slope * z, slope]);
}

/** ln(1 + e^z), the identity above 20 as in PyTorch. */
export function softplus(z) {
  return z > 20 ? z : Math.log1p(Math.exp(z));
}

/** 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms all have one sign. */
function computeErf(x) {
  if (Number.isNaN(x)) return NaN;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Evaluate f(z) and f′(z) of the activation with this code, rounded as `round` does. */
export function evaluate(activation, z, round = (x) => x) {
  return FUNCTIONS[activation](z, round).map(round);
}
