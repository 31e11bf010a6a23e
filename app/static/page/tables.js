// Tables and what they are of a request: which columns each has, and how a cell goes over the wire.

const EXTRA = ["max_haircut", "min_equity", "fees", "group", "score", "exposure"];
const RATES = { max_haircut: "1", min_equity: "0", fees: "0" };

/** `required` columns, the others that are known, and what an empty cell means; all else is null. */
export const KINDS = {
  book: {
    required: ["id", "cash", "pnl"],
    further: ["notional", "contracts", "maintenance_margin", "entry_notional", "bankruptcy_notional", "price_ratio"].concat(
      EXTRA,
    ),
    defaults: { notional: "0", contracts: "0", ...RATES },
  },
  accounts: { required: ["id", "cash"], further: EXTRA, defaults: RATES },
  positions: { required: ["account", "market", "quantity", "entry_price"], further: [], defaults: {} },
  markets: {
    required: ["symbol", "mark_price"],
    further: ["lot_size", "tick_size", "maintenance_margin_rate"],
    defaults: { lot_size: "0.00000001", maintenance_margin_rate: "0" },
  },
  liquidations: { required: ["market", "quantity"], further: ["account", "price"], defaults: {} },
  allocation: { required: ["id", "seized"], further: [], defaults: {} },
  closures: { required: ["account", "market", "quantity", "price"], further: [], defaults: {} },
};
/** The tables of a book of contracts, in the order in which a table is held against them. */
export const CONTRACTS = ["positions", "markets", "liquidations", "accounts"];

/** Whether these columns can be a table of that kind. */
export const has = (names, kind) => KINDS[kind].required.every((name) => names.includes(name));

/** Whether a line of these cells can only be the head of a table. */
export const isHead = (names) => Object.keys(KINDS).some((kind) => has(names, kind));

export const isBook = ({ columns }) => has(Object.keys(columns), "book");

/** Which table of contracts this one is: by its columns, or by the name of its file where they do not tell. */
export function kindOf({ name, columns }) {
  const names = Object.keys(columns);
  const kind = CONTRACTS.find((one) => has(names, one));
  const named = CONTRACTS.find((one) => name.toLowerCase().includes(one.slice(0, -1)));
  // Positions without their entry prices look like liquidations.
  if (kind === "liquidations" && named === "positions" && !/liquidation/i.test(name)) return named;
  if (kind ?? named) return kind ?? named;
  const known = CONTRACTS.map((one) => `${one} (${KINDS[one].required.join(", ")})`);
  throw new Error(
    `${name} has no column ${lacking(names, "book").join(", ")} of a book of accounts, and is no table of a book of ` +
      `contracts: ${known.join("; ")}.`,
  );
}

const lacking = (names, kind) => KINDS[kind].required.filter((name) => !names.includes(name));

export const rowsOf = (columns) => Object.values(columns)[0]?.length ?? 0;

/** The columns that `kind` knows, as they go over the wire, and the names of the others. */
export function wireOf({ name, columns }, kind) {
  const { required, further, defaults } = KINDS[kind];
  const names = Object.keys(columns);
  const missing = lacking(names, kind);
  if (missing.length > 0) {
    const what = kind === "book" ? "a book of accounts" : `a table of ${kind}`;
    throw new Error(
      `${name} has no column ${missing.join(", ")}, which ${what} needs. Known columns: ${[...required, ...further].join(", ")}.`,
    );
  }
  if (rowsOf(columns) === 0) throw new Error(`${name} has no row below its header.`);
  const known = names.filter((one) => required.includes(one) || further.includes(one));
  const empty = (one) => (required.includes(one) ? "" : (defaults[one] ?? null));
  const wire = (one) => columns[one].map((value) => cell(one, value, empty(one)));
  return {
    columns: Object.fromEntries(known.map((one) => [one, wire(one)])),
    ignored: names.filter((one) => !known.includes(one)),
  };
}

/** Numbers become text, so that none changes on its way; an exposure may be a list, as "[1, 2]". */
function cell(column, value, empty) {
  if (Array.isArray(value)) return value.map(String);
  const text = String(value ?? "").trim();
  if (text === "") return empty;
  return column === "exposure" && /^\[.*\]$/.test(text)
    ? text
        .slice(1, -1)
        .split(",")
        .map((part) => part.trim())
    : text;
}
