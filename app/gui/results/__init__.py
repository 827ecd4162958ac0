"""A search and its hits."""
