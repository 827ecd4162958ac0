"""Looks and small parts that several features use."""
