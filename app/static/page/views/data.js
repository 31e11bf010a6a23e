// Data: an example, files or a paste become the book; and what the book holds.

import { setKey } from "../api.js";
import { asColumns } from "../book.js";
import { bringForm } from "../bring.js";
import { card } from "../card.js";
import { button, el, field } from "../dom.js";
import { count } from "../format.js";
import { bookFrom, forget, isGathering, progress } from "../gather.js";
import { state, tell } from "../state.js";

const TEXT = ["id", "group"];

let said = ""; // of what was read last: the view is drawn again when the book changes

export function show(panel) {
  const tables = el("div");
  const told = () => tables.replaceChildren(...(isGathering() ? gathering(told) : []));
  told();
  panel.replaceChildren(
    el("h2", {}, "Data"),
    el("section", { className: "card" }, el("h3", {}, "Bring a book"), ...how(), brought(told), tables, small()),
    keyCard(),
    state.book === null ? "" : accountsCard(),
  );
}

function how() {
  return [
    el(
      "p",
      {},
      "Accounts: a table in CSV or Parquet with a row an account: id, cash and pnl, and any of notional, contracts, max_haircut, min_equity, fees, group and the figures of queues.",
    ),
    el(
      "p",
      {},
      "Contracts: four tables, together or one by one. Accounts (id, cash), positions (account, market, quantity, entry_price), markets (symbol, mark_price) and liquidations, what bankrupt accounts leave (market, quantity, and account and price where known). Pasted tables have an empty line between them.",
    ),
    el(
      "p",
      {},
      "Either may also be a request of this service in JSON, as the examples are. What you bring goes to this service alone, which keeps a record of what it answers.",
    ),
  ];
}

function brought(told) {
  return bringForm({
    files: "CSV, Parquet or JSON files, chosen or dropped here",
    paste: "Or paste CSV or JSON",
    placeholder: "id,cash,pnl,notional\nann,2,8,40\nbob,1,4,10\neve,0,-12,36",
    load: "Load what was pasted",
    said,
    take(parts) {
      const { book, ignored } = bookFrom(parts);
      const what = book === null ? parts.map(({ name }) => name).join(", ") : `${count(book.count)} accounts from ${book.name}`;
      said = `Read ${what}.${ignored.length > 0 ? ` Columns not known and left out: ${ignored.join(", ")}.` : ""}`;
      told();
      if (book !== null) tell("book", book);
      return said;
    },
  });
}

/** Which of the four tables are there and which are not; one that is there is replaced when it is brought again. */
function gathering(told) {
  const size = (rows) => (rows === 1 ? "one row" : `${count(rows)} rows`);
  const items = progress().map(({ kind, needs, name, rows }) =>
    el("li", {}, `${kind}: `, name === null ? el("strong", {}, `missing (${needs})`) : `${name}, ${size(rows)}`),
  );
  const drop = button("Forget these tables", () => {
    forget();
    told();
  });
  return [el("h4", {}, "Tables of the book of contracts"), el("ul", {}, ...items), drop];
}

const small = () =>
  el(
    "p",
    { className: "small" },
    "Exchange tables of other shapes are read by `python -m app.loaders`. Decimals of Parquet are read as doubles here; text columns and CSV keep every digit.",
  );

function keyCard() {
  const key = el("input", {
    type: "password",
    autocomplete: "off",
    onchange: ({ target }) => (setKey(target.value), tell("key")),
  });
  return el(
    "section",
    { className: "card" },
    el("h3", {}, "Key"),
    el(
      "form",
      { onsubmit: (event) => event.preventDefault() },
      field(
        "API key, where the service asks for one",
        key,
        "Kept in this page's memory until it is closed; sent as a bearer to this service alone.",
      ),
    ),
  );
}

function accountsCard() {
  const { book } = state;
  const columns = asColumns(book.snapshot.accounts);
  const names = Object.keys(columns);
  const shown = (value) =>
    value === null || value === undefined ? "" : Array.isArray(value) ? value.join(" ") : String(value);
  return card({
    title: "The book",
    name: "book",
    note: `${book.name}: ${count(book.count)} accounts${book.snapshot.venue ? ` of ${book.snapshot.venue}` : ""}${book.snapshot.as_of ? `, ${book.snapshot.as_of}` : ""}.`,
    rows: {
      caption: "Accounts as they came",
      columns: names.map((name) => ({
        title: name,
        value: (row) => columns[name][row],
        text: shown,
        number: !TEXT.includes(name),
      })),
      length: book.count,
      search: "Find an account",
    },
    answer: book.document,
  });
}
