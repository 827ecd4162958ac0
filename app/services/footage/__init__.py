"""Cameras, files and their times: what lies in the folders, and how it is read."""
