// Every figure of every policy in one table, with what it means in the words of the service's specification.

import { ask, question } from "../api.js";
import { card } from "../card.js";
import { el } from "../dom.js";
import { isMoney, money, significant, words } from "../format.js";
import { refusals } from "../problem.js";
import { results, state } from "../state.js";
import { currency, label } from "./labels.js";

export const diagnostics = { id: "diagnostics", title: "Diagnostics", show };

const PARTS = ["solvency", "fairness", "robustness", "revenue", "screening"];
let schemas = null; // of the specification, once it was read

async function show(panel, alive) {
  const { solved, refused } = results();
  const place = el("div");
  panel.replaceChildren(el("h2", {}, "Diagnostics"), place, refusals(refused, label) ?? "");
  place.replaceChildren(...cards(solved));
  if (schemas !== null) return;
  // The figures do not wait for their meaning.
  schemas = await ask(question("GET", "/openapi.json")).then(
    ({ json }) => json.components.schemas,
    () => null,
  );
  if (schemas !== null && alive()) place.replaceChildren(...cards(solved));
}

function cards(solved) {
  if (solved.length === 0) return [el("p", {}, "None of the policies could be solved.")];
  const parts = PARTS.map((part) => partCard(part, solved, (answer) => answer.diagnostics[part]));
  const certificate = partCard("certificate", solved, ({ certificate: proof, solver }) => ({ ...proof, ...solver }));
  return [...parts, certificate, notes(solved) ?? ""];
}

function partCard(part, solved, pick) {
  const found = solved.map(({ policy, answer }) => ({ name: label(policy), figures: flat(pick(answer)) }));
  const names = [...new Set(found.flatMap(({ figures }) => Object.keys(figures)))];
  const title = words(part);
  if (names.length === 0) {
    const what = part === "robustness" ? "a shock" : "a retention";
    return el(
      "section",
      { className: "card" },
      el("h3", {}, title),
      el("p", {}, `Not known: choose ${what} in the case.`),
    );
  }
  const properties = schemas?.[title]?.properties ?? {};
  return card({
    title,
    name: `diagnostics-${part}`,
    note: `Money is in ${currency()}.`,
    more: [meaning(properties)],
    rows: {
      caption: `${title} of each policy`,
      columns: [
        { title: "Figure", value: (row) => names[row], text: words },
        ...found.map(({ name, figures }) => ({
          title: name,
          value: (row) => figures[names[row]] ?? null,
          text: shown,
          number: true,
        })),
      ],
      length: names.length,
    },
    answer: Object.fromEntries(solved.map(({ policy, answer }) => [label(policy), pick(answer)])),
    asked: part === "solvency" ? [state.comparison.question] : [],
  });
}

/** Beside the table and not in it: sentences would make its rows tall. */
function meaning(properties) {
  const told = Object.entries(properties).filter(([, { description }]) => description);
  if (told.length === 0) return "";
  const items = told.flatMap(([name, { description }]) => [el("dt", {}, words(name)), el("dd", {}, description)]);
  return el("details", {}, el("summary", {}, "What the figures mean"), el("dl", { className: "facts" }, ...items));
}

/** One level: tables of models and of leverages become a figure an entry; the Lorenz curve has its own view. */
function flat(figures) {
  const found = {};
  for (const [name, value] of Object.entries(figures ?? {})) {
    if (name === "lorenz") continue;
    if (Array.isArray(value)) value.forEach((entry) => Object.assign(found, entryOf(name, entry)));
    else if (typeof value === "object" && value !== null)
      for (const [inner, one] of Object.entries(value)) found[`${name}: ${inner}`] = one;
    else found[name] = value;
  }
  return found;
}

function entryOf(name, { above, exposure_model: model, level, ...rest }) {
  const head = model === undefined ? `above ${above}` : model;
  return Object.fromEntries(Object.entries(rest).map(([inner, value]) => [`${name}: ${head}, ${inner}`, value]));
}

function shown(value) {
  if (value === null) return "none";
  if (isMoney(value)) return money(value);
  return typeof value === "number" ? significant(value) : String(value);
}

function notes(solved) {
  const all = solved.flatMap(({ policy, answer }) =>
    answer.notes.map((note) => el("li", {}, `${label(policy)}: ${note}`)),
  );
  if (all.length === 0) return null;
  return el("section", { className: "card" }, el("h3", {}, "Notes"), el("ul", {}, ...all));
}
