// Asks the server what training the cures comes to, one after the other: each with one seed, then
// the best with several.

import { ask } from "./ask.js";

export class Training {
  /**
   * @param {object} plan where to ask, and for which cures (`explore/cure_training.py`)
   * @param {object} panels is told of every step: `showTraining(code, result)`, where a cure that is
   *   being trained has no result yet, and `rank(results, isOver)` after each round
   */
  constructor(plan, panels) {
    this.plan = plan;
    this.panels = panels;
    this.results = new Map(); // by code
    this.aborter = new AbortController();
  }

  async run() {
    const { codes, leaders, seeds } = this.plan;
    await this.train(codes, 1);
    if (seeds === 1) return;
    const best = this.list().slice(0, leaders);
    await this.train(best.filter(({ trains }) => trains).map(({ code }) => code), seeds);
  }

  stop() {
    this.aborter.abort();
  }

  async train(codes, seeds) {
    for (const [done, code] of codes.entries()) {
      if (this.aborter.signal.aborted) return;
      this.panels.showTraining(code, undefined, seeds === 1 ? done + 1 : undefined);
      const result = await this.ask(code, seeds);
      if (this.aborter.signal.aborted) return;
      if (result.rank || !this.results.has(code)) this.results.set(code, result);
      this.panels.showTraining(code, this.results.get(code));
    }
    this.panels.rank(this.list().map(({ code }) => code));
  }

  async ask(code, seeds) {
    const { address, failed } = this.plan;
    const url = new URL(`${address}&code=${code}&runs=${seeds}`, document.baseURI);
    const { signal } = this.aborter;
    const tell = (text) => signal.aborted || this.panels.showTraining(code, undefined, undefined, text);
    const answer = await ask(url, tell, { signal }).catch(() => undefined);
    if (answer?.ok) return answer.json();
    const text = answer?.status === 422 ? await answer.text().catch(() => failed) : failed;
    return { code, text };
  }

  /** List the results of all cures, the best first; what is not known stays in its place.
   *
   * The first that train change different parts of the network (`lead_with_alternatives`).
   */
  list() {
    const { order, unknown, parts, leaders } = this.plan;
    const all = order.map((code) => this.results.get(code) ?? { code });
    all.sort((a, b) => compare(a.rank ?? unknown, b.rank ?? unknown));
    const first = new Map(); // the best of each part
    for (const result of all) {
      const part = parts[result.code];
      if (result.trains && first.size < leaders && !first.has(part)) first.set(part, result);
    }
    return [...new Set([...first.values(), ...all])];
  }
}

function compare(a, b) {
  const i = a.findIndex((value, place) => value !== b[place]);
  return i < 0 ? 0 : a[i] - b[i];
}
