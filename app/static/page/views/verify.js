// Verify: an allocation, or closes, judged by the service and held against what it would have done itself.

import { ask } from "../api.js";
import { asColumns } from "../book.js";
import { bringForm } from "../bring.js";
import { closed, closingCase, closingLabel, closingQuestion, SMALLEST } from "../closing.js";
import { button, el, field, select } from "../dom.js";
import { bookFrom } from "../gather.js";
import { answerOf, madeFrom } from "../judging.js";
import { problemOf } from "../problem.js";
import { allocation, caseQuestion, results, state, tell } from "../state.js";
import { figuresCard, learn } from "./figures.js";
import { accountsCompared, closesCost } from "./judged.js";
import { currency, fill, label } from "./labels.js";
import { verdictCard } from "./verdict.js";

const PARTS = ["solvency", "fairness", "robustness", "revenue"];
const FAIREST = { name: "capped-pro-rata" }; // no allocation has a smaller worst haircut
const LARGE = 2000; // accounts; of more nothing is judged before somebody asks for it

export function show(panel, alive) {
  const place = el("div");
  const answers = answersThere();
  const subject = state.judged ?? usual(answers);
  panel.replaceChildren(
    el("h2", {}, "Verify"),
    el(
      "p",
      {},
      "Is an allocation that somebody made sound, and how far is it from the fairest one? It is judged by code that makes no allocations, against the book and the case as they stand.",
    ),
    el("section", { className: "card" }, el("h3", {}, "What is to be judged"), ...form(answers, subject)),
    place,
  );
  if (subject === null) return place.append(el("p", {}, "Bring an allocation, or choose an answer to judge."));
  return fill(place, alive, "Judging…", () => (subject.space === "contracts" ? ofContracts(subject) : ofAccounts(subject)));
}

/** Answers of this service that are on the page, as subjects. */
function answersThere() {
  const solved = state.comparison === null ? [] : results().solved;
  const { policies } = closingCase();
  return [
    ...solved.map(({ policy }) => answerOf("accounts", policy, label(policy))),
    ...policies.map((policy) => answerOf("contracts", policy, closingLabel(policy))),
  ];
}

/** What production does is the most telling to start with. */
const usual = (answers) =>
  state.book === null || state.book.count > LARGE
    ? null
    : (answers.find(({ space, policy }) => space === "accounts" && policy.name === "queue") ?? answers[0] ?? null);

function form(answers, subject) {
  const same = ({ space, name }) => subject?.policy && space === subject.space && name === subject.name;
  const title = ({ space, name }) => `${space === "contracts" ? state.closings.name : state.book.name}: ${name}`;
  const shown = select(
    answers.map((one, place) => [place, title(one)]),
    Math.max(0, answers.findIndex(same)),
  );
  return [
    bringForm({
      files: "An allocation (columns id and seized) or closes (account, market, quantity, price): CSV, Parquet, or a JSON answer, chosen or dropped here",
      paste: "Or paste it as CSV or JSON",
      placeholder: "id,seized\nann,3.5\nbob,4\ncy,0",
      load: "Judge what was pasted",
      take,
    }),
    el(
      "div",
      { className: "row" },
      field("Or an answer that the page shows", shown),
      button("Judge this answer", () => tell("judge", answers[Number(shown.value)])),
    ),
  ];
}

/** A whole request brings its own book. */
function take(parts) {
  if (parts.some(({ document }) => document?.snapshot)) tell("book", bookFrom(parts).book);
  else tell("judge", madeFrom(parts));
  return "";
}

async function ofAccounts(subject) {
  const { id, seized } = subject.made ?? (await allocation(subject.policy)).columns;
  const asked = caseQuestion("/v1/verifications", { allocation: { id, seized } }, {}, subject.sources);
  const [{ json }, best] = await Promise.all([ask(asked), attempt(() => allocation(FAIREST)), learn()]);
  const fairest = `fairest: ${label(FAIREST)}`;
  return [
    verdictCard(json, subject.name, asked),
    best.problem,
    best.answer && accountsCompared({ id, seized }, best.answer.columns, subject.name, fairest, currency()),
    ...sideBySide(subject.name, json, fairest, best.answer, currency()),
  ];
}

async function ofContracts(subject) {
  const { book } = closingCase();
  const { account, market, quantity, price } = subject.made ?? asColumns((await closed(subject.policy)).json.closures);
  const score = subject.policy ? orderOf(subject.policy) : book.document.score;
  const further = { closures: { account, market, quantity, price }, ...(score ? { score } : {}) };
  const asked = closingQuestion("/v1/verifications", further, subject.sources);
  const [{ json }, best] = await Promise.all([ask(asked), attempt(() => closed(SMALLEST)), learn()]);
  const unit = currency(book);
  const smallest = `fairest: ${closingLabel(SMALLEST)}`;
  return [
    verdictCard(json, subject.name, asked),
    best.problem,
    closesCost(json.closures, best.answer?.json ?? null, subject.name, smallest, unit),
    ...sideBySide(subject.name, json, smallest, best.answer, unit),
  ];
}

/** The order that a queue is to have kept. */
const orderOf = ({ name, score = "pnl" }) => (name === "queue" ? score : null);

/** What is judged is told also where there is no optimum to hold it against. */
async function attempt(work) {
  try {
    return { answer: await work(), problem: null };
  } catch (error) {
    return { answer: null, problem: problemOf(error) };
  }
}

function sideBySide(name, judged, other, best, unit) {
  const all = [{ name: `judged: ${name}`, answer: judged }];
  if (best !== null) all.push({ name: other, answer: best.json });
  return PARTS.filter((part) => judged.diagnostics[part] !== null).map((part) =>
    figuresCard({
      part,
      all: all.map((one) => ({ name: one.name, figures: one.answer.diagnostics[part] })),
      caption: `${part.charAt(0).toUpperCase()}${part.slice(1)}, judged and ${other}`,
      unit,
      name: `judged-${part}`,
    }),
  );
}
