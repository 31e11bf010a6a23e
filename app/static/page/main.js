// Starts the page: the example is solved before anybody has to press anything.

import { ask, question, Refused } from "./api.js";
import { bookOf, parseJson } from "./book.js";
import { exampleSelect, fillForms, listen, takeCase } from "./case.js";
import { byId, el } from "./dom.js";
import { count, significant } from "./format.js";
import { problemOf } from "./problem.js";
import { on, solve, state } from "./state.js";
import { addressOf, tabs, viewInAddress } from "./tabs.js";
import { account } from "./views/account.js";
import { contracts } from "./views/contracts.js";
import { data } from "./views/data.js";
import { diagnostics } from "./views/diagnostics.js";
import { fairness } from "./views/fairness.js";
import { frontier } from "./views/frontier.js";
import { waiting } from "./views/labels.js";
import { pays } from "./views/pays.js";
import { trilemma } from "./views/trilemma.js";

const EXAMPLES = [
  ["/static/examples/five-accounts.json", "Five accounts"],
  ["/static/examples/comparison.json", "Five accounts, every policy, shock and retention"],
  ["/static/examples/columns.json", "Five accounts as columns, with a fund"],
  ["/examples/venue.json", "A venue of 19,337 accounts (invented)"],
  ["/static/examples/closures.json", "Contracts: three markets"],
  ["/static/examples/closures-risk.json", "Contracts: closing for risk"],
];
const CONTRACTS = "/static/examples/closures.json";
const VIEWS = [data, pays, fairness, trilemma, frontier, diagnostics, account, contracts];

const shownFor = new Map(); // view id -> what it was drawn for
let visible = null;
let draws = 0;

const showTab = tabs(VIEWS, (view, panel) => {
  visible = { view, panel };
  draw();
});

/** Draws the visible view, unless it was drawn for the same thing before. */
async function draw() {
  const { view, panel } = visible;
  const subject = { data: state.book, contracts: state.closings }[view.id] ?? state.comparison;
  if (subject !== null && shownFor.get(view.id) === subject) return;
  if (subject === null && view !== data) {
    panel.replaceChildren(el("h2", {}, view.title), waiting("Waiting for an answer…"));
    return;
  }
  shownFor.set(view.id, subject);
  const mine = ++draws;
  await view.show(panel, () => mine === draws || shownFor.get(view.id) === subject);
}

async function load(path) {
  const text = await (await fetch(path)).text();
  const name = EXAMPLES.find(([known]) => known === path)[1];
  return bookOf(parseJson(text), name);
}

/** Puts a book where it belongs; of accounts the case is read from it and solved. */
function take(book) {
  if (book.closing) {
    state.closings = book;
    status(state.book ? `${book.name} is under Contracts; the other views show ${state.book.name}.` : "");
    showTab("contracts");
    return;
  }
  state.book = book;
  takeCase(book.document);
  if (visible.view === data) draw();
  solve();
}

function status(text) {
  byId("status").textContent = text;
}

function refused(error) {
  status("");
  byId("alert").replaceChildren(problemOf(error));
  if (error instanceof Refused && [401, 403].includes(error.problem.status)) {
    byId("alert").append(el("p", {}, el("a", { href: addressOf("data") }, "Give a key under Data.")));
  }
  for (const { id, title } of VIEWS) {
    if (["data", "contracts"].includes(id)) continue;
    shownFor.delete(id);
    byId(id).replaceChildren(el("h2", {}, title), el("p", {}, "There is no answer: see the message above."));
  }
}

on("solving", () => {
  byId("alert").replaceChildren();
  status("Solving…");
  if (!["data", "contracts"].includes(visible.view.id)) byId(visible.view.id).classList.add("stale");
});
on("solved", () => {
  const { json, seconds, policies } = state.comparison;
  const solved = json.results.filter(({ problem }) => !problem).length;
  const took = seconds === null ? "" : ` in ${significant(seconds * 1000, 3)} ms`;
  status(
    `${state.book.name}: ${solved} of ${policies.length} policies solved for ${count(state.book.count)} accounts${took}.`,
  );
  for (const { id } of VIEWS) byId(id).classList.remove("stale");
  if (!["data", "contracts"].includes(visible.view.id)) draw();
});
on("refused", ({ detail }) => refused(detail));
on("book", ({ detail }) => take(detail));
on("key", () => start());

async function start() {
  try {
    const { json } = await ask(question("GET", "/v1/policies"));
    state.described = new Map(json.policies.map((policy) => [policy.name, policy]));
    state.closing = new Map(json.closing_policies.map((policy) => [policy.name, policy]));
    fillForms();
    state.closings ??= await load(CONTRACTS);
    take(state.book ?? (await load(EXAMPLES[0][0])));
  } catch (error) {
    refused(error);
  }
}

byId("example-field").append(
  exampleSelect(EXAMPLES, async ({ target }) => {
    status("Loading…");
    try {
      take(await load(target.value));
    } catch (error) {
      refused(error);
    }
  }),
);
if (matchMedia("(max-width: 60rem)").matches) byId("case-box").open = false;
listen();
showTab(viewInAddress() || "who-pays");
start();
