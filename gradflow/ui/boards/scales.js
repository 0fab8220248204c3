// Axes of drawings: where a value lies, and which values are named.

/** A logarithmic axis between two places; what it cannot hold lies at its ends. */
export class LogScale {
  /**
   * @param {number[]} values what it is to hold; zeros and what is not finite count for nothing
   * @param {[number, number]} places of its low and its high end, in pixels
   */
  constructor(values, [low, high]) {
    const logs = values.map((x) => Math.log10(Math.abs(x))).filter(Number.isFinite);
    let [least, most] = [Math.min(...logs), Math.max(...logs)];
    if (!logs.length) [least, most] = [-1, 1];
    const lacking = Math.max(0, 2 - (most - least)) / 2;
    const room = 0.12 * Math.max(2, most - least);
    this.low = least - lacking - room;
    this.high = most + lacking + room;
    this.places = [low, high];
  }

  place(value) {
    const [from, to] = this.places;
    const size = Math.abs(value);
    const share = size === 0 ? 0.03 : Number.isFinite(size)
      ? (Math.log10(size) - this.low) / (this.high - this.low)
      : 0.97;
    return from + share * (to - from);
  }

  /** List powers of ten, at most so many. */
  listTicks(most) {
    const span = this.high - this.low;
    const step = [1, 2, 5, 10, 20, 50, 100, 200].find((s) => span / s <= most) ?? 500;
    const first = Math.ceil(this.low / step);
    const count = Math.max(0, Math.floor(this.high / step) - first + 1);
    return Array.from({ length: count }, (_, i) => 10 ** ((first + i) * step));
  }
}

/** An axis between two values. */
export class LinearScale {
  constructor([low, high], [from, to]) {
    Object.assign(this, { low, high, from, to });
  }

  place(value) {
    return this.from + ((value - this.low) / (this.high - this.low)) * (this.to - this.from);
  }

  find(place) {
    return this.low + ((place - this.from) / (this.to - this.from)) * (this.high - this.low);
  }

  /** List round values, about so many. */
  listTicks(about) {
    const rough = (this.high - this.low) / about;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((digit) => digit * power).find((s) => s >= rough);
    const first = Math.ceil(this.low / step - 1e-9);
    const count = Math.floor(this.high / step + 1e-9) - first + 1;
    return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }
}

