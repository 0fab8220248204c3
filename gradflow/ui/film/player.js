// The player of a film: one scrubber for all figures that show the steps of the same runs.
//
// The frames lie in the browser (reel.js): while they play, the server is asked for nothing. What the
// scrubber names is always a recorded step; between two of them, the picture is on its way.

import { addButton, addElement, wantsCalm } from "./elements.js";
import { graphs, watchers } from "./figure.js";
import { formatNumber } from "./hover.js";
import { Cursor } from "./cursor.js";
import { Reel } from "./reel.js";
import { Screen, composeFigure, readFilm } from "./screen.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const LAG = 1.2; // seconds behind a run that goes on, so that it is seen to move all the time
const LONGEST_TICK = 0.1; // seconds; a longer pause is no time that passed
const REST = 150; // milliseconds without a movement of the scrubber, then the figure follows
const RETRY = 1500; // milliseconds

/** What Streamlit calls whenever it has data for a player. */
export default function mount({ parentElement, data }) {
  const player = (parentElement.player ??= new Player(parentElement));
  player.follow(data);
  return () => {
    if (player.box.isConnected) return;
    player.remove();
    delete parentElement.player;
  };
}

class Player {
  constructor(parent) {
    this.box = addElement(parent, "div", "gf-player");
    this.box.setAttribute("role", "group");
    this.reels = new Map(); // by letter
    this.cursors = new Map(); // by the figure's name
    this.steps = [];
    this.at = 0; // a step, or a place between two
    this.watch = (graph) => this.place(graph);
    watchers.add(this.watch);
    this.addControls();
  }

  addControls() {
    const add = (name, press) => addButton(this.box, `gf-button gf-film-${name}`, "", press);
    this.play = add("play", () => this.setPlaying(!this.isPlaying));
    this.back = add("back", () => this.step(-1));
    this.on = add("on", () => this.step(1));
    this.range = addElement(this.box, "input", "gf-range");
    Object.assign(this.range, { type: "range", min: 0, step: 1, value: 0 });
    this.range.addEventListener("input", () => this.scrub(Number(this.range.value)));
    this.speed = addElement(this.box, "select");
    for (const speed of SPEEDS) {
      const text = { 0.25: "¼ ×", 0.5: "½ ×" }[speed] ?? `${speed} ×`;
      addElement(this.speed, "option", "", text).value = speed;
    }
    this.speed.value = 1;
    this.loop = add("loop", () => {
      const isOn = this.loop.getAttribute("aria-pressed") !== "true";
      this.loop.setAttribute("aria-pressed", isOn);
    });
    this.loop.setAttribute("aria-pressed", false);
    this.words = addElement(this.box, "output", "gf-film-words");
    this.words.setAttribute("aria-live", "off"); // the scrubber says it
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target !== this.range) return;
      event.preventDefault();
      this.setPlaying(!this.isPlaying);
    });
  }

  /** Take what the page says of the runs by now. */
  follow(data) {
    const isNew = data.id !== this.data?.id;
    this.data = data;
    const { texts } = data;
    this.box.setAttribute("aria-label", texts.film);
    for (const name of ["back", "on", "loop"]) {
      this[name].setAttribute("aria-label", texts[name]);
      this[name].title = texts[name];
    }
    this.range.setAttribute("aria-label", texts.scrubber);
    this.speed.setAttribute("aria-label", texts.speed);
    if (isNew) {
      this.reels = new Map(data.runs.map((run) => [run.letter, new Reel(run)]));
      this.steps = [];
      this.at = 0;
      this.isTouched = false;
      this.setPlaying(!wantsCalm());
    }
    for (const run of data.runs) this.reels.get(run.letter)?.follow(run);
    this.load();
    this.draw();
  }

  get flow() {
    return graphs.get(this.data.figures.flow);
  }

  /** Fetch what is missing, one run after the other. */
  async load() {
    if (this.isLoading) return;
    this.isLoading = true;
    const { reels } = this;
    let hasNew = false;
    const wanted = readFilm(this.flow?.base)?.gradient;
    try {
      for (const reel of wanted ? reels.values() : []) {
        if (reel.gradient === wanted && reel.isComplete) continue;
        const count = reel.gradient === wanted ? reel.frames.length : 0;
        await reel.fetch(wanted);
        hasNew ||= reel.frames.length > count;
      }
      if (hasNew && reels === this.reels) this.take();
    } catch (error) {
      console.warn("GradFlow could not fetch a film:", error.message);
      this.timer = setTimeout(() => this.load(), RETRY);
      return;
    } finally {
      this.isLoading = false;
    }
    const isLate = readFilm(this.flow?.base)?.gradient !== wanted || reels !== this.reels;
    if (isLate || hasNew) this.load();
  }

  /** Take the frames that have come. */
  take() {
    const steps = new Set([...this.reels.values()].flatMap(({ frames }) => frames.map(({ step }) => step)));
    const before = this.steps.length;
    this.steps = [...steps].sort((a, b) => a - b);
    if (!this.steps.length) return;
    if (!before) this.at = this.steps[0];
    this.range.max = this.steps.length - 1;
    if (!this.isPlaying && !this.isTouched) this.at = this.steps.at(-1); // no motion is wanted
    if (this.isPlaying) this.draw();
    else this.rest();
  }

  get isReady() {
    return this.steps.length > 0 && this.isLoaded;
  }

  get isLoaded() {
    const film = readFilm(this.flow?.base);
    return Boolean(film) && [...this.reels.values()].every((reel) => reel.gradient === film.gradient);
  }

  /** The recorded step that is nearest to where the film is. */
  get named() {
    const after = this.steps.findIndex((step) => step >= this.at);
    if (after <= 0) return after ? this.steps.length - 1 : 0;
    const [low, high] = [this.steps[after - 1], this.steps[after]];
    return this.at - low < high - this.at ? after - 1 : after;
  }

  setPlaying(isPlaying) {
    const { texts } = this.data;
    if (isPlaying && !this.isPlaying) this.begun = undefined;
    this.isPlaying = isPlaying;
    this.play.setAttribute("aria-label", isPlaying ? texts.pause : texts.play);
    this.play.title = isPlaying ? texts.pause : texts.play;
    this.play.classList.toggle("gf-on", isPlaying);
    cancelAnimationFrame(this.frame);
    if (!isPlaying) {
      this.rest();
      return;
    }
    if (this.steps.length && this.at >= this.steps.at(-1) && !this.data.isLive) this.at = this.steps[0];
    const tick = (now) => {
      this.frame = requestAnimationFrame(tick);
      this.advance(now);
    };
    this.frame = requestAnimationFrame(tick);
  }

  advance(now) {
    const seconds = Math.min(LONGEST_TICK, (now - (this.begun ?? now)) / 1000);
    this.begun = now;
    if (!this.isReady || !this.flow.drawn) return;
    const [first, last] = [this.steps[0], this.steps.at(-1)];
    const { isLive, seconds: whole, planned } = this.data;
    const speed = Number(this.speed.value);
    const pace = (speed * Math.max(1, planned - first)) / whole;
    this.at += seconds * (isLive ? Math.min(pace, (last - this.at) / LAG) : pace);
    if (this.at >= last) {
      this.at = last;
      if (!isLive && this.loop.getAttribute("aria-pressed") === "true") {
        this.at = first;
      } else if (!isLive) {
        this.isTouched = true;
        this.setPlaying(false);
        return;
      }
    }
    this.frames = (this.frames ?? 0) + 1;
    this.draw();
  }

  step(by) {
    this.isTouched = true;
    const to = Math.min(this.steps.length - 1, Math.max(0, this.named + by));
    this.at = this.steps[to] ?? 0;
    this.setPlaying(false);
  }

  /** Follow the scrubber: the canvas at once, the figure when it rests. */
  scrub(index) {
    this.isTouched = true;
    if (this.isPlaying) this.setPlaying(false);
    this.at = this.steps[index] ?? 0;
    this.draw();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
  }

  /** Have the figures themselves show the recorded step. */
  rest() {
    clearTimeout(this.resting);
    if (!this.steps.length) return;
    this.at = this.steps[this.named];
    this.draw();
    this.flow?.redraw?.();
  }

  /** Show where the film is: on the scrubber, in words, in all figures. */
  draw() {
    const { steps, range } = this;
    if (!steps.length) return;
    const index = this.named;
    if (Number(range.value) !== index) range.value = index;
    const text = this.describe(steps[index]);
    if (text !== this.text) {
      this.text = text;
      this.words.textContent = text;
      range.setAttribute("aria-valuetext", text);
    }
    const shown = wantsCalm() ? steps[index] : this.at;
    const runs = [...this.reels.values()].filter(({ last }) => last);
    for (const name of this.data.figures.steps) {
      const places = runs.map(({ last }) => Math.min(shown, last.step));
      this.findCursor(name)?.show(places, this.isPlaying);
    }
    this.drawFlow(shown);
  }

  drawFlow(shown) {
    const graph = this.flow;
    if (this.screen && this.screen.graph !== graph) this.screen = undefined;
    if (!graph?.drawn || !readFilm(graph.drawn)) return;
    this.screen ??= new Screen(graph);
    if (!this.isLoaded) {
      this.screen.close(); // frames of another gradient
      return;
    }
    this.moments = new Map();
    for (const [letter, reel] of this.reels) {
      if (reel.last) this.moments.set(letter, reel.findAround(shown));
    }
    const isThere = !this.isPlaying && graph.drawn.step === this.at;
    if (isThere) this.screen.close();
    else this.screen.show(this.moments);
  }

  describe(step) {
    const { texts, runs, planned } = this.data;
    const losses = [...this.reels.values()].flatMap((reel) => {
      if (!reel.last) return [];
      const { from } = reel.findAround(step);
      const loss = from.loss === null ? "∞" : formatNumber(from.loss);
      const isOver = reel.isOver && step > reel.last.step;
      const note = step >= reel.last.step && reel.end ? ` (${reel.end})` : "";
      const late = isOver && !note ? ` (${texts.step} ${formatNumber(from.step)})` : "";
      return [`${runs.length > 1 ? `${reel.letter} ` : ""}${loss}${note}${late}`];
    });
    const place = texts.place.replace("{step}", formatNumber(step)).replace("{steps}", formatNumber(planned));
    return `${place}: ${texts.loss} ${losses.join(" · ")}`;
  }

  findCursor(name) {
    const graph = graphs.get(name);
    if (this.cursors.get(name)?.graph !== graph) {
      this.cursors.get(name)?.remove();
      this.cursors.delete(name);
    }
    if (graph && !this.cursors.has(name)) this.cursors.set(name, new Cursor(graph));
    return this.cursors.get(name);
  }

  /** Take up a figure that has just been drawn. */
  place(graph) {
    if (!this.data) return;
    if (graph === this.flow && graph.edit !== this.edit) {
      graph.edit = this.edit;
      graph.redraw();
    }
    if (graph === this.flow) this.load();
    this.draw();
  }

  /** Put the frames of now into the Flow figure, unless the film moves. */
  edit = (base) => {
    if (this.isPlaying || !this.isReady || !readFilm(base)) return base;
    const frames = new Map();
    for (const [letter, reel] of this.reels) {
      if (reel.last) frames.set(letter, reel.findAround(this.at).from);
    }
    return { ...composeFigure(base, frames, this.data.texts), step: this.at };
  };

  remove() {
    watchers.delete(this.watch);
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    clearTimeout(this.resting);
    this.screen?.close();
    for (const cursor of this.cursors.values()) cursor.remove();
    if (this.flow?.edit === this.edit) this.flow.edit = undefined;
  }
}
