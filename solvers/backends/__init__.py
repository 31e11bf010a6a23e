"""Generic solvers, one library a file, with total status maps. Slow to import, so each is imported where it solves."""
