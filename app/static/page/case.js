// The form of the case: what is missing, what is assumed of the next shock and of customers, and which policies.

import { byId, el, select } from "./dom.js";
import { labelOf, policyForm, sameAs } from "./policies.js";
import { solve, state } from "./state.js";

const LAWS = {
  normal: { sigma: ["Standard deviation", 0.1] },
  "student-t": { df: ["Degrees of freedom", 3], scale: ["Scale", 0.05] },
  "two-point": { size: ["Size", 0.2] },
};
const CURVES = {
  exponential: { rate: ["Rate", 3] },
  linear: { rate: ["Rate", 0.5] },
  power: { rate: ["Rate", 1], exponent: ["Exponent", 2] },
};
export const USUAL_AIMS = {
  shock: { law: "student-t", df: 3, scale: 0.05 },
  retention: { curve: "linear", rate: 0.5 },
};
const USUAL_POLICIES = [
  { name: "capped-pro-rata" },
  { name: "queue", score: "pnl" },
  { name: "leverage-pro-rata" },
  { name: "contracts-pro-rata" },
];

let sent = null; // a shock that the form has no fields for, as the document had it
let carried = { shortfall: {}, options: {} }; // what else the document said that the form has no fields for

export function fillForms() {
  byId("add-policy").replaceChildren(policyForm([...state.described.values()], addPolicy));
}

/** Takes what `document` says of the case; what it leaves out gets the service's defaults, aims those of `assumed`. */
export function takeCase(document, assumed = {}) {
  const { shortfall = {}, options = {} } = document;
  const { largest, needed } = shortfall;
  const { on_timeout, time_limit } = options;
  carried = { shortfall: { largest, needed }, options: { on_timeout, time_limit } }; // undefined is not sent
  const severity = shortfall.severity ?? 1;
  const rule = typeof severity === "object" ? severity.rule : "share";
  byId("severity-rule").value = rule;
  byId("severity").value = rule === "share" ? severity : 1;
  byId("fund").value = shortfall.insurance_fund ?? "";
  byId("deficit").value = shortfall.deficit ?? "";
  byId("numeraire").value = options.numeraire ?? "pnl";
  byId("partial").checked = options.on_infeasible === "partial";
  byId("cap").value = "";
  setAims({ shock: options.shock ?? assumed.shock, retention: options.retention ?? assumed.retention });
  const policies = document.policies ?? (document.policy ? [document.policy] : []);
  const others = USUAL_POLICIES.filter((usual) => !policies.some(sameAs(usual)));
  setPolicies(document.policies ? policies : [...policies, ...others]);
  readCase();
}

export function setAims({ shock = null, retention = null }) {
  sent = shock && !(shock.law in LAWS) ? shock : null;
  byId("law").querySelector("[value=sent]")?.remove();
  if (sent) byId("law").append(el("option", { value: "sent" }, `${sent.law}, as sent`));
  byId("law").value = sent ? "sent" : (shock?.law ?? "");
  byId("curve").value = retention?.curve ?? "";
  showParameters("shock-parameters", LAWS[shock?.law], shock);
  showParameters("retention-parameters", CURVES[retention?.curve], retention);
  readCase();
}

function showParameters(id, parameters = {}, values = null) {
  const fields = Object.entries(parameters).map(([name, [label, usual]]) => {
    const input = el("input", { type: "number", step: "any", name, value: values?.[name] ?? usual });
    return el("label", { className: "field" }, el("span", {}, label), input);
  });
  byId(id).replaceChildren(...fields);
}

/** From the form to the state. Numbers that are money stay text. */
function readCase() {
  const rule = byId("severity-rule").value;
  byId("severity").disabled = rule !== "share";
  state.shortfall = {
    ...carried.shortfall,
    severity: rule === "share" ? byId("severity").value || "1" : { rule },
    insurance_fund: byId("fund").value.trim() || 0,
    ...(byId("deficit").value.trim() ? { deficit: byId("deficit").value.trim() } : {}),
  };
  state.cap = byId("cap").value === "" ? null : byId("cap").valueAsNumber / 100;
  const shock = sent && byId("law").value === "sent" ? sent : chosen("law", "law", "shock-parameters");
  const retention = chosen("curve", "curve", "retention-parameters");
  state.options = {
    ...carried.options,
    ...(byId("numeraire").value === "pnl" ? {} : { numeraire: byId("numeraire").value }),
    ...(byId("partial").checked ? { on_infeasible: "partial" } : {}),
    ...(shock ? { shock } : {}),
    ...(retention ? { retention } : {}),
  };
}

function chosen(id, name, parameters) {
  if (byId(id).value === "") return null;
  const values = [...byId(parameters).querySelectorAll("input")].map((input) => [input.name, input.valueAsNumber]);
  return { [name]: byId(id).value, ...Object.fromEntries(values) };
}

function setPolicies(policies) {
  state.policies = policies;
  const items = policies.map((policy) => {
    const label = labelOf(policy, state.described);
    const onclick = () => {
      setPolicies(state.policies.filter((other) => other !== policy));
      solve();
    };
    return el("li", {}, label, el("button", { type: "button", onclick, "aria-label": `Remove ${label}` }, "×"));
  });
  byId("policies").replaceChildren(...items);
}

export function addPolicy(policy) {
  if (!state.policies.some(sameAs(policy))) setPolicies([...state.policies, policy]);
  solve();
}

/** The form solves when a value was changed, not at every key. */
export function listen() {
  for (const [id, parameters, known] of [
    ["law", "shock-parameters", LAWS],
    ["curve", "retention-parameters", CURVES],
  ]) {
    byId(id).addEventListener("change", () => showParameters(parameters, known[byId(id).value]));
  }
  byId("case").addEventListener("change", ({ target }) => {
    if (target.closest("#add-policy") || target.closest("#example-field") || state.book === null) return;
    readCase();
    solve();
  });
  byId("case").addEventListener("submit", (event) => event.preventDefault());
}

export const exampleSelect = (examples, onchange) => select(examples, examples[0][0], { id: "example", onchange });
