// The triangle of the trilemma: where each policy's merit lies between fairness, robustness and revenue.

import { chart, color, legend, sign, tooltip } from "../chart.js";
import { significant } from "../format.js";
import { label } from "./labels.js";

export const FAIR = { max_haircut: "worst haircut", gini: "Gini of haircuts" };
export const choice = { fair: "max_haircut", model: "deleverage" };

const HEIGHT = Math.sqrt(3) / 2;
const [PIXELS, ABOVE, BELOW] = [460, 34, 36]; // the largest chart, and room for the names of the corners
const LEGEND = 56; // below them
const IN_LEGEND = 6; // policies; more are turned to
const SIGN_ROOM = 14; // pixels from a corner to its name: a sign may lie on the corner
const CORNERS = { fairness: [0.5, HEIGHT], robustness: [0, 0], revenue: [1, 0] };

/** Raw figures, less is better of the first two; floats, since they only place a point. */
function figuresOf({ policy, answer: { diagnostics } }) {
  const model = diagnostics.robustness.models.find(({ exposure_model: name }) => name === choice.model);
  return {
    name: label(policy),
    unfair: diagnostics.fairness[choice.fair],
    deficit: model.expected_deficit_after,
    kept: diagnostics.revenue.share_kept,
    fees: diagnostics.revenue.ltv_kept,
  };
}

/** 1 for the best of these policies and 0 for the worst; 1 for all where they are equal. */
function scores(values, smaller) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (high === low ? 1 : (smaller ? high - value : value - low) / (high - low)));
}

/** Figures, scores and points of what was solved with a shock and a retention; null where there is nothing to compare. */
export function placed(solved) {
  const all = solved.map(figuresOf).filter(({ unfair, kept }) => unfair !== null && kept !== null);
  if (all.length < 2) return null;
  const of = (pick, smaller) => scores(all.map(pick), smaller);
  const fairness = of(({ unfair }) => unfair, true);
  const robustness = of(({ deficit }) => Number(deficit), true);
  const revenue = of(({ kept }) => kept, false);
  return all.map((figures, row) => {
    const score = { fairness: fairness[row], robustness: robustness[row], revenue: revenue[row] };
    const sum = score.fairness + score.robustness + score.revenue;
    const at = (axis) =>
      Object.entries(CORNERS).reduce((total, [aim, corner]) => total + (score[aim] / sum) * corner[axis], 0);
    return { ...figures, score, sum, point: sum > 0 ? [at(0), at(1)] : null };
  });
}

export const NOTHING =
  "A triangle compares policies: it takes two that were solved, on a book with winners and fees.";

/** Names of policies that are worst in all three and have no place. */
export const placeless = (all) => all.filter(({ point }) => point === null).map(({ name }) => name);

export const triangle = (all) =>
  chart({
    label: "Triangle of fairness, robustness and revenue, a sign a policy. The table has the figures.",
    height: null,
    option: (theme, _, width) => option(theme, width, all),
  });

function option(theme, width, all) {
  const side = Math.min(width - 96, (PIXELS - ABOVE - BELOW - LEGEND) / HEIGHT);
  const edge = { type: "line", symbol: "none", silent: true, lineStyle: { color: theme.soft, width: 1.5 } };
  const [top, left, right] = Object.values(CORNERS);
  const names = [
    { value: top, label: { position: "top", distance: SIGN_ROOM }, name: "Fairness" },
    { value: left, label: { position: "bottom", distance: SIGN_ROOM }, name: "Robustness" },
    { value: right, label: { position: "bottom", distance: SIGN_ROOM }, name: "Revenue" },
  ];
  const median = (from, to) => ({
    ...edge,
    data: [from, to],
    lineStyle: { color: theme.line, width: 1, type: "dashed" },
  });
  const half = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  return {
    legend: {
      ...legend(theme),
      type: all.length <= IN_LEGEND ? "plain" : "scroll",
      top: ABOVE + side * HEIGHT + BELOW,
      itemWidth: 14,
      data: all.filter(({ point }) => point).map(({ name }) => name),
    },
    grid: { left: (width - side) / 2, width: side, top: ABOVE, height: side * HEIGHT },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ data }) => (data.row ? told(all, data.row) : ""),
    },
    xAxis: { type: "value", min: 0, max: 1, show: false },
    yAxis: { type: "value", min: 0, max: HEIGHT, show: false },
    series: [
      median(top, half(left, right)),
      median(left, half(top, right)),
      median(right, half(top, left)),
      { ...edge, data: [top, left, right, top] },
      {
        type: "scatter",
        silent: true,
        symbolSize: 1,
        data: names.map(({ label: where, ...datum }) => ({
          ...datum,
          label: { show: true, formatter: "{b}", color: theme.ink, fontWeight: "bold", fontSize: 14, ...where },
        })),
      },
      ...all.map(({ name, point, sum }, place) => ({
        name,
        type: "scatter",
        symbol: sign(place),
        symbolSize: 10 + 6 * sum,
        itemStyle: { color: color(theme, place), opacity: 0.85, borderColor: theme.paper, borderWidth: 1 },
        data: point ? [{ value: point, row: all[place] }] : [],
        z: 10,
      })),
    ],
  };
}

/** The names of all policies at this place, since signs may cover each other, and the scores. */
function told(all, { point, score }) {
  const near = (other) =>
    other.point !== null && Math.hypot(other.point[0] - point[0], other.point[1] - point[1]) < 0.01;
  const names = all.filter(near).map(({ name }) => name);
  return [...names, ...Object.entries(score).map(([aim, value]) => `${aim} ${significant(value, 3)}`)].join("\n");
}
