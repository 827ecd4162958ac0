"""The timeline at the bottom of the window: when each camera saw whom."""
