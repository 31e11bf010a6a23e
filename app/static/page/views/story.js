// The case in four figures.

import { el } from "../dom.js";
import { count, money, percent } from "../format.js";
import { currency } from "./labels.js";

/** Of the first policy that was solved: the figures are of the book and the same for all. */
export function story(solved) {
  if (solved.length === 0) return el("p", {}, "None of the policies could be solved.");
  const { solvency, screening } = solved[0].answer.diagnostics;
  const unit = currency();
  const figures = [
    ["Missing", `${money(solvency.deficit)} ${unit}`, "what bankrupt accounts cannot pay"],
    ["Fund pays", `${money(solvency.insurance_used)} ${unit}`, "before anybody is haircut"],
    ["To be taken", `${money(solvency.budget)} ${unit}`, `${percent(solvency.severity)} of the rest`],
    ["Winners", count(screening.winners), `with ${money(solvency.capacity)} ${unit} of profit`],
  ];
  const items = figures.map(([name, value, what]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value, el("small", {}, what))),
  );
  return el("dl", { className: "tiles" }, ...items);
}
