// Tabs after the ARIA pattern: arrows move, Home and End jump, and the address keeps the one that is shown.

import { byId, el } from "./dom.js";

/** Not the bare id: the browser would move there, past the head of the page. */
export const addressOf = (id) => `#/${id}`;

export const viewInAddress = () => (location.hash.startsWith("#/") ? location.hash.slice(2) : "");

/** `views` are {id, title}; `onshow(view, panel)` is called whenever one is shown. Answers a function that shows one by id. */
export function tabs(views, onshow) {
  const buttons = views.map((view) =>
    el(
      "button",
      { type: "button", role: "tab", id: `tab-${view.id}`, "aria-controls": view.id, onclick: () => show(view.id) },
      view.title,
    ),
  );
  const panels = views.map((view) =>
    el("div", { role: "tabpanel", id: view.id, "aria-labelledby": `tab-${view.id}`, hidden: true }),
  );
  byId("tabs").append(...buttons);
  byId("panels").append(...panels);
  byId("tabs").addEventListener("keydown", move);
  addEventListener("hashchange", () => {
    if (views.some((view) => view.id === viewInAddress())) show(viewInAddress());
  });
  return show;

  function show(id) {
    const place = Math.max(
      0,
      views.findIndex((view) => view.id === id),
    );
    buttons.forEach((tab, other) => {
      tab.setAttribute("aria-selected", String(other === place));
      tab.tabIndex = other === place ? 0 : -1;
      panels[other].hidden = other !== place;
    });
    if (viewInAddress() !== views[place].id) history.replaceState(null, "", addressOf(views[place].id));
    buttons[place].scrollIntoView({ block: "nearest", inline: "nearest" });
    onshow(views[place], panels[place]);
  }

  function move(event) {
    const place = buttons.indexOf(document.activeElement);
    const last = buttons.length - 1;
    const target = {
      ArrowRight: place === last ? 0 : place + 1,
      ArrowLeft: place === 0 ? last : place - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (place < 0 || target === undefined) return;
    event.preventDefault();
    buttons[target].focus();
    show(views[target].id);
  }
}
