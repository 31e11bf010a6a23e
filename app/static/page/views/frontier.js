// The frontier: blends that no other blend beats, each of which can be taken into the comparison.

import { ask } from "../api.js";
import { card } from "../card.js";
import { addPolicy } from "../case.js";
import { axis, chart, legend, tooltip } from "../chart.js";
import { button, el, field, select } from "../dom.js";
import { money, percent, short, significant, words } from "../format.js";
import { caseQuestion, state } from "../state.js";
import { addressOf } from "../tabs.js";
import { lacking, missing } from "./aims.js";
import { currency, fill, label, unsolved } from "./labels.js";

const MEASURES = ["max_haircut", "gini", "expected_deficit", "cvar", "revenue_kept"];
const NEEDS = { expected_deficit: "shock", cvar: "shock", revenue_kept: "retention" };
const LARGE = 2000; // accounts; a sweep of more takes seconds, so it is asked for by hand
const chosen = { x: "max_haircut", y: "expected_deficit", size: "revenue_kept", points: 15 };

let kept = null; // {key, json, question} of the last sweep

export async function show(panel, alive) {
  const place = el("div");
  const again = () => show(panel, alive);
  panel.replaceChildren(el("h2", {}, "Frontier"), controls(again), place);
  const wanted = measures();
  const lacks = missing([...new Set(wanted.map((name) => NEEDS[name]).filter((aim) => aim !== undefined))]);
  if (lacks.length > 0) {
    const aims = lacks.map((aim) => `a ${aim}`).join(" and ");
    return place.append(lacking(`These measures need ${aims}: choose in the case, or other measures.`));
  }
  if (wanted.length < 2) return place.append(el("p", {}, "Choose two different measures at least."));
  const asked = caseQuestion("/v1/frontiers", { measures: wanted, points: chosen.points });
  const key = asked.parts.join("");
  const run = () =>
    fill(place, alive, "Sweeping the blends; a large book takes some seconds…", async () => {
      if (kept?.key !== key) kept = { key, question: asked, json: (await ask(asked)).json };
      return shown(kept);
    });
  if (kept?.key === key || state.book.count <= LARGE) return run();
  place.append(
    el("p", {}, "The book is large: a sweep solves it some dozens of times."),
    button("Compute the frontier", run),
  );
}

const measures = () => [...new Set([chosen.x, chosen.y, chosen.size].filter((name) => name !== ""))];

function controls(again) {
  const options = MEASURES.map((name) => [name, words(name)]);
  const pick = (name, more = []) =>
    select([...more, ...options], chosen[name], {
      onchange: ({ target }) => {
        chosen[name] = target.value;
        again();
      },
    });
  return el(
    "div",
    { className: "row" },
    field("Across", pick("x")),
    field("Up", pick("y")),
    field("Size of the sign", pick("size", [["", "nothing"]])),
  );
}

const text = (name) => (value) =>
  name === "max_haircut" ? percent(value) : name === "gini" ? significant(value, 5) : money(value);

function take(policy) {
  location.hash = addressOf("who-pays");
  addPolicy(policy);
}

function shown({ json, question }) {
  const names = json.measures;
  const marked = json.policies.filter(({ measures: found }) => found);
  const all = [
    ...json.points.map((point) => ({ ...point, kind: "blend" })),
    ...marked.map((point) => ({ ...point, kind: "policy" })),
  ];
  const title = (name) => (NEEDS[name] ? `${words(name)} (${currency()})` : words(name));
  return [
    card({
      title: "Frontier of blends",
      name: "frontier",
      note: "A filled sign is a blend that no other blend beats; a hollow one is a policy by its name alone. Less is better, but for revenue kept. Pick a sign, or a row, to compare that policy with the others.",
      chart: chart({
        label: `Frontier: ${words(names[0])} across, ${words(names[1])} up. The table below has the figures, and a button to take each point.`,
        height: 420,
        option: (theme, narrow) => option(theme, narrow, all),
        onpick: ({ policy }) => policy && take(policy),
      }),
      rows: {
        caption: "Points of the frontier, and policies held against it",
        columns: [
          { title: "Policy", value: (row) => label(all[row].policy) },
          ...names.map((name) => ({
            title: title(name),
            value: (row) => all[row].measures[name],
            text: text(name),
            number: true,
          })),
          { title: "Dominated", value: (row) => all[row].dominated ?? false, text: (value) => (value ? "yes" : "no") },
          { title: "Distance", value: (row) => all[row].distance ?? 0, text: percent, number: true },
          {
            title: "Take",
            action: (row) =>
              button("Take", () => take(all[row].policy), { "aria-label": `Take ${label(all[row].policy)}` }),
          },
        ],
        length: all.length,
      },
      answer: json,
      asked: [question],
      more: json.notes.map((note) => el("p", { className: "small" }, note)),
    }),
    unsolved(
      json.policies.filter(({ problem }) => problem),
      question.sources,
    ),
  ];
}

function option(theme, narrow, all) {
  const { x, y } = chosen;
  const sizes = all.map(({ measures: found }) => (chosen.size === "" ? 1 : Number(found[chosen.size])));
  const [low, high] = [Math.min(...sizes), Math.max(...sizes)];
  const size = (place) => 9 + (high > low ? (15 * (sizes[place] - low)) / (high - low) : 4);
  const datum = (point, place) => ({
    value: [Number(point.measures[x]), Number(point.measures[y])],
    point,
    policy: point.policy,
    symbolSize: size(place),
  });
  const data = all.map(datum);
  const series = (name, kind, rest) => ({
    name,
    type: "scatter",
    data: data.filter((_, place) => all[place].kind === kind),
    ...rest,
  });
  const scale = (name) => ({
    type: "value",
    scale: true,
    axisLabel: { formatter: name === "max_haircut" ? percent : short },
  });
  return {
    legend: legend(theme),
    grid: { left: 40, right: 24, top: 44, bottom: 48, containLabel: true },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ data: { point } }) =>
        [
          label(point.policy),
          ...Object.entries(point.measures).map(([name, value]) => `${words(name)}: ${text(name)(value)}`),
        ].join("\n"),
    },
    xAxis: axis(theme, { ...scale(x), name: words(x), nameGap: 30 }),
    yAxis: axis(theme, { ...scale(y), name: narrow ? "" : words(y), nameGap: 56 }),
    series: [
      series("blends", "blend", { itemStyle: { color: theme.colors[0] } }),
      series("policies", "policy", {
        symbol: "rect",
        itemStyle: { color: "transparent", borderColor: theme.colors[1], borderWidth: 2 },
      }),
    ],
  };
}
