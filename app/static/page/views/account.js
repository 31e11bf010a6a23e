// One account: why it lost what it lost, in numbers that it can check.

import { ask, question } from "../api.js";
import { card } from "../card.js";
import { axis, chart, tooltip } from "../chart.js";
import { el, field, select } from "../dom.js";
import { money, percent, short, significant, words } from "../format.js";
import { allocation, results, state } from "../state.js";
import { currency, fill, label } from "./labels.js";

const UNSOLVED = { "invalid-request": "Needs what the venue did not send" };
const wanted = { id: "", policy: 0 };

export function show(panel, alive) {
  const { solved } = results();
  const place = el("div");
  const ids = idsOf(state.book);
  if (!ids.includes(wanted.id)) wanted.id = String(ids[0]);
  const policies = solved.map(({ policy }) => policy);
  if (wanted.policy >= policies.length) wanted.policy = 0;
  const id = el("input", { value: wanted.id, list: "account-ids", autocomplete: "off", spellcheck: false });
  const policy = select(
    policies.map((one, row) => [row, label(one)]),
    wanted.policy,
  );
  const run = () => {
    Object.assign(wanted, { id: id.value.trim(), policy: Number(policy.value) });
    fill(place, alive, "Solving again for this account…", () => explained(wanted.id, policies[wanted.policy]));
  };
  const form = el(
    "form",
    { className: "row", onsubmit: (event) => (event.preventDefault(), run()) },
    field("Account id", id),
    field("Policy", policy),
    el("button", { type: "submit" }, "Explain"),
  );
  panel.replaceChildren(
    el("h2", {}, "One account"),
    el(
      "p",
      {},
      "What the venue can tell one account: its own figures and numbers that everybody shares, without a word about anybody else.",
    ),
    el("datalist", { id: "account-ids" }, ...ids.slice(0, 50).map((value) => el("option", { value }))),
    form,
    place,
  );
  if (solved.length === 0) return place.append(el("p", {}, "None of the policies could be solved."));
  if (state.book.count <= 2000) run();
}

const idsOf = ({ snapshot: { accounts } }) =>
  Array.isArray(accounts) ? accounts.map(({ id }) => id) : accounts.id;

/** An explanation is of a recorded answer: the allocation is asked for first. */
async function explained(id, policy) {
  const { json } = await allocation(policy);
  const asked = question(
    "GET",
    `/v1/allocations/${json.id}/explanations/${id.split("/").map(encodeURIComponent).join("/")}`,
  );
  const { json: told } = await ask(asked);
  return [
    explanationCard(
      told,
      [
        { ...(await allocation(policy)).question, label: "the allocation" },
        { ...asked, label: "the explanation" },
      ],
      currency(),
    ),
    alternatives(told, currency()),
  ];
}

/** Of an account of an allocation, or of a closing. */
export function explanationCard(told, asked, unit, more = []) {
  const facts = [
    ["Taken", `${money(told.seized)} ${unit}, a haircut of ${percent(told.haircut)}`],
    ["Equity", `${money(told.figures.equity)} before, ${money(told.equity_after)} ${unit} after`],
    ["Endowment", `${money(told.figures.endowment)} ${unit}, what could be taken at most`],
    ["Cap", `${money(told.figures.cap)} ${unit}${told.figures.limit ? `, by its ${told.figures.limit}` : ""}`],
    told.rank ? ["Place in the queue", `${told.rank} of ${told.ranked}`] : null,
  ].filter((fact) => fact !== null);
  const terms = Object.entries(told.terms);
  return card({
    title: `Why ${told.account} lost this much`,
    name: "explanation",
    note: el("p", {}, told.rule),
    more: [
      el("dl", { className: "facts" }, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
      told.formula === null
        ? el("p", {}, "This amount has no formula in the account's own figures: see the rule.")
        : formula(told, unit),
      ...more,
    ],
    rows: {
      caption: "Numbers of the formula",
      columns: [
        { title: "Term", value: (row) => terms[row][0] },
        {
          title: "Value",
          value: (row) => terms[row][1],
          text: (value) => (typeof value === "string" ? money(value) : significant(value, 12)),
          number: true,
        },
      ],
      length: terms.length,
    },
    answer: told,
    asked,
  });
}

function formula(told, unit) {
  return el(
    "div",
    { className: "formula" },
    el("code", {}, told.formula),
    el("p", {}, `= ${money(told.computed)} ${unit}. ${told.rounding.why}`),
    told.as_answered === false ? el("p", {}, "The recorded answer had another amount for this account.") : null,
  );
}

export function alternatives(told, unit) {
  const all = [
    { policy: `${told.policy.name} (this one)`, seized: told.seized, haircut: told.haircut, saves: null, code: null },
    ...told.alternatives,
  ];
  const drawn = all.filter(({ seized }) => seized !== null);
  const option = (theme) => ({
    grid: { left: 8, right: 24, top: 8, bottom: 40, containLabel: true },
    tooltip: { ...tooltip(theme), formatter: ({ name, data }) => `${name}\n${money(data.text)} ${unit}` },
    xAxis: axis(theme, { type: "value", name: `Taken (${unit})`, nameGap: 26, axisLabel: { formatter: short } }),
    yAxis: axis(theme, { type: "category", inverse: true, data: drawn.map(({ policy }) => policy) }),
    series: [
      {
        type: "bar",
        data: drawn.map(({ seized }, place) => ({
          value: Number(seized),
          text: seized,
          itemStyle: { color: theme.colors[place === 0 ? 1 : 0] },
        })),
      },
    ],
  });
  return card({
    title: "What other rules would have taken",
    name: "alternatives",
    note: told.not_computed.map(({ policy, reason }) => `${policy}: ${reason}`).join(" "),
    chart: chart({
      label: "What each policy takes from this account. The table below has the figures.",
      height: 60 + 30 * drawn.length,
      option,
    }),
    rows: {
      caption: "The same book under other policies, of this account alone",
      columns: [
        { title: "Policy", value: (row) => all[row].policy },
        { title: `Taken (${unit})`, value: (row) => all[row].seized, text: money, number: true },
        { title: "Haircut", value: (row) => all[row].haircut, text: percent, number: true },
        {
          title: `Would save (${unit})`,
          value: (row) => all[row].saves,
          text: (value) => (value === null ? "" : money(value)),
          number: true,
        },
        { title: "Not solved", value: (row) => all[row].code, text: (value) => (value === null ? "" : (UNSOLVED[value] ?? words(value))) },
      ],
      length: all.length,
    },
    answer: told.alternatives,
  });
}
