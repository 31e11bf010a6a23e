// Who pays: each winner's profit before and after, policy beside policy.

import { card } from "../card.js";
import { axis, chart, color, legend, sign, tooltip } from "../chart.js";
import { breathe, button, el } from "../dom.js";
import { count, money, percent, short } from "../format.js";
import { answerOf } from "../judging.js";
import { allocation, results, tell } from "../state.js";
import { currency, fill, label, unsolved } from "./labels.js";
import { story } from "./story.js";

const DRAWN = 4; // policies side by side: more bars could not be told apart
const GROUPS = 20;

let hidden = new Set(); // texts of policies that are not drawn

export async function show(panel, alive) {
  const { solved, refused } = results();
  const drawn = solved
    .map(({ policy }) => policy)
    .filter((policy) => !hidden.has(keyOf(policy)))
    .slice(0, DRAWN);
  const place = el("div");
  panel.replaceChildren(
    el("h2", {}, "Who pays"),
    story(solved),
    choice(solved, drawn, () => show(panel, alive)),
    place,
    unsolved(refused),
  );
  await fill(place, alive, "Asking for every account…", () =>
    drawnCards(
      drawn,
      solved.map(({ policy }) => policy),
    ),
  );
}

const keyOf = (policy) => JSON.stringify(policy);

function choice(solved, drawn, again) {
  const boxes = solved.map(({ policy }) => {
    const onchange = ({ target }) => {
      hidden = new Set(solved.filter((other) => !drawn.includes(other.policy)).map((other) => keyOf(other.policy)));
      if (target.checked) hidden.delete(keyOf(policy));
      else hidden.add(keyOf(policy));
      again();
    };
    const checked = drawn.includes(policy);
    const disabled = !checked && drawn.length === DRAWN;
    return el("label", {}, el("input", { type: "checkbox", checked, disabled, onchange }), ` ${label(policy)}`);
  });
  return el("fieldset", { className: "choice" }, el("legend", {}, `Side by side, at most ${DRAWN}`), ...boxes);
}

async function drawnCards(drawn, all) {
  if (drawn.length === 0) return [el("p", {}, "Choose a policy to see who pays.")];
  const answers = [];
  for (const policy of drawn) {
    answers.push({ policy, name: label(policy), ...(await allocation(policy)) });
    await breathe();
  }
  for (const answer of answers) answer.place = all.indexOf(answer.policy);
  const winners = byProfit(answers[0].columns.endowment);
  await breathe();
  const first = before(answers, winners);
  await breathe();
  return [first, judge(answers), byGroup(answers, winners)];
}

function judge(answers) {
  const each = answers.map(({ policy, name }) =>
    button(name, () => tell("judge", answerOf("accounts", policy, name)), { "aria-label": `Judge ${name}` }),
  );
  return el("div", { className: "downloads inner-bar" }, "Judge the allocation of", ...each);
}

/** Places of the accounts with an endowment, the largest first. */
function byProfit(endowments) {
  const sizes = Float64Array.from(endowments, Number);
  return [...sizes.keys()].filter((place) => sizes[place] > 0).sort((a, b) => sizes[b] - sizes[a] || a - b);
}

function before(answers, winners) {
  const { id, endowment } = answers[0].columns;
  const unit = currency();
  const columns = [
    { title: "Account", value: (row) => id[winners[row]] },
    { title: `Profit before (${unit})`, value: (row) => endowment[winners[row]], text: money, number: true },
    ...answers.flatMap(({ name, columns: each }) => [
      { title: `${name}: taken (${unit})`, value: (row) => each.seized[winners[row]], text: money, number: true },
      {
        title: `${name}: profit after (${unit})`,
        value: (row) => each.pnl_after[winners[row]],
        text: money,
        number: true,
      },
      { title: `${name}: haircut`, value: (row) => each.haircut[winners[row]], text: percent, number: true },
    ]),
  ];
  return card({
    title: "Winners by profit, before and after",
    name: "who-pays",
    note: `The largest winners are drawn; the table and its CSV have all ${count(winners.length)}. Amounts are exact, in ${unit}.`,
    chart: chart({
      label: `Profit of the largest winners before, and after under ${answers.map(({ name }) => name).join(", ")}. The table below has the figures.`,
      height: 420,
      option: (theme, narrow) => beforeOption(theme, narrow, answers, winners),
    }),
    rows: { caption: "Winners, the largest profit first", columns, length: winners.length, search: "Find an account" },
    answer: answers.map(({ json }) => json),
    asked: answers.map(({ question, name }) => ({ ...question, label: name })),
  });
}

function beforeOption(theme, narrow, answers, winners) {
  const shown = winners.slice(0, narrow ? 5 : 10);
  const { id, endowment } = answers[0].columns;
  const bars = (name, values, fill) => ({
    name,
    type: "bar",
    data: shown.map((place) => ({ value: Number(values[place]), text: values[place] })),
    itemStyle: { color: fill },
    barGap: "10%",
  });
  const series = [bars("before", endowment, theme.soft)];
  for (const { name, columns, place } of answers) series.push(bars(name, columns.pnl_after, color(theme, place)));
  return {
    legend: legend(theme),
    grid: { left: 8, right: 16, top: 44, bottom: 40, containLabel: true },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ seriesName, name, data }) => `${name}\n${seriesName}: ${money(data.text)} ${currency()}`,
    },
    xAxis: axis(theme, { type: "value", name: `Profit (${currency()})`, nameGap: 26, axisLabel: { formatter: short } }),
    yAxis: axis(theme, { type: "category", inverse: true, data: shown.map((place) => id[place]) }),
    series,
  };
}

function byGroup(answers, winners) {
  const groups = groupsOf(winners.length);
  const names = groups.map(([from, to]) => (to - from === 1 ? count(from + 1) : `${count(from + 1)} to ${count(to)}`));
  const { endowment } = answers[0].columns;
  const total = (values, [from, to]) => winners.slice(from, to).reduce((sum, place) => sum + Number(values[place]), 0);
  const sizes = groups.map((group) => total(endowment, group));
  const shares = answers.map(({ columns }) =>
    groups.map((group, place) => total(columns.seized, group) / sizes[place]),
  );
  const columns = [
    { title: "Winners by profit", value: (row) => names[row] },
    ...answers.map(({ name }, place) => ({
      title: `${name}: share taken`,
      value: (row) => shares[place][row],
      text: percent,
      number: true,
    })),
  ];
  const option = (theme, narrow) => ({
    legend: legend(theme),
    grid: { left: 8, right: 16, top: 44, bottom: 40, containLabel: true },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ seriesName, name, value }) => `Winners ${name}\n${seriesName}: ${percent(value)}`,
    },
    xAxis: axis(theme, { type: "category", data: names, name: "Winners, the largest profit first", nameGap: 28 }),
    yAxis: axis(theme, { type: "value", min: 0, axisLabel: { formatter: percent } }),
    series: answers.map(({ name, place }, row) => ({
      name,
      type: winners.length <= 8 ? "bar" : "line",
      data: shares[row],
      itemStyle: { color: color(theme, place) },
      symbol: sign(place),
      symbolSize: 8,
    })),
  });
  return card({
    title: "Share of profit taken, by size of profit",
    name: "share-taken",
    note:
      groups.length < winners.length
        ? `All ${count(winners.length)} winners in ${groups.length} groups of equal number: what the group loses over what it had.`
        : "Every winner: what is taken over the profit before.",
    chart: chart({
      label: "Share of profit taken from winners by size of profit. The table below has the figures.",
      option,
    }),
    rows: { caption: "Share of profit taken", columns, length: groups.length },
    answer: { groups: names, shares: Object.fromEntries(answers.map(({ name }, place) => [name, shares[place]])) },
  });
}

/** At most 20 ranges [from, to) of equal length, one more or less. */
function groupsOf(length) {
  const many = Math.min(GROUPS, length);
  const edge = (place) => Math.round((place * length) / many);
  return Array.from({ length: many }, (_, place) => [edge(place), edge(place + 1)]);
}
