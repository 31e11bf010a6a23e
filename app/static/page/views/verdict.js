// Whether something that was made keeps the rules, and which it breaks.

import { card } from "../card.js";
import { el } from "../dom.js";
import { count, words } from "../format.js";

/** `json` is an answer of /v1/verifications; a column that no entry fills is left out. */
export function verdictCard(json, name, asked) {
  const warnings = (json.warnings ?? []).map((one) => ({ ...one, kind: "warning" }));
  const all = [...json.violations.map((one) => ({ ...one, kind: "broken" })), ...warnings];
  const optional = (title, key) =>
    all.some((one) => one[key]) ? [{ title, value: (row) => all[row][key] ?? "" }] : [];
  return card({
    title: json.valid ? `Valid: ${name} keeps every rule` : `Not valid: ${name} breaks ${rules(json.violations.length)}`,
    name: "verdict",
    note: noteOf(json, warnings.length),
    rows:
      all.length === 0
        ? null
        : {
            caption: "What is wrong",
            columns: [
              { title: "Rule", value: (row) => all[row].rule, text: words },
              ...(warnings.length > 0 ? [{ title: "Kind", value: (row) => all[row].kind }] : []),
              ...optional("Account", "account"),
              ...optional("Market", "market"),
              { title: "By how much", value: (row) => all[row].detail },
            ],
            length: all.length,
            search: "Find a rule",
          },
    answer: json,
    asked: [asked],
    className: json.valid ? "valid" : "not-valid",
  });
}

const rules = (number) => (number === 1 ? "one rule" : `${count(number)} rules`);

function noteOf({ valid, closures }, warned) {
  const notes = [];
  if (closures) notes.push("The rules are of contracts: what the closes cost is under Money of the closes.");
  else if (valid) notes.push("Nobody is haircut above a cap, only winners pay, and the budget is met.");
  if (warned > 0) notes.push("A warning breaks no rule: nothing forbids it and nobody wants it.");
  return notes.length === 0 ? null : el("p", {}, notes.join(" "));
}
