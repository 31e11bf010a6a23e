"""How the tables came to be, one revision a file. Applied by `app.store.schema`."""
