"""A rendered world: people as shaded 3-D bodies before virtual surveillance cameras.

World coordinates are metres, y up, the ground at y = 0. Every draw comes from a generator that is
seeded with the world's seed and the thing's own numbers (`draws`), so that any picture can be
rendered alone, in any order and in any process, with the same bytes.
"""
