"""Contract space: which contracts of which accounts to close (arXiv 2512.01112, section 6)."""
