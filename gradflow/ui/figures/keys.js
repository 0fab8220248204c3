// Points of a figure by keyboard: arrow keys go from one to the next, Enter chooses.

import { listItems } from "./places.js";

export class Keys {
  constructor(graph) {
    this.graph = graph;
    graph.plot.addEventListener("keydown", (event) => this.handle(event));
  }

  handle(event) {
    const { plot, drawn, head, Plotly, spoken } = this.graph;
    const traces = drawn && head.keys ? listChoosable(plot) : [];
    if (!traces.length || event.target !== plot) return;
    const values = listItems(traces[0].customdata);
    const last = values.length - 1;
    const at = values.indexOf(this.value);
    const step = {
      ArrowRight: Math.min(at + 1, last),
      ArrowLeft: Math.max(at - 1, 0),
      Home: 0,
      End: last,
      ...findAboveAndBelow(traces[0], at),
    }[event.key];
    if (step !== undefined) {
      this.value = values[step];
      const x = listItems(traces[0].x)[step];
      if (isMap(traces[0])) {
        Plotly.Fx.hover(plot, [{ curveNumber: plot.data.indexOf(traces[0]), pointNumber: step }]);
        this.graph.peek?.rest(this.value, x); // Plotly tells of pointers alone
      } else {
        Plotly.Fx.hover(plot, { xval: x }, traces.map(nameSubplot));
      }
      spoken.textContent = stripTags(listItems(traces[0].hovertext ?? [])[step] ?? x);
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      this.graph.choosePoint(this.value);
    } else {
      return;
    }
    event.preventDefault();
  }
}

/** List the traces whose points each stand for something to choose. */
function listChoosable(plot) {
  return plot.data.filter(
    ({ type, customdata, hovertext }) => type === "scatter" && customdata && hovertext,
  );
}

/** Whether points stand above each other, so that there are two ways to go. */
function isMap({ x }) {
  const items = listItems(x);
  return new Set(items).size < items.length;
}

/** Find the points next to one in its column of a map. */
function findAboveAndBelow(trace, at) {
  if (at < 0 || !isMap(trace)) return {};
  const [x, y] = [listItems(trace.x), listItems(trace.y)];
  const column = x.map((_, i) => i).filter((i) => x[i] === x[at]);
  column.sort((one, other) => y[one] - y[other]);
  const place = column.indexOf(at);
  return { ArrowUp: column[place + 1] ?? at, ArrowDown: column[place - 1] ?? at };
}

function nameSubplot({ xaxis, yaxis }) {
  return (xaxis ?? "x") + (yaxis ?? "y");
}

function stripTags(text) {
  return String(text).replace(/<br>/g, ", ").replace(/<[^>]*>/g, "");
}
