// What was judged beside what the service would have done: of each account, and of each market.

import { card } from "../card.js";
import { axis, chart, color, legend, tooltip } from "../chart.js";
import { el } from "../dom.js";
import { count, money, percent, short } from "../format.js";
import { marketsChart } from "./markets.js";

const DRAWN = 10;

/** Every account of the book that loses something, the largest difference first. */
export function accountsCompared(made, best, name, other, unit) {
  const judged = new Map(made.id.map((id, row) => [id, made.seized[row]]));
  const all = best.id.map((id, row) => ({
    id,
    endowment: best.endowment[row],
    judged: judged.get(id) ?? "0",
    best: best.seized[row],
  }));
  const gap = (one) => Number(one.judged) - Number(one.best);
  const paying = all.filter((one) => Number(one.judged) !== 0 || Number(one.best) !== 0);
  paying.sort((a, b) => Math.abs(gap(b)) - Math.abs(gap(a)));
  const share = (key) => (one) => (Number(one.endowment) > 0 ? Number(one[key]) / Number(one.endowment) : null);
  const column = (title, value, text) => ({ title, value: (row) => value(paying[row]), text, number: true });
  return card({
    title: "Who was made to pay, and who would have been",
    name: "judged-accounts",
    note: `The ${count(Math.min(DRAWN, paying.length))} accounts with the largest difference are drawn; the table has all ${count(paying.length)} that pay in one or the other.`,
    chart: chart({
      label: "What was taken from accounts, judged and fairest. The table below has the figures.",
      height: 90 + 34 * Math.min(DRAWN, paying.length),
      option: (theme) => option(theme, paying.slice(0, DRAWN), name, other, unit),
    }),
    rows: {
      caption: "Accounts, the largest difference first",
      columns: [
        { title: "Account", value: (row) => paying[row].id },
        column(`Endowment (${unit})`, ({ endowment }) => endowment, money),
        column(`judged: taken (${unit})`, ({ judged: taken }) => taken, money),
        column("judged: haircut", share("judged"), percent),
        column(`fairest: taken (${unit})`, ({ best: taken }) => taken, money),
        column("fairest: haircut", share("best"), percent),
      ],
      length: paying.length,
      search: "Find an account",
    },
    answer: paying,
  });
}

function option(theme, drawn, name, other, unit) {
  const bars = (title, key, place) => ({
    name: title,
    type: "bar",
    data: drawn.map((one) => ({ value: Number(one[key]), text: one[key] })),
    itemStyle: { color: color(theme, place) },
    barGap: "10%",
  });
  return {
    legend: legend(theme),
    grid: { left: 8, right: 24, top: 40, bottom: 40, containLabel: true },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ seriesName, name: id, data }) => `${id}\n${seriesName}: ${money(data.text)} ${unit}`,
    },
    xAxis: axis(theme, { type: "value", name: `Taken (${unit})`, nameGap: 26, axisLabel: { formatter: short } }),
    yAxis: axis(theme, { type: "category", inverse: true, data: drawn.map(({ id }) => id) }),
    series: [bars(`judged: ${name}`, "judged", 1), bars(other, "best", 0)],
  };
}

function overshoot(text, unit) {
  if (Number(text) === 0) return "neither too much nor too little";
  return text.startsWith("-") ? `${money(text.slice(1))} ${unit} too little` : `${money(text)} ${unit} too much`;
}

/** What closes paid for which contracts; `best` is a closing, or null. */
export function closesCost(made, best, name, other, unit) {
  const { markets } = made;
  const there = new Map((best?.markets ?? []).map((one) => [`${one.market} ${one.side}`, one]));
  const column = (title, value) => ({ title, value, text: money, number: true });
  const facts = [
    ["Needed", `${money(made.needed)} ${unit}, what closing everything costs`],
    ["Paid", `${money(made.paid)} ${unit}, ${overshoot(made.overshoot, unit)}`],
    [
      "Worst haircut",
      `${percent(made.worst_haircut)}; the smallest that keeps the rules is ${percent(made.smallest_worst_haircut)}`,
    ],
    [
      "Accounts closed",
      `${count(made.accounts_touched)}, of which on the wrong side ${count(made.same_side_accounts)}, without a profit ${count(made.unprofitable_accounts)}, with a hedge broken ${count(made.hedges_broken)}`,
    ],
    ["Better than the mark", `${count(made.gains)} closes, which gave away ${money(made.gained)} ${unit}`],
  ];
  return card({
    title: "Money of the closes",
    name: "judged-markets",
    more: [
      el("dl", { className: "facts" }, ...facts.flatMap(([head, text]) => [el("dt", {}, head), el("dd", {}, text)])),
    ],
    chart: marketsChart(
      markets,
      "Contracts needed and closed by market, judged. The table below has the figures.",
      `closed: ${name}`,
    ),
    rows: {
      caption: "Markets, needed and closed",
      columns: [
        { title: "Market", value: (row) => markets[row].market },
        { title: "Side", value: (row) => markets[row].side },
        column("Needed", (row) => markets[row].needed),
        column("judged: closed", (row) => markets[row].closed),
        { ...column("judged: positions closed", (row) => markets[row].positions_touched), text: String },
        ...(best === null
          ? []
          : [column(`${other}: closed`, (row) => there.get(`${markets[row].market} ${markets[row].side}`)?.closed ?? null)]),
      ],
      length: markets.length,
      search: "Find a market",
    },
    answer: made,
  });
}
