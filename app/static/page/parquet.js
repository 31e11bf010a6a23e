// Parquet files, by the vendored hyparquet, which is loaded with the first one.

/** Columns of a Parquet file's bytes; integers and decimals become text. Throws where the file cannot be read. */
export async function columnsOfParquet(bytes, name) {
  const [{ parquetReadObjects }, compressors] = await Promise.all([
    import("/static/hyparquet/index.js"),
    decompressors(),
  ]);
  let rows;
  try {
    rows = await parquetReadObjects({ file: bytes, compressors });
  } catch (cause) {
    throw new Error(
      `${name} cannot be read here as Parquet (${cause.message}). Save it again with snappy, gzip, zstd, lz4 or without ` +
        "compression, or as CSV; `python -m app.loaders` reads all of them.",
      { cause },
    );
  }
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(names.map((column) => [column, rows.map((row) => plain(row[column]))]));
}

/** What hyparquet does not have of its own. */
async function decompressors() {
  const [{ gunzip }, { decompressLz4, decompressLz4Raw }, { decompress }] = await Promise.all([
    import("/static/hyparquet-compressors/gzip.js"),
    import("/static/hyparquet-compressors/lz4.js"),
    import("/static/fzstd/index.mjs"),
  ]);
  return {
    GZIP: (input, length) => gunzip(input, new Uint8Array(length)),
    LZ4: decompressLz4,
    LZ4_RAW: decompressLz4Raw,
    ZSTD: (input) => decompress(input),
  };
}

const plain = (value) => (typeof value === "bigint" ? value.toString() : value);
