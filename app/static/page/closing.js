// The case in contract space: a book brings its own options; policy, fund and severity can be chosen.

import { ask, question } from "./api.js";
import { snapshotText } from "./book.js";
import { labelOf, sameAs } from "./policies.js";
import { state } from "./state.js";

export const SMALLEST = { name: "lexicographic" }; // no closing has a smaller worst haircut
const USUAL = [SMALLEST, { name: "min-max" }, { name: "contracts-pro-rata" }, { name: "queue" }];
const OWN = ["snapshot", "policy", "closures", "score"]; // members of a request that are not the case

let book = null; // the book that the rest belongs to
let policies = [];
let policy = null;
const closings = new Map(); // policy -> promise of what is closed by it

export const closingLabel = (one) => labelOf(one, state.closing);

/** {book, policies, policy} of the book that is loaded. */
export function closingCase() {
  if (book !== state.closings) {
    book = state.closings;
    policy = book.document.policy ?? USUAL[0];
    policies = [policy, ...USUAL.filter((usual) => !sameAs(usual)(policy))];
    closings.clear();
  }
  return { book, policies, policy };
}

export function choosePolicy(one) {
  if (!policies.some(sameAs(one))) policies.push(one);
  policy = policies.find(sameAs(one));
}

/** A book with another shortfall is another book: what was answered of the one before does not count. */
export function changeShortfall(changes) {
  const { document } = book;
  book = { ...book, document: { ...document, shortfall: { ...document.shortfall, ...changes } } };
  state.closings = book;
  closings.clear();
}

/** A question about the book; `further` are members of the request. */
export function closingQuestion(path, further, sources = {}) {
  const rest = Object.fromEntries(Object.entries(closingCase().book.document).filter(([key]) => !OWN.includes(key)));
  const parts = ['{"snapshot":', snapshotText(book, null), ",", JSON.stringify({ ...rest, ...further }).slice(1)];
  return question("POST", path, parts, { ...book.sources, ...sources });
}

/** What `one` closes, with its question, asked for once a book. */
export function closed(one) {
  const key = JSON.stringify(one);
  closingCase(); // forgets what was closed in another book
  if (!closings.has(key)) {
    const asked = closingQuestion("/v1/closures", { policy: one });
    const answer = ask(asked).then(({ json }) => ({ question: asked, json }));
    answer.catch(() => closings.delete(key));
    closings.set(key, answer);
  }
  return closings.get(key);
}
