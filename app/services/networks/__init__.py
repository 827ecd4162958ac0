"""Which network files there are, where they come from, and which is used."""
