// Contract space: what is closed in each market, and of each account.

import { asColumns } from "../book.js";
import { card } from "../card.js";
import { changeShortfall, choosePolicy, closed, closingCase, closingLabel } from "../closing.js";
import { button, el, field, select } from "../dom.js";
import { money, percent, significant } from "../format.js";
import { answerOf } from "../judging.js";
import { policyForm } from "../policies.js";
import { state, tell } from "../state.js";
import { oneAccount } from "./closed-account.js";
import { currency, fill } from "./labels.js";
import { DRAWN, marketsChart } from "./markets.js";

export async function show(panel, alive) {
  const { book, policies, policy } = closingCase();
  const place = el("div");
  const choose = (one) => {
    choosePolicy(one);
    show(panel, alive);
  };
  panel.replaceChildren(
    el("h2", {}, "Contracts"),
    el(
      "p",
      {},
      `Which contracts of whom are closed when bankrupt accounts leave positions that nobody buys. Book: ${book.name}. The form of the case is about accounts; what counts here stands in this view and in the book.`,
    ),
    el(
      "div",
      { className: "row" },
      field(
        "Policy",
        select(
          policies.map((one, place) => [place, closingLabel(one)]),
          policies.indexOf(policy),
          { onchange: ({ target }) => choose(policies[Number(target.value)]) },
        ),
      ),
      ...shortfallFields(book.document.shortfall, solve),
      button("Judge these closes", () => tell("judge", answerOf("contracts", policy, closingLabel(policy)))),
      el(
        "details",
        {},
        el("summary", {}, "Another policy"),
        policyForm([...state.closing.values()], choose, "Use policy"),
      ),
    ),
    place,
  );
  await solve();

  function solve() {
    return fill(place, alive, "Closing contracts…", async () => {
      const { json, question: asked } = await closed(policy);
      return [marketsCard(json, asked, book), ...accountsCards(json, asked, alive, book)];
    });
  }
}

/** What tables do not say. */
function shortfallFields(shortfall, again) {
  const one = (title, name, usual) => {
    const onchange = ({ target }) => {
      changeShortfall({ [name]: target.value.trim() || usual });
      again();
    };
    return field(title, el("input", { inputMode: "decimal", value: shortfall?.[name] ?? usual, onchange }));
  };
  return [one("Share that winners bear", "severity", 1), one("Insurance fund", "insurance_fund", 0)];
}

function marketsCard(json, asked, book) {
  const { markets } = json;
  const column = (title, key, text = money) => ({ title, value: (row) => markets[row][key], text, number: true });
  return card({
    title: "Markets, needed and closed",
    name: "markets",
    note: `Status: ${json.status}. Closing everything costs ${money(json.budget)} ${currency(book)}. The side is that of the bankrupt: long means that shorts are closed.${markets.length > DRAWN ? ` The first ${DRAWN} are drawn.` : ""}`,
    chart: marketsChart(markets, "Contracts needed and closed by market. The table below has the figures."),
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

function accountsCards(json, asked, alive, book) {
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
  return [all, oneAccount(json, closes, columns.id, String(columns.id[touched[0] ?? 0]), asked, alive, unit)];
}
