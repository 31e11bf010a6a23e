// Parquet files, by the vendored hyparquet, which is loaded with the first one.

/** Columns of a Parquet file's bytes; integers and decimals become text. Throws where the file cannot be read. */
export async function columnsOfParquet(bytes) {
  const { parquetReadObjects } = await import("/static/hyparquet/index.js");
  let rows;
  try {
    rows = await parquetReadObjects({ file: bytes });
  } catch (cause) {
    throw new Error(
      `The Parquet file cannot be read here (${cause.message}). Files without compression or with snappy can; ` +
        "`python -m app.loaders` reads all of them.",
      { cause },
    );
  }
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => plain(row[name]))]));
}

const plain = (value) => (typeof value === "bigint" ? value.toString() : value);
