"""The verbs: what the program does, in terms of the domain, over storage and ports."""
