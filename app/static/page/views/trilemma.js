// The trilemma: fairness, robustness and revenue of each policy as one point of a triangle.

import { card } from "../card.js";
import { el, field, select } from "../dom.js";
import { money, percent, significant } from "../format.js";
import { results, state } from "../state.js";
import { assumptions, lacking, missing } from "./aims.js";
import { currency, label, unsolved } from "./labels.js";
import { choice, FAIR, NOTHING, placed, placeless, triangle } from "./triangle.js";

const MODELS = [
  ["deleverage", "equity and position shrink alike"],
  ["cash", "money is taken, the position stays"],
  ["both", "money is taken, that share is closed"],
];
const NEEDS = {
  shock: "a shock, for the loss to expect at the next move",
  retention: "a retention, for the fees of customers who stay",
};

/** Without a next shock robustness is not known, nor revenue without a retention: then there is no triangle. */
export function show(panel) {
  const { solved, refused } = results();
  const lacks = missing(["shock", "retention"]).map((aim) => NEEDS[aim]);
  panel.replaceChildren(
    el("h2", {}, "Trilemma"),
    ...(lacks.length > 0
      ? [lacking(`To draw the triangle choose ${lacks.join(", and ")}, in the case.`)]
      : [controls(panel), whole(solved)]),
    unsolved(refused),
  );
}

function controls(panel) {
  const again =
    (name) =>
    ({ target }) => {
      choice[name] = target.value;
      show(panel);
    };
  return el(
    "div",
    { className: "row" },
    field("Fairness by", select(Object.entries(FAIR), choice.fair, { onchange: again("fair") })),
    field(
      "What a haircut does",
      select(
        MODELS.map(([name, what]) => [name, `${name}: ${what}`]),
        choice.model,
        { onchange: again("model") },
      ),
    ),
  );
}

function whole(solved) {
  const all = placed(solved);
  if (all === null) return el("p", {}, NOTHING);
  return card({
    title: "Fairness, robustness, revenue",
    name: "trilemma",
    note: explained(placeless(all)),
    chart: triangle(all),
    rows: rows(all),
    answer: all,
    asked: [state.comparison.question],
  });
}

function explained(worst) {
  return el(
    "div",
    {},
    el(
      "p",
      {},
      "The nearer a corner, the more of a policy's merit is of that kind; the larger the sign, the more merit in all. In the middle all three are served alike, well or badly: the size tells which.",
    ),
    el(
      "p",
      {},
      `How it is placed: fairness is the ${FAIR[choice.fair]}, robustness the loss to expect at the next shock (model ${choice.model}), revenue the share of fees kept. Each becomes a score, 1 for the best of the policies shown, 0 for the worst, and in proportion between; a figure that is the same for all scores 1. The three scores, divided by their sum, are the distances from the sides. So a point depends on which policies are shown; the table has the figures themselves.`,
    ),
    worst.length > 0 ? el("p", {}, `Worst in all three, so without a place: ${worst.join("; ")}.`) : null,
    el("p", { className: "small" }, assumptions()),
  );
}

function rows(all) {
  const column = (title, name, text) => ({ title, value: (row) => all[row][name], text, number: true });
  const score = (aim) => ({
    title: `${aim} score`,
    value: (row) => all[row].score[aim],
    text: (value) => significant(value, 3),
    number: true,
  });
  const gini = choice.fair === "gini";
  return {
    caption: "Figures and scores",
    columns: [
      { title: "Policy", value: (row) => all[row].name },
      column(gini ? "Gini" : "Worst haircut", "unfair", gini ? (value) => significant(value, 5) : percent),
      column(`Expected deficit left (${currency()})`, "deficit", money),
      column(`Fees kept (${currency()})`, "fees", money),
      column("Share of fees kept", "kept", percent),
      score("fairness"),
      score("robustness"),
      score("revenue"),
    ],
    length: all.length,
  };
}
