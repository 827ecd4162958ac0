"""Choosing, installing and changing network files."""
