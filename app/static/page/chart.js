// Charts by the vendored ECharts, in the colours of the page, drawn again when the scheme or the width changes.

import { breathe, el } from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const drawn = new Map(); // element -> function that draws it

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.clientWidth > 0) redraw(target);
});
dark.addEventListener("change", () => [...drawn.keys()].forEach(redraw));

let queue = Promise.resolve();

/** One chart a task, so that several do not hold up a key or a click together. */
function redraw(node) {
  queue = queue.then(breathe).then(() => drawn.get(node)?.());
}

// Distinct also without colour: each has a dash and a sign of its own.
const LIGHT = ["#0060a8", "#b04a00", "#007a5a", "#9b3f86", "#7a5c00", "#3d5a80", "#a01c2c", "#4b5563"];
const DARK = ["#6db6ff", "#ff9e57", "#3fd3a4", "#f09bdd", "#e6c34a", "#a6c8ec", "#ff8b95", "#c3cad4"];
const DASHES = ["solid", [8, 4], [2, 3], [10, 3, 2, 3]];
const SIGNS = ["circle", "rect", "triangle", "diamond", "pin", "arrow", "roundRect", "emptyCircle"];

export const dash = (place) => DASHES[place % DASHES.length];
export const color = ({ colors }, place) => colors[place % colors.length];

/** After a round of colours the signs are shifted by one, so that no pair comes twice among 64. */
export const sign = (place) => SIGNS[(place + Math.floor(place / LIGHT.length)) % SIGNS.length];

export function theme() {
  return dark.matches
    ? { colors: DARK, ink: "#e8ebf0", soft: "#aab4c2", line: "#39424f", paper: "#161b22" }
    : { colors: LIGHT, ink: "#1b222c", soft: "#4d5866", line: "#d3d9e1", paper: "#ffffff" };
}

/**
 * A chart with `option(theme, narrow, width)`, an ECharts option; `label` is what a screen reader says, `onpick(datum)` is
 * called for what is clicked. `height` null is that of the width, to a limit. The element has `chart()`, which answers its ECharts instance, once it is visible.
 */
export function chart({ label, option, height = 340, onpick = null }) {
  const node = el("div", { className: height === null ? "chart square" : "chart", role: "img", "aria-label": label });
  if (height !== null) node.style.height = `${height}px`;
  let instance = null;
  let form = "";
  drawn.set(node, () => {
    if (node.clientWidth === 0 && node.isConnected) return;
    if (!node.isConnected) {
      instance?.dispose();
      drawn.delete(node);
      resized.unobserve(node);
      return;
    }
    instance ??= start(node, onpick);
    const narrow = node.clientWidth < 520;
    instance.resize();
    if (form === `${dark.matches} ${node.clientWidth}`) return;
    form = `${dark.matches} ${node.clientWidth}`;
    instance.setOption({ ...common(theme()), ...option(theme(), narrow, node.clientWidth) }, { notMerge: true });
  });
  node.chart = () => instance;
  resized.observe(node);
  return node;
}

function start(node, onpick) {
  const instance = globalThis.echarts.init(node, null, { renderer: "canvas" });
  if (onpick) instance.on("click", ({ data }) => onpick(data));
  return instance;
}

function common({ colors, ink, paper, line }) {
  return {
    color: colors,
    animation: !still.matches,
    animationDuration: 250,
    textStyle: { color: ink, fontFamily: "system-ui, sans-serif", fontSize: 13 },
    tooltip: tooltip({ ink, paper, line }),
  };
}

/** Rich text: the other mode writes inline styles, which the page's policy refuses. */
export const tooltip = ({ ink, paper, line }) => ({
  renderMode: "richText",
  confine: true,
  backgroundColor: paper,
  borderColor: line,
  textStyle: { color: ink, fontSize: 13 },
});

/** One line of names; those that do not fit are turned to. */
export const legend = ({ ink, soft, line }) => ({
  type: "scroll",
  top: 0,
  textStyle: { color: ink },
  pageTextStyle: { color: ink },
  pageIconColor: soft,
  pageIconInactiveColor: line,
  itemWidth: 28,
});

export function axis({ soft, line, ink }, rest) {
  return {
    nameLocation: "middle",
    nameTextStyle: { color: ink },
    axisLabel: { color: soft, hideOverlap: true, ...rest.axisLabel },
    axisLine: { lineStyle: { color: line } },
    splitLine: { lineStyle: { color: line } },
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => key !== "axisLabel")),
  };
}

/** The chart as a PNG of twice its size. Not by toBlob, which waits for a browser that has nothing else to do. */
export function png(node) {
  const canvas = node.chart().renderToCanvas({ pixelRatio: 2, backgroundColor: theme().paper });
  const bytes = atob(canvas.toDataURL("image/png").split(",")[1]);
  return new Blob([Uint8Array.from(bytes, (one) => one.charCodeAt(0))], { type: "image/png" });
}
