// Fairness: the Lorenz curve of each policy, and the figures that go with it.

import { card } from "../card.js";
import { axis, chart, color, dash, legend, sign, tooltip } from "../chart.js";
import { el } from "../dom.js";
import { money, percent, significant, words } from "../format.js";
import { results, state } from "../state.js";
import { currency, label, unsolved } from "./labels.js";

export function show(panel) {
  const { solved, refused } = results();
  const all = solved.map(({ policy, answer }) => ({ name: label(policy), figures: answer.diagnostics.fairness }));
  panel.replaceChildren(
    el("h2", {}, "Fairness"),
    curves(all.filter(({ figures }) => figures.lorenz !== null)),
    figuresCard(all),
    unsolved(refused),
  );
}

function curves(all) {
  const points = all.flatMap(({ name, figures }) => figures.lorenz.map(([x, y]) => ({ name, x, y })));
  const option = (theme, narrow) => ({
    legend: legend(theme),
    grid: { left: 36, right: 20, top: 44, bottom: 44, containLabel: true },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ seriesName, value }) =>
        `${seriesName}\n${percent(value[0])} of profits bear ${percent(value[1])} of the burden`,
    },
    xAxis: axis(theme, {
      type: "value",
      min: 0,
      max: 1,
      name: narrow ? "Share of profits" : "Share of profits, the smallest haircuts first",
      nameGap: 28,
      axisLabel: { formatter: percent },
    }),
    yAxis: axis(theme, {
      type: "value",
      min: 0,
      max: 1,
      name: narrow ? "" : "Share of the burden",
      nameGap: 44,
      axisLabel: { formatter: percent },
    }),
    series: [
      {
        name: "equal",
        type: "line",
        data: [
          [0, 0],
          [1, 1],
        ],
        symbol: "none",
        lineStyle: { color: theme.soft, width: 1, type: "dotted" },
        itemStyle: { color: theme.soft },
      },
      ...all.map(({ name, figures }, place) => ({
        name,
        type: "line",
        data: figures.lorenz,
        symbol: sign(place),
        symbolSize: figures.lorenz.length > 30 ? 3 : 8,
        lineStyle: { width: 2.5, type: dash(place), color: color(theme, place) },
        itemStyle: { color: color(theme, place) },
      })),
    ],
  });
  return card({
    title: "Lorenz curves of the burden",
    name: "lorenz",
    note: "Accounts in order of their haircut, the smallest first: how much of the burden falls on how much of the profits. On the diagonal everybody loses the same share; the deeper a curve hangs, the fewer bear it all.",
    chart: chart({
      label: "Lorenz curves of the burden, a line a policy. The tables below have the figures.",
      height: 420,
      option,
    }),
    rows: {
      caption: "Points of the curves",
      columns: [
        { title: "Policy", value: (row) => points[row].name },
        { title: "Share of profits", value: (row) => points[row].x, text: percent, number: true },
        { title: "Share of the burden", value: (row) => points[row].y, text: percent, number: true },
      ],
      length: points.length,
      search: "Find a policy",
    },
    answer: Object.fromEntries(all.map(({ name, figures }) => [name, figures.lorenz])),
    asked: [state.comparison.question],
  });
}

function figuresCard(all) {
  const ratio = (title, name, text = (value) => significant(value, 5)) => ({
    title,
    value: (row) => all[row].figures[name],
    text,
    number: true,
  });
  const verdict = (other) => ({
    title: `Against ${other}`,
    value: (row) => all[row].figures.versus[other],
    text: (value) => (value === null ? "none" : words(value)),
  });
  return card({
    title: "Fairness in figures",
    name: "fairness",
    note: "Gini 0 and Jain 1 are equal. A rank inversion is a pair of winners of whom the richer ends poorer. The regret is what the worst haircut is above the smallest possible one, times the budget.",
    rows: {
      caption: "Fairness of each policy",
      columns: [
        { title: "Policy", value: (row) => all[row].name },
        ratio("Worst haircut", "max_haircut", percent),
        ratio("Mean haircut", "mean_haircut", percent),
        ratio("Top winner keeps", "top_winner_survival", percent),
        ratio("Gini", "gini"),
        ratio("Jain", "jain"),
        ratio("Rank inversions", "rank_inversions"),
        ratio(`Regret (${currency()})`, "fairness_regret", money),
        verdict("capped-pro-rata"),
        verdict("queue"),
      ],
      length: all.length,
    },
    answer: Object.fromEntries(all.map(({ name, figures }) => [name, figures])),
  });
}
