"""Why one account lost what it lost, in numbers that it can recompute without those of others."""
