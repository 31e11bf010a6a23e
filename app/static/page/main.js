// Starts the page: the example is solved before anybody has to press anything.

import { ask, question, Refused } from "./api.js";
import { exampleSelect, fillForms, listen, takeCase, USUAL_AIMS } from "./case.js";
import { byId, el } from "./dom.js";
import { CONTRACTS, EXAMPLES, FIRST, load } from "./examples.js";
import { count, significant } from "./format.js";
import { madeIn } from "./judging.js";
import { problemOf } from "./problem.js";
import { on, solve, state } from "./state.js";
import { addressOf, tabs, viewInAddress } from "./tabs.js";
import { VIEWS } from "./views.js";
import { waiting } from "./views/labels.js";

const shownFor = new Map(); // view id -> what it was drawn for
let visible = null;

const showTab = tabs(VIEWS, (view, panel) => {
  visible = { view, panel };
  draw();
});

/** What a view is drawn of: it is drawn again when one of these is another. Nothing is drawn without the first. */
function subjectsOf({ id }) {
  if (id === "data") return [state.book];
  if (id === "contracts") return [state.closings];
  if (id !== "verify") return [state.comparison];
  const { comparison, closings, judged } = state;
  return judgesCloses() ? [closings, judged, comparison] : [comparison, judged];
}

const judgesCloses = () => state.judged?.space === "contracts";
const needsAnswer = ({ id }) => !["data", "contracts"].includes(id) && !(id === "verify" && judgesCloses());

/** Draws the visible view, unless it was drawn for the same thing before. */
async function draw() {
  const { view, panel } = visible;
  const subjects = subjectsOf(view);
  const same = (others) => subjects.every((one, place) => one === others?.[place]);
  if (subjects[0] !== null && same(shownFor.get(view.id))) return;
  if (subjects[0] === null && view.id !== "data") {
    panel.replaceChildren(el("h2", {}, view.title), waiting("Waiting for an answer…"));
    return;
  }
  shownFor.set(view.id, subjects);
  const alive = () => shownFor.get(view.id) === subjects;
  let show;
  try {
    ({ show } = await view.load());
  } catch (error) {
    shownFor.delete(view.id);
    panel.replaceChildren(el("h2", {}, view.title), problemOf(error));
    return;
  }
  if (!alive()) return;
  if (same(subjectsOf(view))) return show(panel, alive);
  shownFor.delete(view.id); // another thing is to be shown by now
  if (visible.view === view) draw();
}

/** Puts a book where it belongs; of accounts the case is read from it and solved, with `assumed` aims where it has none. */
function take(book, assumed = {}) {
  const made = madeIn(book);
  const space = book.closing ? "contracts" : "accounts";
  if (made !== null || state.judged?.space === space) state.judged = made;
  if (book.closing) {
    state.closings = book;
    const other = made === null ? "Contracts" : "Contracts and Verify";
    status(state.book ? `${book.name} is under ${other}; the other views show ${state.book.name}.` : "");
    showTab(made === null ? "contracts" : "verify");
    return;
  }
  state.book = book;
  state.comparison = null; // it is of the book before
  takeCase(book.document, assumed);
  if (made !== null) showTab("verify");
  if (visible.view.id === "data") draw();
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
  for (const view of VIEWS.filter(needsAnswer)) {
    shownFor.delete(view.id);
    byId(view.id).replaceChildren(el("h2", {}, view.title), el("p", {}, "There is no answer: see the message above."));
  }
}

on("solving", () => {
  byId("alert").replaceChildren();
  status("Solving…");
  if (needsAnswer(visible.view)) byId(visible.view.id).classList.add("stale");
});
on("solved", () => {
  const { json, seconds, policies } = state.comparison;
  const solved = json.results.filter(({ problem }) => !problem).length;
  const took = seconds === null ? "" : ` in ${significant(seconds * 1000, 3)} ms`;
  status(
    `${state.book.name}: ${solved} of ${policies.length} policies solved for ${count(state.book.count)} accounts${took}.`,
  );
  for (const { id } of VIEWS) byId(id).classList.remove("stale");
  if (needsAnswer(visible.view)) draw();
});
on("refused", ({ detail }) => refused(detail));
on("book", ({ detail }) => take(detail));
on("judge", ({ detail }) => {
  state.judged = detail;
  showTab("verify");
});
on("key", () => start());

async function start() {
  try {
    const [{ json }, closings, first] = await Promise.all([
      ask(question("GET", "/v1/policies")),
      state.closings ?? load(CONTRACTS),
      state.book ?? load(FIRST),
    ]);
    state.described = new Map(json.policies.map((policy) => [policy.name, policy]));
    state.closing = new Map(json.closing_policies.map((policy) => [policy.name, policy]));
    state.closings = closings;
    fillForms();
    if (visible.view.id === "contracts") draw();
    take(first, state.book ? {} : USUAL_AIMS);
  } catch (error) {
    refused(error);
  }
}

byId("example-field").append(
  exampleSelect(EXAMPLES, async ({ target }) => {
    status("Loading…");
    try {
      take(await load(target.value), USUAL_AIMS);
    } catch (error) {
      refused(error);
    }
  }),
);
if (matchMedia("(max-width: 60rem)").matches) byId("case-box").open = false;
listen();
showTab(viewInAddress() || "overview");
start();
