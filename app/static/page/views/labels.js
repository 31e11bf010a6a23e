// What every view says alike.

import { el } from "../dom.js";
import { labelOf } from "../policies.js";
import { problemOf, refusals } from "../problem.js";
import { state } from "../state.js";

export const label = (policy) => labelOf(policy, state.described);

export const currency = (book = state.book) => book.snapshot.currency ?? "USD";

/** The policies that were not solved, with the reasons; "" where there are none. */
export const unsolved = (refused, sources = state.comparison.question.sources) =>
  refusals(refused, label, sources) ?? "";

export const waiting = (text) => el("p", { className: "waiting", role: "status" }, text);

/** Runs `work` and puts what it answers, or what was refused, into `place` while `alive` holds. */
export async function fill(place, alive, text, work) {
  place.replaceChildren(waiting(text));
  let nodes;
  try {
    nodes = await work();
  } catch (error) {
    nodes = [el("div", { role: "alert" }, problemOf(error))];
  }
  if (alive()) place.replaceChildren(...nodes.filter((node) => node !== null));
}
