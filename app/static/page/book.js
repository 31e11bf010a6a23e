// A book: the snapshot that is asked about, and its text, made once however often it is sent.

import { KINDS } from "./tables.js";

const ROWS_KEPT = 1000; // above this, rows become columns: a tenth of the parsing on both sides

/**
 * A book of `document`, a request of this service; throws an Error that says what is missing. `sources` are the names of
 * the tables it was put together from, by where they stand in the request.
 */
export function bookOf(document, name, sources = {}) {
  const snapshot = document?.snapshot;
  if (snapshot === undefined || snapshot === null || typeof snapshot !== "object") {
    throw new Error(`${name}: the document has no "snapshot": give a request of this service, as the examples are.`);
  }
  const closing = "positions" in snapshot || "liquidations" in document;
  if (!closing && !snapshot.accounts) throw new Error(`${name}: the snapshot has no "accounts".`);
  if (!closing && Array.isArray(snapshot.accounts) && snapshot.accounts.length > ROWS_KEPT) {
    snapshot.accounts = asColumns(snapshot.accounts);
  }
  return { name, document, snapshot, closing, sources, count: countOf(snapshot.accounts ?? []), texts: new Map() };
}

const EXACT = ["snapshot", "shortfall", "liquidations", "allocation", "allocations", "closures"];

/** What the text of a file or a paste holds; figures of its money that no double holds stay exact, as strings. */
export function parseJson(text) {
  const document = JSON.parse(text);
  if (!/\d[\d.]{15}/.test(text)) return document;
  const exact = JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source?.replace(/\D/g, "").length > 15 ? context.source : value,
  );
  if (Array.isArray(exact)) return exact;
  const money = EXACT.filter((part) => part in exact);
  return { ...document, ...Object.fromEntries(money.map((part) => [part, exact[part]])) };
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
  const missing = (name) => KINDS.book.defaults[name] ?? null;
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name] ?? missing(name))]));
}

function countOf(accounts) {
  return Array.isArray(accounts) ? accounts.length : (Object.values(accounts)[0]?.length ?? 0);
}
