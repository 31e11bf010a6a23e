// RFC 4180 to columns of strings: a number from a CSV file goes to the service with every digit it had.

/** {name: [text, ...]}; throws where a row has more or fewer cells than the header. `name` is the table's in what is thrown. */
export function parseCsv(text, name) {
  const lines = records(text.replace(/^\uFEFF/, ""), name);
  const heads = (lines.shift() ?? []).map((head) => head.trim());
  const twice = heads.find((head, place) => heads.indexOf(head) !== place);
  if (twice !== undefined) throw new Error(`${name}: two columns are called "${twice}".`);
  const columns = Object.fromEntries(heads.map((head) => [head, []]));
  lines.forEach((cells, row) => {
    if (cells.length !== heads.length) {
      throw new Error(
        `${name}: row ${row + 1} below the header has ${cells.length} cells; the header has ${heads.length}.`,
      );
    }
    cells.forEach((value, place) => columns[heads[place]].push(value.trim()));
  });
  return columns;
}

/** Rows of cells; quoted cells may hold commas, line ends and doubled quotes. Empty lines are left out. */
function records(text, name) {
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
  const where = rows.length === 0 ? "the header" : `row ${rows.length} below the header`;
  throw new Error(`${name}: a quote in ${where} is not closed or stands inside a cell.`);
}

/** The cells of the first line, as far as quotes are not needed to tell them. */
export const headOf = (text) =>
  lineOne(text)
    .split(separatorOf(text))
    .map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));

const lineOne = (text) => text.slice(0, text.search(/[\r\n]|$/));

/** Comma, semicolon or tab: whichever the first line has most of. */
function separatorOf(text) {
  const head = lineOne(text);
  const uses = (sign) => head.split(sign).length;
  return [",", ";", "\t"].reduce((best, sign) => (uses(sign) > uses(best) ? sign : best));
}
