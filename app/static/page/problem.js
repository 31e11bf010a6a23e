// What the service refused, in its own words.

import { Refused } from "./api.js";
import { el } from "./dom.js";
import { money, words } from "./format.js";

/** An element that tells an error: title, detail, figures and the fields at fault. */
export function problemOf(error) {
  if (!(error instanceof Refused)) return el("div", { className: "problem" }, el("p", {}, plain(error)));
  const { problem, request, sources } = error;
  const node = told(problem, sources);
  if (request) node.append(el("p", { className: "small" }, `Request ${request}`));
  return node;
}

/** The same of a problem document that stands in an answer, as a policy's in a comparison. */
export function told(problem, sources = {}) {
  const { title, detail, code, errors = [], errors_total: total } = problem;
  const figures = ["budget", "reachable_capacity", "shortage"]
    .filter((name) => name in problem && problem[name] !== null)
    .map((name) => el("li", {}, `${words(name)}: ${money(problem[name])}`));
  if (problem.largest_feasible_severity) {
    figures.push(el("li", {}, `Largest severity that works: ${problem.largest_feasible_severity}`));
  }
  const faults = (errors ?? []).map(({ pointer, detail: why, account }) =>
    el("li", {}, el("code", {}, pointer || "/"), account ? ` (${account})` : "", `: ${why}`, placeIn(sources, pointer)),
  );
  if (total > faults.length) faults.push(el("li", {}, `and ${total - faults.length} more`));
  return el(
    "div",
    { className: "problem" },
    el("p", {}, el("strong", {}, title ?? "Refused"), code ? ` (${code})` : ""),
    detail ? el("p", {}, detail) : null,
    figures.length > 0 ? el("ul", {}, ...figures) : null,
    faults.length > 0 ? el("ul", {}, ...faults) : null,
  );
}

/** "; that is row 3 of book.csv below its header, column cash", of a pointer into a table that came from a file. */
function placeIn(sources, pointer) {
  const at = Object.keys(sources).find((one) => pointer.startsWith(`${one}/`));
  if (at === undefined) return "";
  const [column, row] = pointer.slice(at.length + 1).split("/");
  return /^\d+$/.test(row ?? "")
    ? `; that is row ${Number(row) + 1} of ${sources[at]} below its header, column ${column}`
    : `; that is column ${column} of ${sources[at]}`;
}

/** Policies of a comparison that were not solved, or null. */
export function refusals(refused, labels, sources = {}) {
  if (refused.length === 0) return null;
  return el(
    "details",
    { className: "refused", open: refused.length < 3 },
    el("summary", {}, `Not solved: ${refused.length} of the policies`),
    ...refused.map(({ policy, problem }) => el("div", {}, el("h4", {}, labels(policy)), told(problem, sources))),
  );
}

function plain(error) {
  return error instanceof TypeError && /fetch/i.test(error.message) ? "The service cannot be reached." : error.message;
}
