"""Why one account's contracts were closed, in numbers that it can recompute without those of others."""
