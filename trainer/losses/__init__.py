"""Losses as pure functions, and the one that learns something itself (class centres)."""
