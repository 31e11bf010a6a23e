// What policies are called, and the form that adds one, made from the JSON Schema of GET /v1/policies.

import { button, el, field, select } from "./dom.js";

/** "queue: pnl-leverage". Parameters that are defaults are left out where `described` has the policy's schema. */
export function labelOf(policy, described = null) {
  const properties = described?.get(policy.name)?.parameters.properties ?? {};
  const told = Object.entries(policy)
    .filter(([name, value]) => name !== "name" && JSON.stringify(value) !== JSON.stringify(properties[name]?.default))
    .filter(([name, value]) => !(name === "group_limits" && Object.keys(value).length === 0))
    .map(([, value]) => (typeof value === "object" && value !== null ? inside(value) : String(value)));
  if (policy.name === "queue" && told.length === 0) told.push(properties.score?.default ?? "pnl");
  return told.length === 0 ? policy.name : `${policy.name}: ${told.join(", ")}`;
}

function inside(value) {
  if (Array.isArray(value)) return "matrix";
  const short = (number) => (typeof number === "number" ? Number(number.toPrecision(5)) : number);
  return Object.entries(value)
    .map(([part, number]) => `${part} ${short(number)}`)
    .join(", ");
}

export const sameAs = (policy) => (other) => JSON.stringify(other) === JSON.stringify(policy);

/** A select of all policies and the parameters of the chosen one; `add(policy)` gets what was put together. */
export function policyForm(descriptions, add, verb = "Add policy") {
  const summary = el("small", {});
  const parameters = el("div", { className: "parameters" });
  const fault = el("p", { className: "fault", role: "alert" });
  let inputs = [];
  const names = select(
    descriptions.map(({ name }) => [name, name]),
    null,
    { onchange: show },
  );
  const node = el(
    "div",
    { className: "policy-form" },
    field("Policy", names),
    summary,
    parameters,
    button(verb, tryToTake),
    fault,
  );
  show();
  return node;

  function show() {
    const { parameters: schema, summary: text } = descriptions.find(({ name }) => name === names.value);
    summary.textContent = text;
    inputs = Object.entries(schema.properties)
      .filter(([name]) => name !== "name")
      .flatMap(([name, property]) => inputsOf(name, property, schema.$defs ?? {}));
    parameters.replaceChildren(...inputs.map(({ label, control }) => field(label, control)));
  }

  function tryToTake() {
    fault.textContent = "";
    try {
      take();
    } catch (error) {
      fault.textContent = `A parameter is not JSON: ${error.message}`;
    }
  }

  function take() {
    const policy = { name: names.value };
    for (const { path, read } of inputs) {
      const value = read();
      if (value === undefined) continue;
      const holder = path.length === 1 ? policy : (policy[path[0]] ??= {});
      holder[path.at(-1)] = value;
    }
    add(policy);
  }
}

/** Inputs of one parameter: a choice, a check box, a number, or a number for each part of an object. */
function inputsOf(name, property, defs, path = [name]) {
  const label = path.join(" ").replaceAll("_", " ");
  const reference = property.$ref ?? property.allOf?.[0]?.$ref;
  if (reference) {
    const parts = defs[reference.split("/").at(-1)].properties ?? {};
    return Object.entries(parts).flatMap(([part, inner]) => inputsOf(part, inner, defs, [...path, part]));
  }
  if (property.enum) {
    const control = select(
      property.enum.map((value) => [value, value]),
      property.default,
    );
    return [{ path, label, control, read: () => control.value }];
  }
  if (property.type === "boolean") {
    const control = el("input", { type: "checkbox", checked: property.default });
    return [{ path, label, control, read: () => control.checked }];
  }
  if (property.type === "number" || property.type === "integer") {
    const control = el("input", { type: "number", step: "any", value: property.default });
    return [{ path, label, control, read: () => (control.value === "" ? undefined : control.valueAsNumber) }];
  }
  const control = el("input", { placeholder: "JSON; empty: the default" });
  return [{ path, label, control, read: () => (control.value.trim() === "" ? undefined : JSON.parse(control.value)) }];
}
