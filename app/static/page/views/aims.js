// The next shock and the customers who stay: what is assumed of both, and a way to assume something.

import { setAims, USUAL_AIMS } from "../case.js";
import { button, el } from "../dom.js";
import { solve, state } from "../state.js";

/** Those of `wanted` (shock, retention) that the case has not. */
export const missing = (wanted) => wanted.filter((aim) => !state.options[aim]);

/** Says `why`, and assumes what is usual at a click. */
export function lacking(why) {
  return el(
    "div",
    { className: "card" },
    el("p", {}, why),
    button("Assume Student's t with 3 degrees of freedom, scale 0.05, and linear retention, rate 0.5", () => {
      setAims({ ...USUAL_AIMS, ...present() });
      solve();
    }),
  );
}

const present = () => Object.fromEntries(Object.entries(state.options).filter(([, value]) => value !== null));

/** What the case assumes, in a sentence. */
export function assumptions() {
  const { shock, retention } = state.options;
  return `Assumed of the next shock: ${told(shock.law, shock)}; of customers: ${told(retention.curve, retention)}. Both are chosen in the case.`;
}

function told(name, values) {
  const numbers = Object.entries(values).filter(([, value]) => typeof value === "number");
  return [name, ...numbers.map(([part, value]) => `${part} ${value}`)].join(", ");
}
