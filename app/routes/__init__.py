"""One resource a file: convert, solve, convert."""
