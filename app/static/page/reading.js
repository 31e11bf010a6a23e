// What was dropped, chosen or pasted, as parts: {name, document} of JSON, {name, columns} of CSV and Parquet.

import { parseJson } from "./book.js";
import { headOf, parseCsv } from "./csv.js";
import { columnsOfParquet } from "./parquet.js";
import { isHead } from "./tables.js";

export async function partsOfFiles(files) {
  const parts = [];
  for (const file of files) parts.push(...(await ofFile(file)));
  return parts;
}

async function ofFile(file) {
  const start = await file.slice(0, 4).text();
  if (start === "PAR1" || /\.parquet$/i.test(file.name)) {
    return [{ name: file.name, columns: await columnsOfParquet(await file.arrayBuffer(), file.name) }];
  }
  return partsOfText(await file.text(), file.name);
}

export function partsOfText(text, name) {
  if (text.trim() === "") throw new Error(`${name}: there is nothing to read.`);
  if (/^\s*[{[]/.test(text)) {
    try {
      return [{ name, document: parseJson(text) }];
    } catch (error) {
      throw new Error(`${name}: this is not JSON: ${error.message}`, { cause: error });
    }
  }
  const tables = tablesIn(text);
  return tables.map((table, place) => {
    const called = tables.length === 1 ? name : `${name}, table ${place + 1}`;
    return { name: called, columns: parseCsv(table, called) };
  });
}

/** Texts of the tables of a text: a new one begins where a line that can only be a header follows an empty one. */
function tablesIn(text) {
  const tables = [];
  for (const block of text.trim().split(/(?:\r\n|\n|\r)[ \t]*(?:\r\n|\n|\r)\s*/)) {
    if (tables.length === 0 || isHead(headOf(block))) tables.push(block);
    else tables[tables.length - 1] += `\n\n${block}`;
  }
  return tables;
}
