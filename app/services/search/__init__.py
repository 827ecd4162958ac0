"""Who looks like whom: vectors, the index, and the stages of a search."""
