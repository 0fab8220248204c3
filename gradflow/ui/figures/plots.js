// Plotly itself: its script, and what it offers on every figure.

const PLOT_BUTTONS = {
  displaylogo: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};
// Without a mouse, Plotly would always show its buttons, over the legend, and a finger that scrolls
// the page would zoom. What a browser makes of one tap counts as two clicks, which let the axes go.
const TOUCH = { displayModeBar: false, showAxisDragHandles: false, doubleClick: false };
export const isTouched = matchMedia("(hover: none)").matches;
const FULLSCREEN_ICON = {
  width: 24,
  height: 24,
  path: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
};

let plotly;

/** Load Plotly once for all figures. */
export function loadPlotly(url) {
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => {
      plotly = undefined; // the next figure tries again
      script.remove();
      reject(new Error(`${url} was not loaded`));
    };
    document.head.append(script);
  });
  return plotly;
}

/** Make the configuration of a figure: its buttons, as far as there is a mouse for them. */
export function makeConfig(box, title) {
  if (isTouched) return TOUCH;
  if (!document.fullscreenEnabled) return PLOT_BUTTONS; // a phone's
  const click = () =>
    document.fullscreenElement ? document.exitFullscreen() : box.requestFullscreen();
  const button = { name: title, title, icon: FULLSCREEN_ICON, click };
  return { ...PLOT_BUTTONS, modeBarButtonsToAdd: [button] };
}

export function stopAnimation(Plotly, plot) {
  Plotly.animate(plot, [null], { mode: "immediate" }).catch(() => {});
}
