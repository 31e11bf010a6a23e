"""The next shock: laws of the move and what it would cost."""
