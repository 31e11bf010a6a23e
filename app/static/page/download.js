// Files made in the page.

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

/** RFC 4180: a header line, then a line a row; text that a spreadsheet would run as a formula gets an apostrophe. */
export function saveCsv(name, heads, rows) {
  const lines = [heads, ...rows].map((row) => row.map(cell).join(","));
  save(name, new Blob([lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
}

function cell(value) {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (/^[=+@\t\r]|^-(?![\d.])/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
