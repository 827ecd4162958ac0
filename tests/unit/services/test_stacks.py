"""Sightings that are all but the same are one stack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from test_gallery_index import NOON_S, built, gallery_of, unit_vectors


def test_what_is_the_same_at_one_moment_is_a_stack() -> None:
    gallery = gallery_of(unit_vectors(8))
    vectors = gallery.vectors.copy()
    vectors[1] = vectors[2] = vectors[5] = vectors[0]
    starts = np.array([0, 5, 11, 5, 50, 300, 51, np.nan]) + NOON_S
    vectors[6] = vectors[7] = vectors[4]
    cameras = np.array([1, 1, 1, 1, 2, 1, 3, 2])
    stored = replace(
        gallery, vectors=vectors, camera_ids=cameras, first_utc_s=starts, last_utc_s=starts + 4
    )
    # 1, 2 and 3 follow each other; 4 looks different, 6 is later, 7 is elsewhere, 8 has no time.
    assert built(stored).stacks(range(1, 9)) == {1: 1, 2: 1, 3: 1}
    assert built(stored).stacks([2, 3, 99]) == {2: 2, 3: 2}
    assert built(stored).stacks([]) == {}
