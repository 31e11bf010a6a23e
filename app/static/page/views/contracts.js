// Contract space: what is closed in each market, and of each account.

import { ask, question } from "../api.js";
import { asColumns, snapshotText } from "../book.js";
import { card } from "../card.js";
import { axis, chart, legend, tooltip } from "../chart.js";
import { el, field, select } from "../dom.js";
import { money, percent, short, significant } from "../format.js";
import { labelOf, policyForm, sameAs } from "../policies.js";
import { state } from "../state.js";
import { alternatives, explanationCard } from "./account.js";
import { currency, fill } from "./labels.js";

export const contracts = { id: "contracts", title: "Contracts", show };

const USUAL = [{ name: "lexicographic" }, { name: "min-max" }, { name: "contracts-pro-rata" }, { name: "queue" }];

let book = null; // the book that `policies` belong to
let policies = [];
let policy = null;

const name = (one) => labelOf(one, state.closing);

async function show(panel, alive) {
  if (book !== state.closings) {
    book = state.closings;
    policy = book.document.policy ?? USUAL[0];
    policies = [policy, ...USUAL.filter((usual) => !sameAs(usual)(policy))];
  }
  const place = el("div");
  const again = () => show(panel, alive);
  const onchange = ({ target }) => {
    policy = policies[Number(target.value)];
    again();
  };
  const add = (one) => {
    if (!policies.some(sameAs(one))) policies.push(one);
    policy = policies.find(sameAs(one));
    again();
  };
  panel.replaceChildren(
    el("h2", {}, "Contracts"),
    el(
      "p",
      {},
      `Which contracts of whom are closed when bankrupt accounts leave positions that nobody buys. Book: ${book.name}. It brings its own shortfall and options: the case is of accounts.`,
    ),
    el(
      "div",
      { className: "row" },
      field(
        "Policy",
        select(
          policies.map((one, place) => [place, name(one)]),
          policies.indexOf(policy),
          { onchange },
        ),
      ),
      el(
        "details",
        {},
        el("summary", {}, "Another policy"),
        policyForm([...state.closing.values()], add, "Use policy"),
      ),
    ),
    place,
  );
  const asked = questionOf();
  await fill(place, alive, "Closing contracts…", async () => {
    const { json } = await ask(asked);
    return [marketsCard(json, asked), ...accountsCards(json, asked, alive)];
  });
}

function questionOf() {
  const rest = Object.fromEntries(
    Object.entries(book.document).filter(([key]) => !["snapshot", "policy", "closures", "score"].includes(key)),
  );
  return question("POST", "/v1/closures", [
    '{"snapshot":',
    snapshotText(book, null),
    ",",
    JSON.stringify({ ...rest, policy }).slice(1),
  ]);
}

function marketsCard(json, asked) {
  const { markets } = json;
  const column = (title, key, text = money) => ({ title, value: (row) => markets[row][key], text, number: true });
  const bars = (title, key, color) => ({
    name: title,
    type: "bar",
    data: markets.map((market) => ({ value: Number(market[key]), text: market[key] })),
    itemStyle: { color },
  });
  const option = (theme, narrow) => ({
    legend: legend(theme),
    grid: { left: 8, right: 24, top: 40, bottom: 40, containLabel: true },
    tooltip: {
      ...tooltip(theme),
      formatter: ({ seriesName, name: market, data }) => `${market}\n${seriesName}: ${money(data.text)} contracts`,
    },
    xAxis: axis(theme, { type: "value", name: "Contracts", nameGap: 26, axisLabel: { formatter: short } }),
    yAxis: axis(theme, {
      type: "category",
      inverse: true,
      data: markets.map(({ market, side }) => `${market}, ${side}`),
    }),
    series: [bars("needed", "needed", theme.soft), bars("closed", "closed", theme.colors[0])],
  });
  return card({
    title: "Markets, needed and closed",
    name: "markets",
    note: `Status: ${json.status}. Closing everything costs ${money(json.budget)} ${currency(book)}. The side is that of the bankrupt: long means that shorts are closed.`,
    chart: chart({
      label: "Contracts needed and closed by market. The table below has the figures.",
      height: 90 + 56 * Math.min(markets.length, 20),
      option,
    }),
    rows: {
      caption: "Markets",
      columns: [
        { title: "Market", value: (row) => markets[row].market },
        { title: "Side", value: (row) => markets[row].side },
        column("Needed", "needed"),
        column("Closed", "closed"),
        column("Left", "left"),
        { title: "Why left", value: (row) => markets[row].reason ?? "" },
        column(`Price (${currency(book)})`, "price"),
        column(`Gap (${currency(book)})`, "gap"),
        column(`Cost (${currency(book)})`, "cost"),
        column("Accounts touched", "accounts_touched", String),
        column("Closed whole", "fully_closed_share", percent),
        column("Shadow price", "shadow_price", (value) => significant(value)),
      ],
      length: markets.length,
      search: "Find a market",
    },
    answer: json,
    asked: [asked],
    more: json.notes.map((note) => el("p", { className: "small" }, note)),
  });
}

function accountsCards(json, asked, alive) {
  const columns = asColumns(json.accounts);
  const closes = asColumns(json.closures);
  const touched = [...columns.id.keys()].filter(
    (row) => columns.seized[row] !== "0" && Number(columns.seized[row]) !== 0,
  );
  const unit = currency(book);
  const column = (title, key, text) => ({ title, value: (row) => columns[key][row], text, number: true });
  const all = card({
    title: "Accounts",
    name: "closed-accounts",
    note: `${touched.length} of ${columns.id.length} accounts pay for closes.`,
    rows: {
      caption: "Accounts",
      columns: [
        { title: "Account", value: (row) => columns.id[row] },
        column(`Endowment (${unit})`, "endowment", money),
        column(`Taken (${unit})`, "seized", money),
        column("Haircut", "haircut", percent),
        column(`Notional before (${unit})`, "notional_before", money),
        column(`Notional after (${unit})`, "notional_after", money),
        column("Leverage before", "leverage_before", (value) => significant(value, 4)),
        column("Leverage after", "leverage_after", (value) => significant(value, 4)),
      ],
      length: columns.id.length,
      search: "Find an account",
    },
    answer: json.accounts,
  });
  return [all, oneAccount(json, closes, columns.id, String(columns.id[touched[0] ?? 0]), asked, alive)];
}

function oneAccount(json, closes, ids, first, asked, alive) {
  const place = el("div");
  const id = el("input", { value: first, list: "closed-ids", autocomplete: "off", spellcheck: false });
  const run = () =>
    fill(place, alive, "Solving again for this account…", () => ofAccount(json, closes, id.value.trim(), asked));
  const form = el(
    "form",
    { className: "row", onsubmit: (event) => (event.preventDefault(), run()) },
    field("Account id", id),
    el("button", { type: "submit" }, "Show closures"),
  );
  run();
  return el(
    "section",
    { className: "inner" },
    el("h3", {}, "One account's closures"),
    el("datalist", { id: "closed-ids" }, ...ids.slice(0, 50).map((value) => el("option", { value }))),
    form,
    place,
  );
}

async function ofAccount(json, closes, id, asked) {
  const why = question(
    "GET",
    `/v1/closures/${json.id}/explanations/${id.split("/").map(encodeURIComponent).join("/")}`,
  );
  const { json: told } = await ask(why);
  const mine = [...closes.account.keys()].filter((row) => closes.account[row] === id);
  const unit = currency(book);
  const column = (title, key) => ({ title, value: (row) => closes[key][mine[row]], text: money, number: true });
  const own = card({
    title: `Closures of ${id}`,
    name: "closures",
    note:
      mine.length === 0
        ? "Nothing of this account is closed."
        : "Quantities are as traded: a long is closed by a sale, which is negative.",
    rows: {
      caption: `Closures of ${id}`,
      columns: [
        { title: "Market", value: (row) => closes.market[mine[row]] },
        column("Quantity", "quantity"),
        column(`Price (${unit})`, "price"),
        column(`Cost (${unit})`, "cost"),
        column(`Realised profit (${unit})`, "realised_pnl"),
      ],
      length: mine.length,
    },
    answer: told.closes,
  });
  return [
    own,
    explanationCard(
      told,
      [
        { ...asked, label: "the closing" },
        { ...why, label: "the explanation" },
      ],
      unit,
    ),
    alternatives(told, unit),
  ];
}
