"""Benchmarks: every line is a ratio of two things timed in one run. `python -m bench` prints and writes them."""
