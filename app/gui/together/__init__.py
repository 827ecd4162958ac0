"""All cameras at the same moment."""
