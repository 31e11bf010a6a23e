// What is judged: an allocation or closes that somebody made, or an answer of this service.

import { asColumns } from "./book.js";
import { has, KINDS, wireOf } from "./tables.js";

/** `space` is accounts or contracts; the answer is asked for again whenever the case changes. */
export const answerOf = (space, policy, name) => ({ space, policy, name, made: null, sources: {} });

/** What was brought, `made` as columns; throws where it is neither of the two. */
export function madeFrom(parts) {
  if (parts.length > 1) throw new Error("Bring one allocation, or one table of closes, at a time.");
  const [{ name, document, columns }] = parts;
  if (columns !== undefined) return ofTable(name, columns);
  const made = inside(document, name);
  return subject(name, made, has(Object.keys(asColumns(made)), "closures"));
}

/** What a request brings to be judged, or null. */
export function madeIn({ name, document, closing }) {
  const made = closing ? document.closures : document.allocation;
  return made && !document.measures ? subject(name, made, closing) : null;
}

/** As columns of what is needed: an answer has more, and rows of a large book would be long. */
function subject(name, made, closes, sources = {}) {
  const all = asColumns(made);
  const columns = Object.fromEntries(KINDS[closes ? "closures" : "allocation"].required.map((one) => [one, all[one]]));
  return { space: closes ? "contracts" : "accounts", policy: null, name, made: columns, sources };
}

function ofTable(name, columns) {
  const names = Object.keys(columns);
  const closes = has(names, "closures");
  if (!closes && !has(names, "allocation")) throw new Error(`${name} ${NEITHER}`);
  const kind = closes ? "closures" : "allocation";
  return subject(name, wireOf({ name, columns }, kind).columns, closes, { [`/${kind}`]: name });
}

const NEITHER =
  "is neither an allocation, with id and seized, nor a table of closes, with account, market, quantity and price.";

/** Rows or columns of a document: they themselves, or inside an answer or a request. */
function inside(document, name) {
  if (document.allocations === null || document.closures === null) {
    throw new Error(`${name} is an answer without accounts: ask for options.detail full.`);
  }
  const found = document.allocations ?? document.allocation ?? document.closures ?? document;
  const names = Object.keys(asColumns(found));
  if (has(names, "closures") || has(names, "allocation")) return found;
  throw new Error(`${name} ${NEITHER}`);
}
