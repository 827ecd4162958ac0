"""Decisions about who is who, and what is listed of the library."""
