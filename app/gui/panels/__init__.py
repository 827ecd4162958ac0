"""Widgets that show plain data and express intentions by signals; they know no service."""
