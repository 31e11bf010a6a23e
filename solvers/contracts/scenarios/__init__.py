"""Closings of least expected deficit or CVaR over price scenarios, with every position where it is (MODEL 3, 4, 7)."""
