// What is asked and what was answered. Whoever changes the case calls `changed`; whoever shows it listens.

import { ask, question } from "./api.js";
import { asColumns, snapshotText } from "./book.js";

export const state = {
  book: null, // accounts
  closings: null, // markets, accounts, positions and liquidations
  described: new Map(), // name -> description of a policy
  closing: new Map(), // the same in contract space
  shortfall: {},
  options: {},
  cap: null,
  policies: [],
  comparison: null, // {question, json, seconds} of the case as it stands
  judged: null, // what Verify judges, see judging.js; null: its usual choice
};

const events = new EventTarget();
const allocations = new Map(); // policy -> promise of an allocation with every account

export const on = (name, listener) => events.addEventListener(name, listener);
export const tell = (name, detail = null) => events.dispatchEvent(new CustomEvent(name, { detail }));

let running = null;

/** Compares the policies of the case; tells `solving`, then `solved` or `refused`. An older run is given up. */
export async function solve() {
  running?.abort();
  const mine = (running = new AbortController());
  allocations.clear();
  state.comparison = null;
  tell("solving");
  if (state.policies.length === 0) return tell("refused", new Error("Choose a policy."));
  const asked = comparisonQuestion();
  try {
    const { json, seconds } = await ask(asked, mine.signal);
    state.comparison = { question: asked, json, seconds, policies: [...state.policies] };
    tell("solved");
  } catch (error) {
    if (!mine.signal.aborted) tell("refused", error);
  }
}

function comparisonQuestion() {
  const policies = state.policies;
  return caseQuestion("/v1/comparisons", { policies }, { detail: "summary" });
}

const allocationQuestion = (policy) => caseQuestion("/v1/allocations", { policy });

/** A question about the book as the case has it, with `further` members and options. */
export function caseQuestion(path, further, options = {}, sources = {}) {
  const rest = { shortfall: state.shortfall, ...further, options: { ...state.options, ...options } };
  const parts = ['{"snapshot":', snapshotText(state.book, state.cap), ",", JSON.stringify(rest).slice(1)];
  return question("POST", path, parts, { ...state.book.sources, ...sources });
}

/** The allocation of one policy with its accounts as columns, asked for once a case. */
export function allocation(policy) {
  const key = JSON.stringify(policy);
  if (!allocations.has(key)) {
    const asked = allocationQuestion(policy);
    const answer = ask(asked).then(({ json }) => ({ question: asked, json, columns: asColumns(json.allocations) }));
    answer.catch(() => allocations.delete(key));
    allocations.set(key, answer);
  }
  return allocations.get(key);
}

/** [{policy, answer}] of what was solved, and [{policy, problem}] of what was not. */
export function results() {
  const all = state.comparison.json.results.map((result, place) => ({
    policy: state.comparison.policies[place],
    result,
  }));
  return {
    solved: all.filter(({ result }) => !result.problem).map(({ policy, result }) => ({ policy, answer: result })),
    refused: all
      .filter(({ result }) => result.problem)
      .map(({ policy, result }) => ({ policy, problem: result.problem })),
  };
}
