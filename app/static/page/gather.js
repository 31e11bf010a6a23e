// From parts to a book: a request as it is, a table of accounts, or the four tables of contracts, which may come one by one.

import { bookOf } from "./book.js";
import { CONTRACTS, isBook, kindOf, KINDS, rowsOf, wireOf } from "./tables.js";

const gathered = new Map(); // kind -> table; kept when the four are there, so that one can be brought again, mended

/** {kind, needs, name, rows} of each table of a book of contracts; the last two are null where it was not brought. */
export const progress = () =>
  CONTRACTS.map((kind) => {
    const table = gathered.get(kind);
    return {
      kind,
      needs: KINDS[kind].required.join(", "),
      name: table?.name ?? null,
      rows: table ? rowsOf(table.columns) : null,
    };
  });

export const isGathering = () => gathered.size > 0;
export const forget = () => gathered.clear();

/** {book, ignored}: what was put together, and columns that nothing knows; `book` is null while tables are missing. */
export function bookFrom(parts) {
  const documents = parts.filter(({ document }) => document !== undefined);
  if (documents.length > 0) {
    if (parts.length > 1) throw new Error(`${documents[0].name} is a whole request: bring it alone.`);
    return { book: bookOf(documents[0].document, documents[0].name), ignored: [] };
  }
  if (parts.length === 1 && isBook(parts[0])) return accountsFrom(parts[0]);
  return contractsFrom(parts);
}

function accountsFrom(table) {
  const { columns, ignored } = wireOf(table, "book");
  const sources = { "/snapshot/accounts": table.name };
  return { book: bookOf({ snapshot: { accounts: columns } }, table.name, sources), ignored };
}

function contractsFrom(parts) {
  const found = new Map();
  for (const table of parts) {
    const kind = kindOf(table);
    if (found.has(kind)) throw new Error(`${found.get(kind).name} and ${table.name} are both ${kind}.`);
    found.set(kind, { name: table.name, ...wireOf(table, kind) });
  }
  for (const [kind, table] of found) gathered.set(kind, table);
  const ignored = [...found.values()].flatMap(({ name, ignored: names }) => names.map((one) => `${one} of ${name}`));
  if (gathered.size < CONTRACTS.length) return { book: null, ignored };
  const { accounts, positions, markets, liquidations } = Object.fromEntries(gathered);
  const document = {
    snapshot: { markets: markets.columns, accounts: accounts.columns, positions: positions.columns },
    liquidations: liquidations.columns,
  };
  const sources = {
    "/snapshot/markets": markets.name,
    "/snapshot/accounts": accounts.name,
    "/snapshot/positions": positions.name,
    "/liquidations": liquidations.name,
  };
  return { book: bookOf(document, `${accounts.name} and three more tables`, sources), ignored };
}
