"""A past event retold from its published tables: what was needed, what was taken, what policies would have taken."""
