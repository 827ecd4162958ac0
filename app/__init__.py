"""Retrace's desktop application: rooms and walls are described in ARCHITECTURE.md."""
