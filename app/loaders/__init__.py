"""Published tables of forced closes, CSV or Parquet, to requests that are ready to POST: ``python -m app.loaders``."""
