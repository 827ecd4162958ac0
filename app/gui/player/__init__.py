"""Watching a video, and clicking the people in it."""
