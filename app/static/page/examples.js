// The books that come with the page.

import { bookOf, parseJson } from "./book.js";

export const EXAMPLES = [
  ["/static/examples/five-accounts.json", "Five accounts"],
  ["/static/examples/comparison.json", "Five accounts, every policy, shock and retention"],
  ["/static/examples/columns.json", "Five accounts as columns, with a fund"],
  ["/static/examples/verification.json", "Five accounts, an allocation to judge"],
  ["/examples/venue.json", "A venue of 19,337 accounts (invented)"],
  ["/static/examples/closures.json", "Contracts: three markets"],
  ["/static/examples/closures-risk.json", "Contracts: closing for risk"],
  ["/static/examples/closures-verification.json", "Contracts: closes to judge"],
];
export const FIRST = EXAMPLES[0][0];
export const CONTRACTS = "/static/examples/closures.json";

export async function load(path) {
  const text = await (await fetch(path)).text();
  return bookOf(parseJson(text), EXAMPLES.find(([known]) => known === path)[1]);
}
