// A book: the snapshot that is asked about, and its text, made once however often it is sent.

import { parseCsv } from "./csv.js";

const FIELDS = [
  "id",
  "cash",
  "pnl",
  "notional",
  "contracts",
  "max_haircut",
  "min_equity",
  "fees",
  "group",
  "maintenance_margin",
  "entry_notional",
  "bankruptcy_notional",
  "price_ratio",
  "score",
  "exposure",
];
const DEFAULTS = { notional: "0", contracts: "0", max_haircut: "1", min_equity: "0", fees: "0" };
const ROWS_KEPT = 1000; // above this, rows become columns: a tenth of the parsing on both sides

/** A book of `document`, a request of this service; throws an Error that says what is missing. */
export function bookOf(document, name) {
  const snapshot = document?.snapshot;
  if (snapshot === undefined || snapshot === null || typeof snapshot !== "object") {
    throw new Error('The document has no "snapshot": give a request of this service, as the examples are.');
  }
  const closing = "positions" in snapshot || "liquidations" in document;
  if (!closing && !snapshot.accounts) throw new Error('The snapshot has no "accounts".');
  if (!closing && Array.isArray(snapshot.accounts) && snapshot.accounts.length > ROWS_KEPT) {
    snapshot.accounts = asColumns(snapshot.accounts);
  }
  return { name, document, snapshot, closing, count: countOf(snapshot.accounts ?? []), texts: new Map() };
}

/** A request from the text of a file or a paste; figures of its money that no double holds stay exact, as strings. */
export function parseJson(text) {
  const document = JSON.parse(text);
  if (!/\d[\d.]{15}/.test(text)) return document;
  const exact = JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source?.replace(/\D/g, "").length > 15 ? context.source : value,
  );
  const money = ["snapshot", "shortfall", "liquidations"].filter((part) => part in exact);
  return { ...document, ...Object.fromEntries(money.map((part) => [part, exact[part]])) };
}

/** A document of a table with a row an account. */
export function documentOfCsv(text) {
  return documentOfColumns(parseCsv(text).columns);
}

/** Known columns only; empty cells are the default, or null where there is none. */
export function documentOfColumns(columns) {
  const missing = ["id", "cash", "pnl"].filter((name) => !(name in columns));
  if (missing.length > 0) {
    throw new Error(`The table has no column ${missing.join(", ")}. Known columns: ${FIELDS.join(", ")}.`);
  }
  const kept = Object.keys(columns).filter((name) => FIELDS.includes(name));
  const ignored = Object.keys(columns).filter((name) => !FIELDS.includes(name));
  const filled = kept.map((name) => [name, columns[name].map((cell) => filledCell(name, cell))]);
  return { document: { snapshot: { accounts: Object.fromEntries(filled) } }, ignored };
}

function filledCell(name, cell) {
  const text = cell === null || cell === undefined ? "" : String(cell);
  if (text.trim() !== "") return name === "id" || name === "group" ? text : text.trim();
  return DEFAULTS[name] ?? (name === "id" || name === "cash" || name === "pnl" ? "" : null);
}

/** The snapshot's text with every haircut capped at `cap` (a number from 0 to 1), or as it came where that is null. */
export function snapshotText(book, cap) {
  if (!book.texts.has(cap)) {
    const snapshot = cap === null ? book.snapshot : { ...book.snapshot, accounts: capped(book.snapshot.accounts, cap) };
    book.texts.set(cap, JSON.stringify(snapshot));
  }
  return book.texts.get(cap);
}

function capped(accounts, cap) {
  const least = (own) => (own === undefined || own === null || Number(own) > cap ? cap : own);
  if (Array.isArray(accounts)) return accounts.map((row) => ({ ...row, max_haircut: least(row.max_haircut) }));
  const own = accounts.max_haircut ?? new Array(countOf(accounts)).fill(1);
  return { ...accounts, max_haircut: own.map(least) };
}

/** One array a field, from rows or columns. */
export function asColumns(rows) {
  if (!Array.isArray(rows)) return rows;
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name] ?? DEFAULTS[name] ?? null)]));
}

function countOf(accounts) {
  return Array.isArray(accounts) ? accounts.length : (Object.values(accounts)[0]?.length ?? 0);
}
