// Figures of diagnostics side by side, with what they mean in the words of the service's specification.

import { ask, question } from "../api.js";
import { card } from "../card.js";
import { el } from "../dom.js";
import { isMoney, money, significant, words } from "../format.js";

let schemas = null; // of the specification, once it was read

/** Reads what the figures mean; false where it was known already or cannot be read. */
export async function learn() {
  if (schemas !== null) return false;
  schemas = await ask(question("GET", "/openapi.json")).then(
    ({ json }) => json.components.schemas,
    () => null,
  );
  return schemas !== null;
}

/** A table of `part`: a row a figure, a column each of `all`, {name, figures}. */
export function figuresCard({ part, all, caption, unit, name = `diagnostics-${part}`, asked = [] }) {
  const found = all.map(({ name: title, figures }) => ({ title, figures: flat(figures) }));
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
  return card({
    title,
    name,
    note: `Money is in ${unit}.`,
    more: [meaning(schemas?.[title]?.properties ?? {})],
    rows: {
      caption,
      columns: [
        { title: "Figure", value: (row) => names[row], text: words },
        ...found.map(({ title: head, figures }) => ({
          title: head,
          value: (row) => figures[names[row]] ?? null,
          text: shown,
          number: true,
        })),
      ],
      length: names.length,
    },
    answer: Object.fromEntries(all.map(({ name: head, figures }) => [head, figures])),
    asked,
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
