// Every figure of every policy.

import { el } from "../dom.js";
import { results, state } from "../state.js";
import { figuresCard, learn } from "./figures.js";
import { currency, label, unsolved } from "./labels.js";

const PARTS = ["solvency", "fairness", "robustness", "revenue", "screening"];

export async function show(panel, alive) {
  const { solved, refused } = results();
  const { question } = state.comparison; // that of these results: another may be asked by the time `learn` is done
  const place = el("div");
  panel.replaceChildren(el("h2", {}, "Diagnostics"), place, unsolved(refused));
  place.replaceChildren(...cards(solved, question));
  // The figures do not wait for their meaning.
  if ((await learn()) && alive()) place.replaceChildren(...cards(solved, question));
}

function cards(solved, question) {
  if (solved.length === 0) return [el("p", {}, "None of the policies could be solved.")];
  const one = (part, pick) =>
    figuresCard({
      part,
      all: solved.map(({ policy, answer }) => ({ name: label(policy), figures: pick(answer) })),
      caption: `${part.charAt(0).toUpperCase()}${part.slice(1)} of each policy`,
      unit: currency(),
      asked: part === "solvency" ? [question] : [],
    });
  const parts = PARTS.map((part) => one(part, (answer) => answer.diagnostics[part]));
  const certificate = one("certificate", ({ certificate: proof, solver }) => ({ ...proof, ...solver }));
  return [...parts, certificate, notes(solved) ?? ""];
}

function notes(solved) {
  const all = solved.flatMap(({ policy, answer }) =>
    answer.notes.map((note) => el("li", {}, `${label(policy)}: ${note}`)),
  );
  if (all.length === 0) return null;
  return el("section", { className: "card" }, el("h3", {}, "Notes"), el("ul", {}, ...all));
}
