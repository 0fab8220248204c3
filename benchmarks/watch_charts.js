// Takes the time from a key press to the first Plotly figure that looks different from all before, or
// to the first drawing of a board, which is made anew only where something has changed.
() => {
  const state = (window.watch = { armed: false, begin: 0, latency: null, lastDrawn: 0 });
  const watched = new WeakSet();
  const unseen = new Set(); // drawn, perhaps, before their drawing could be watched
  let before = new Set();
  const charts = () => document.querySelectorAll(".js-plotly-plot");
  // What Plotly adds of its own begins with an underscore.
  const skipPrivate = (key, value) => (key.startsWith("_") ? undefined : value);
  const describe = ({ data, layout }) =>
    JSON.stringify([data, layout?.annotations, layout?.shapes, layout?.title], skipPrivate);
  const check = (chart, now) => {
    state.lastDrawn = now;
    if (!state.begin || state.latency !== null || before.has(describe(chart))) return;
    state.latency = now - state.begin;
  };
  const watch = () => {
    for (const chart of charts()) {
      if (watched.has(chart) || !chart.on) continue;
      watched.add(chart);
      unseen.add(chart);
      chart.on("plotly_afterplot", () => {
        unseen.delete(chart);
        check(chart, performance.now());
      });
    }
  };
  new MutationObserver((changes) => {
    if (!changes.some(({ target }) => target.matches?.(".gf-board .main-svg"))) return;
    state.lastDrawn = performance.now();
    if (state.begin && state.latency === null) state.latency = state.lastDrawn - state.begin;
  }).observe(document.body, { childList: true, subtree: true });
  watch();
  new MutationObserver(watch).observe(document.body, { childList: true, subtree: true });
  const frame = () => {
    for (const chart of unseen) {
      if (!chart.data || !chart.querySelector(".main-svg")) continue;
      unseen.delete(chart);
      check(chart, performance.now());
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  // Called before the key is pressed, so that remembering the figures takes no measured time.
  state.arm = () => {
    before = new Set([...charts()].filter((chart) => chart.data).map(describe));
    Object.assign(state, { armed: true, begin: 0, latency: null });
  };
  const begin = () => {
    if (!state.armed) return;
    state.armed = false;
    state.begin = performance.now();
  };
  document.addEventListener("keydown", begin, true);
}
