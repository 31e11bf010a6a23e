// Files made in the page.

import { breathe } from "./dom.js";

export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export function saveJson(name, value) {
  save(name, new Blob([JSON.stringify(value, null, 1)], { type: "application/json" }));
}

const PIECE = 2000; // rows made at once

/** RFC 4180: a header line, then the lines of `row(0)` to `row(length - 1)`; text that a spreadsheet would run as a formula gets an apostrophe. */
export async function saveCsv(name, heads, length, row) {
  const line = (cells) => `${cells.map(cell).join(",")}\r\n`;
  const parts = [line(heads)];
  for (let start = 0; start < length; start += PIECE) {
    const end = Math.min(start + PIECE, length);
    parts.push(Array.from({ length: end - start }, (_, place) => line(row(start + place))).join(""));
    await breathe();
  }
  save(name, new Blob(parts, { type: "text/csv" }));
}

function cell(value) {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (/^[=+@\t\r]|^-(?![\d.])/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
