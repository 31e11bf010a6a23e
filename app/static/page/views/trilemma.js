// The trilemma: fairness, robustness and revenue of each policy as one point of a triangle.

import { card } from "../card.js";
import { chart, color, legend, sign, tooltip } from "../chart.js";
import { setAims, USUAL_AIMS } from "../case.js";
import { button, el, field, select } from "../dom.js";
import { money, percent, significant } from "../format.js";
import { refusals } from "../problem.js";
import { results, solve, state } from "../state.js";
import { currency, label } from "./labels.js";

export const trilemma = { id: "trilemma", title: "Trilemma", show };

const MODELS = [
  ["deleverage", "equity and position shrink alike"],
  ["cash", "money is taken, the position stays"],
  ["both", "money is taken, that share is closed"],
];
const FAIR = { max_haircut: "worst haircut", gini: "Gini of haircuts" };
const HEIGHT = Math.sqrt(3) / 2;
const [PIXELS, ABOVE, BELOW] = [460, 70, 36]; // of the chart, and around the triangle
const SIGN_ROOM = 14; // pixels from a corner to its name: a sign may lie on the corner
const CORNERS = { fairness: [0.5, HEIGHT], robustness: [0, 0], revenue: [1, 0] };

const choice = { fair: "max_haircut", model: "deleverage" };

function show(panel) {
  const { solved, refused } = results();
  const missing = ["shock", "retention"].filter((aim) => !state.options[aim]);
  panel.replaceChildren(
    el("h2", {}, "Trilemma"),
    ...(missing.length > 0 ? [ask(missing)] : [controls(panel), triangle(solved)]),
    refusals(refused, label) ?? "",
  );
}

/** Without a next shock robustness is not known, nor revenue without a retention: then there is no triangle. */
function ask(missing) {
  const needs = {
    shock: "a shock, for the loss to expect at the next move",
    retention: "a retention, for the fees of customers who stay",
  };
  const usual = { ...USUAL_AIMS, ...state.options };
  return el(
    "div",
    { className: "card" },
    el("p", {}, `To draw the triangle choose ${missing.map((aim) => needs[aim]).join(", and ")}, in the case.`),
    button("Assume Student's t with 3 degrees of freedom, scale 0.05, and linear retention, rate 0.5", () => {
      setAims(usual);
      solve();
    }),
  );
}

function controls(panel) {
  const again =
    (name) =>
    ({ target }) => {
      choice[name] = target.value;
      show(panel);
    };
  return el(
    "div",
    { className: "row" },
    field("Fairness by", select(Object.entries(FAIR), choice.fair, { onchange: again("fair") })),
    field(
      "What a haircut does",
      select(
        MODELS.map(([name, what]) => [name, `${name}: ${what}`]),
        choice.model,
        { onchange: again("model") },
      ),
    ),
  );
}

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

function placed(all) {
  const fairness = scores(
    all.map(({ unfair }) => unfair),
    true,
  );
  const robustness = scores(
    all.map(({ deficit }) => Number(deficit)),
    true,
  );
  const revenue = scores(
    all.map(({ kept }) => kept),
    false,
  );
  return all.map((figures, row) => {
    const score = { fairness: fairness[row], robustness: robustness[row], revenue: revenue[row] };
    const sum = score.fairness + score.robustness + score.revenue;
    const at = (axis) =>
      Object.entries(CORNERS).reduce((total, [aim, corner]) => total + (score[aim] / sum) * corner[axis], 0);
    return { ...figures, score, sum, point: sum > 0 ? [at(0), at(1)] : null };
  });
}

function triangle(solved) {
  const found = solved.map(figuresOf);
  const known = found.filter(({ unfair, kept }) => unfair !== null && kept !== null);
  if (known.length < 2) {
    return el("p", {}, "A triangle compares policies: it takes two that were solved, on a book with winners and fees.");
  }
  const all = placed(known);
  const worst = all.filter(({ point }) => point === null).map(({ name }) => name);
  const column = (title, name, text) => ({ title, value: (row) => all[row][name], text, number: true });
  const score = (aim) => ({
    title: `${aim} score`,
    value: (row) => all[row].score[aim],
    text: (value) => significant(value, 3),
    number: true,
  });
  return card({
    title: "Fairness, robustness, revenue",
    name: "trilemma",
    note: el(
      "div",
      {},
      el(
        "p",
        {},
        "The nearer a corner, the more of a policy's merit is of that kind; the larger the sign, the more merit in all. In the middle all three are served alike, well or badly: the size tells which.",
      ),
      el(
        "p",
        {},
        `How it is placed: fairness is the ${FAIR[choice.fair]}, robustness the loss to expect at the next shock (model ${choice.model}), revenue the share of fees kept. Each becomes a score, 1 for the best of the policies shown, 0 for the worst, and in proportion between; a figure that is the same for all scores 1. The three scores, divided by their sum, are the distances from the sides. So a point depends on which policies are shown; the table has the figures themselves.`,
      ),
      worst.length > 0 ? el("p", {}, `Worst in all three, so without a place: ${worst.join("; ")}.`) : null,
    ),
    chart: chart({
      label: "Triangle of fairness, robustness and revenue, a sign a policy. The table below has the figures.",
      height: "min(460px, 75vw)",
      option: (theme, _, width) => option(theme, width, all),
    }),
    rows: {
      caption: "Figures and scores",
      columns: [
        { title: "Policy", value: (row) => all[row].name },
        column(
          choice.fair === "gini" ? "Gini" : "Worst haircut",
          "unfair",
          choice.fair === "gini" ? (value) => significant(value, 5) : percent,
        ),
        column(`Expected deficit left (${currency()})`, "deficit", money),
        column(`Fees kept (${currency()})`, "fees", money),
        column("Share of fees kept", "kept", percent),
        score("fairness"),
        score("robustness"),
        score("revenue"),
      ],
      length: all.length,
    },
    answer: all,
    asked: [state.comparison.question],
  });
}

function option(theme, width, all) {
  const side = Math.min(width - 96, (PIXELS - ABOVE - BELOW) / HEIGHT);
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
    legend: { ...legend(theme), data: all.filter(({ point }) => point).map(({ name }) => name) },
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
