// Data: an example, a file or a paste becomes the book; and what the book holds.

import { setKey } from "../api.js";
import { asColumns, bookOf, documentOfColumns, documentOfCsv, parseJson } from "../book.js";
import { card } from "../card.js";
import { button, el, field } from "../dom.js";
import { count } from "../format.js";
import { columnsOfParquet } from "../parquet.js";
import { state, tell } from "../state.js";

export const data = { id: "data", title: "Data", show };

const TEXT = ["id", "group"];

function show(panel) {
  const said = el("p", { role: "status" });
  const paste = el("textarea", {
    rows: 6,
    spellcheck: false,
    placeholder: "id,cash,pnl,notional\nann,2,8,40\nbob,1,4,10\neve,0,-12,36",
  });
  const file = el("input", {
    type: "file",
    accept: ".json,.csv,.parquet",
    onchange: ({ target }) => target.files[0] && take(() => ofFile(target.files[0])),
  });
  const drop = el("div", { className: "drop" }, field("A JSON, CSV or Parquet file, chosen or dropped here", file));
  drop.addEventListener("dragover", (event) => (event.preventDefault(), drop.classList.add("over")));
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [dropped] = event.dataTransfer.files;
    if (dropped) take(() => ofFile(dropped));
  });
  const key = el("input", {
    type: "password",
    autocomplete: "off",
    onchange: ({ target }) => (setKey(target.value), tell("key")),
  });
  panel.replaceChildren(
    el("h2", {}, "Data"),
    el(
      "section",
      { className: "card" },
      el("h3", {}, "Bring a book"),
      el(
        "p",
        {},
        "JSON is a request of this service, as the examples are. CSV and Parquet are a table with a row an account: id, cash and pnl, and any of notional, contracts, max_haircut, min_equity, fees, group and the figures of queues. A JSON document with positions goes to Contracts. What you bring goes to this service alone, which keeps a record of what it answers.",
      ),
      drop,
      field("Or paste JSON or CSV", paste),
      button("Load what was pasted", () => take(() => ofText(paste.value, "pasted"))),
      said,
      el(
        "p",
        { className: "small" },
        "Exchange tables of other shapes, and Parquet that was compressed otherwise than with snappy, are read by `python -m app.loaders`. Decimals of Parquet are read as doubles here; text columns and CSV keep every digit.",
      ),
    ),
    el(
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
    ),
    state.book === null ? "" : accountsCard(),
  );

  async function take(read) {
    said.className = "";
    said.textContent = "Reading…";
    try {
      const { document, ignored = [], name } = await read();
      const book = bookOf(document, name);
      said.textContent = `Read ${count(book.count)} accounts from ${name}.${ignored.length > 0 ? ` Columns not known: ${ignored.join(", ")}.` : ""}`;
      tell("book", book);
    } catch (error) {
      said.className = "fault";
      said.textContent = error instanceof SyntaxError ? `This is not JSON: ${error.message}` : error.message;
    }
  }
}

async function ofFile(file) {
  if (/\.parquet$/i.test(file.name)) {
    return { ...documentOfColumns(await columnsOfParquet(await file.arrayBuffer())), name: file.name };
  }
  return ofText(await file.text(), file.name);
}

function ofText(text, name) {
  if (text.trim() === "") throw new Error("There is nothing to read.");
  if (/^\s*[{[]/.test(text)) return { document: parseJson(text), name };
  return { ...documentOfCsv(text), name };
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
