// RFC 4180 to columns of strings: a number from a CSV file goes to the service with every digit it had.

/** {columns: {name: [text, ...]}, rows: how many}; throws where a row has more or fewer cells than the header. */
export function parseCsv(text) {
  const lines = records(text.replace(/^\uFEFF/, ""));
  const heads = (lines.shift() ?? []).map((name) => name.trim());
  if (new Set(heads).size !== heads.length) throw new Error("Two columns of the CSV have the same name.");
  const columns = Object.fromEntries(heads.map((name) => [name, []]));
  lines.forEach((cells, row) => {
    if (cells.length !== heads.length) {
      throw new Error(`Row ${row + 1} of the CSV has ${cells.length} cells; the header has ${heads.length}.`);
    }
    cells.forEach((value, place) => columns[heads[place]].push(value));
  });
  return { columns, rows: lines.length };
}

/** Rows of cells; quoted cells may hold commas, line ends and doubled quotes. Empty lines are left out. */
function records(text) {
  const separator = separatorOf(text);
  const pattern = new RegExp(`("(?:[^"]|"")*"|[^"${separator}\\r\\n]*)(${separator}|\\r\\n|\\n|\\r|$)`, "gy");
  const rows = [];
  let row = [];
  for (const [whole, cell, end] of text.matchAll(pattern)) {
    row.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end !== separator) {
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
    }
    if (whole === "" || end === "") return rows;
  }
  throw new Error(`A quote in row ${rows.length} of the CSV is not closed or stands inside a cell.`);
}

/** Comma, semicolon or tab: whichever the first line has most of. */
function separatorOf(text) {
  const head = text.slice(0, text.search(/[\r\n]|$/));
  const uses = (sign) => head.split(sign).length;
  return [",", ";", "\t"].reduce((best, sign) => (uses(sign) > uses(best) ? sign : best));
}
