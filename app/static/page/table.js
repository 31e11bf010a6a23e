// A table that is paged, sorted and searched, so that a book of any size costs one page of rows.

import { button, el, field } from "./dom.js";
import { count } from "./format.js";

const PAGE = 20;

/**
 * `columns` are {title, value(row), text(value), number, action(row)}: `value` is what is sorted and downloaded, `text`
 * what is shown, `number` aligns and sorts as one. `length` rows are numbered from 0. `search` is the title of a
 * search box over the first column, or null.
 */
export function table({ caption, columns, length, search = null }) {
  const all = Array.from({ length }, (_, row) => row);
  const state = { order: all, page: 0, by: null, down: true, query: "" };
  const body = el("tbody");
  const heads = columns.map((column) => head(column, () => sort(column)));
  const pages = el("span", { role: "status" });
  const back = button("Previous", () => turn(-1));
  const next = button("Next", () => turn(1));
  const pager = el("div", { className: "pager" }, back, pages, next);
  const node = el(
    "div",
    { className: "table" },
    search === null || length <= PAGE
      ? null
      : field(search, el("input", { type: "search", oninput: (event) => find(event.target.value) })),
    el(
      "div",
      { className: "scroll", tabIndex: 0, role: "region", "aria-label": `Table: ${caption}` },
      el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, ...heads)), body),
    ),
    length > PAGE ? pager : null,
  );
  show();
  return node;

  function sort(column) {
    state.down = state.by === column ? !state.down : true;
    state.by = column;
    refresh();
  }

  function find(query) {
    state.query = query.trim().toLowerCase();
    refresh();
  }

  function refresh() {
    const first = columns[0].value;
    const found =
      state.query === "" ? [...all] : all.filter((row) => String(first(row)).toLowerCase().includes(state.query));
    state.order = state.by === null ? found : sorted(found, state.by, state.down);
    state.page = 0;
    show();
  }

  function turn(step) {
    state.page += step;
    show();
  }

  function show() {
    const start = state.page * PAGE;
    const rows = state.order.slice(start, start + PAGE);
    body.replaceChildren(
      ...rows.map((row) => el("tr", {}, ...columns.map((column, place) => shown(column, row, place === 0)))),
    );
    heads.forEach((th, place) => {
      if (columns[place].action) return;
      const direction = state.down ? "descending" : "ascending";
      th.setAttribute("aria-sort", columns[place] === state.by ? direction : "none");
    });
    back.disabled = state.page === 0;
    next.disabled = start + PAGE >= state.order.length;
    const last = Math.min(start + PAGE, state.order.length);
    pages.textContent =
      last === 0 ? "Nothing found" : `${count(start + 1)} to ${count(last)} of ${count(state.order.length)}`;
  }
}

function head(column, onclick) {
  const props = { scope: "col", className: column.number ? "number" : "" };
  return el(
    "th",
    props,
    column.action ? el("span", { className: "hidden" }, column.title) : button(column.title, onclick),
  );
}

function shown(column, row, first) {
  if (column.action) return el("td", {}, column.action(row));
  const value = column.value(row);
  const props = { className: column.number ? "number" : "" };
  return el(
    first ? "th" : "td",
    first ? { ...props, scope: "row" } : props,
    column.text ? column.text(value) : String(value ?? ""),
  );
}

/** Numbers by size and text by its letters; what is missing comes last. */
function sorted(rows, column, down) {
  const keys = new Map(rows.map((row) => [row, keyOf(column, row)]));
  const sign = down ? -1 : 1;
  return rows.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return (x < y ? -sign : x > y ? sign : 0) || a - b;
  });
}

function keyOf(column, row) {
  const value = column.value(row);
  if (value === null || value === undefined || value === "") return null;
  if (!column.number) return String(value);
  const number = Number(value);
  return Number.isNaN(number) ? null : number;
}
