// The closures of one account, and why.

import { ask, question } from "../api.js";
import { card } from "../card.js";
import { el, field } from "../dom.js";
import { money } from "../format.js";
import { alternatives, explanationCard } from "./account.js";
import { fill } from "./labels.js";

/** A form for an id, and what is closed of that account. */
export function oneAccount(json, closes, ids, first, asked, alive, unit) {
  const place = el("div");
  const id = el("input", { value: first, list: "closed-ids", autocomplete: "off", spellcheck: false });
  const run = () =>
    fill(place, alive, "Solving again for this account…", () => ofAccount(json, closes, id.value.trim(), asked, unit));
  const form = el(
    "form",
    { className: "row", onsubmit: (event) => (event.preventDefault(), run()) },
    field("Account id", id),
    el("button", { type: "submit" }, "Show closures"),
  );
  run();
  return el(
    "section",
    { className: "inner" },
    el("h3", {}, "One account's closures"),
    el("datalist", { id: "closed-ids" }, ...ids.slice(0, 50).map((value) => el("option", { value }))),
    form,
    place,
  );
}

async function ofAccount(json, closes, id, asked, unit) {
  const why = question(
    "GET",
    `/v1/closures/${json.id}/explanations/${id.split("/").map(encodeURIComponent).join("/")}`,
  );
  const { json: told } = await ask(why);
  const mine = [...(closes.account ?? []).keys()].filter((row) => closes.account[row] === id);
  const column = (title, key) => ({ title, value: (row) => closes[key][mine[row]], text: money, number: true });
  const own = card({
    title: `Closures of ${id}`,
    name: "closures",
    note:
      mine.length === 0
        ? "Nothing of this account is closed."
        : "Quantities are as traded: a long is closed by a sale, which is negative.",
    rows: {
      caption: `Closures of ${id}`,
      columns: [
        { title: "Market", value: (row) => closes.market[mine[row]] },
        column("Quantity", "quantity"),
        column(`Price (${unit})`, "price"),
        column(`Cost (${unit})`, "cost"),
        column(`Realised profit (${unit})`, "realised_pnl"),
      ],
      length: mine.length,
    },
    answer: told.closes,
  });
  return [
    own,
    explanationCard(
      told,
      [
        { ...asked, label: "the closing" },
        { ...why, label: "the explanation" },
      ],
      unit,
    ),
    alternatives(told, unit),
  ];
}
