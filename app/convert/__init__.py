"""The only place where schemas become problems and results become schemas."""
