// The overview: what is missing, what each policy does about it, and the triangle beside the table.

import { card } from "../card.js";
import { el } from "../dom.js";
import { money, percent } from "../format.js";
import { results, state } from "../state.js";
import { addressOf } from "../tabs.js";
import { assumptions, lacking, missing } from "./aims.js";
import { currency, label, unsolved } from "./labels.js";
import { story } from "./story.js";
import { NOTHING, placed, placeless, triangle } from "./triangle.js";

const NEXT = [
  ["who-pays", "Who pays", "every winner before and after, policy beside policy"],
  ["frontier", "Frontier", "what fairness, robustness and revenue cost each other"],
  ["one-account", "One account", "why it lost what it lost"],
  ["data", "Data", "bring a book of your own: CSV, Parquet or JSON"],
  ["verify", "Verify", "judge an allocation that somebody made"],
  ["contracts", "Contracts", "which positions are closed, instead of how much money is taken"],
];

export function show(panel) {
  const { solved, refused } = results();
  panel.replaceChildren(
    el("h2", {}, "Overview"),
    story(solved),
    ...(solved.length > 0 ? [el("div", { className: "split" }, sideBySide(solved), trilemma(solved))] : []),
    unsolved(refused),
    el("h3", {}, "From here"),
    el("ul", {}, ...NEXT.map(([id, title, what]) => el("li", {}, el("a", { href: addressOf(id) }, title), `: ${what}`))),
  );
}

function sideBySide(solved) {
  const all = solved.map(({ policy, answer: { diagnostics } }) => ({ name: label(policy), ...diagnostics }));
  const column = (title, value, text) => ({ title, value: (row) => value(all[row]), text, number: true });
  return card({
    title: "What each policy does",
    name: "overview",
    note: "All are to cover the same amount; they differ in whom they take it from. The less the worst haircut, the fairer; the less the loss to expect at the next shock, the more robust; the more fees are kept, the more revenue.",
    rows: {
      caption: "Policies side by side",
      columns: [
        { title: "Policy", value: (row) => all[row].name },
        column("Worst haircut", ({ fairness }) => fairness.max_haircut, percent),
        column(
          `Loss to expect (${currency()})`,
          ({ robustness }) => robustness?.expected_deficit_after ?? null,
          money,
        ),
        column("Fees kept", ({ revenue }) => revenue?.share_kept ?? null, percent),
      ],
      length: all.length,
    },
    answer: state.comparison.json,
    asked: [state.comparison.question],
  });
}

function trilemma(solved) {
  if (missing(["shock", "retention"]).length > 0) {
    return lacking(
      "Fairness, robustness and revenue pull apart: to see where each policy stands between them, choose a next shock and how customers stay, in the case.",
    );
  }
  const all = placed(solved);
  if (all === null) return el("div", { className: "card" }, el("p", {}, NOTHING));
  const worst = placeless(all);
  return card({
    title: "The trilemma",
    name: "triangle",
    note: el(
      "div",
      {},
      el(
        "p",
        {},
        "Each sign is a policy: the nearer a corner, the more of its merit is of that kind; the larger, the more merit in all. ",
        el("a", { href: addressOf("trilemma") }, "How it is placed"),
      ),
      worst.length > 0 ? el("p", {}, `Worst in all three, so without a place: ${worst.join("; ")}.`) : null,
    ),
    chart: triangle(all),
    more: [el("p", { className: "small" }, assumptions())],
    answer: all,
  });
}
