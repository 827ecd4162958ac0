"""Footage in, sightings out: the queue, the analysis of each video, and its tracks."""
