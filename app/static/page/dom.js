// Making elements without markup in strings: nothing that came from a file or the service is ever read as HTML.

/** An element; keys of `props` are properties, or attributes where they hold a dash or are `role` or `for`. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.includes("-") || ["role", "for", "scope", "list", "colspan"].includes(key))
      node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const byId = (id) => document.getElementById(id);

export const button = (text, onclick, props = {}) => el("button", { type: "button", onclick, ...props }, text);

/** A labelled control; `hint` stands below it. */
export function field(label, control, hint = null) {
  const small = hint === null ? null : el("small", {}, hint);
  return el("label", { className: "field" }, el("span", {}, label), control, small);
}

/** A select of [value, text] pairs. */
export function select(options, value, props = {}) {
  const node = el("select", props, ...options.map(([key, text]) => el("option", { value: key }, text)));
  if (value !== undefined && value !== null) node.value = value;
  return node;
}

/** Lets the browser paint and answer keys between two pieces of work. */
export const breathe = () => new Promise((resolve) => setTimeout(resolve, 0));
