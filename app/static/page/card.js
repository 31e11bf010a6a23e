// One thing to look at: a heading, a chart, its table, the downloads of both, and the command that asks for it.

import { curl } from "./api.js";
import { png } from "./chart.js";
import { button, el } from "./dom.js";
import { save, saveCsv, saveJson } from "./download.js";
import { table } from "./table.js";

/**
 * `name` is that of files. `rows` is {columns, length, caption, search} of a table; `asked` a list of questions;
 * `answer` what the JSON download holds.
 */
export function card({
  title,
  name,
  note = null,
  chart = null,
  rows = null,
  answer = null,
  asked = [],
  more = [],
  className = "",
}) {
  return el(
    "section",
    { className: `card ${className}`.trim() },
    el("h3", {}, title),
    typeof note === "string" ? el("p", {}, note) : note,
    chart,
    ...more,
    rows === null ? null : table(rows),
    downloads({ title, name, chart, rows, answer }),
    ...asked.map((question) => command(question, asked.length > 1)),
  );
}

function downloads({ title, name, chart, rows, answer }) {
  const label = (kind) => ({ "aria-label": `${title}: download ${kind}` });
  const bar = el("div", { className: "downloads" });
  if (rows !== null) bar.append(button("CSV", () => saveCsv(`${name}.csv`, ...cells(rows)), label("CSV")));
  if (answer !== null) bar.append(button("JSON", () => saveJson(`${name}.json`, answer), label("JSON")));
  if (chart !== null) bar.append(button("PNG", () => save(`${name}.png`, png(chart)), label("PNG")));
  return bar;
}

function cells({ columns, length }) {
  const kept = columns.filter((column) => !column.action);
  return [kept.map(({ title }) => title), length, (row) => kept.map(({ value }) => value(row))];
}

/** The curl of a question, which can be copied; where its body is long, the body can be downloaded. */
function command(question, several) {
  const file = `${question.path.split("/").at(-1)}.json`;
  const text = el("pre", { tabIndex: 0, "aria-label": "Command" });
  const said = el("span", { role: "status" });
  const copy = button("Copy", async () => {
    said.textContent = (await copied(text)) ? "Copied." : "Select the text and copy it.";
  });
  const bar = el("div", { className: "downloads" }, copy, said);
  if (question.parts !== null) {
    bar.append(button(`Request (${file})`, () => save(file, new Blob(question.parts, { type: "application/json" }))));
  }
  const name = question.label ? `: ${question.label}` : "";
  const details = el("details", { className: "curl" }, el("summary", {}, several ? `curl${name}` : "curl"), text, bar);
  details.addEventListener("toggle", () => (text.textContent = curl(question, file)));
  return details;
}

/** The clipboard is there only over HTTPS and on loopback. */
async function copied(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}
