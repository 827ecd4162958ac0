"""A search with several examples of a person, and with people who are not meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stored_people import plain_crop
from test_search import (
    MirrorAggregator,
    RedEmbedder,
    assert_sorted,
    ids,
    people,
    rankings,
    search_in,
)

from app.core.queries import CropQuery, PersonQuery, TrackletQuery
from app.services.search.gallery_index import MARGIN
from app.storage.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


def test_a_person_is_sought_by_all_examples_and_not_found_again(library: Library) -> None:
    one, two, middle, side, rejected, like_rejected = people(library, 0, 40, 20, 60, 80, 72)
    query = PersonQuery((TrackletQuery(one.id), TrackletQuery(two.id)), (rejected.id,))
    (result,) = rankings(search_in(library).run(query))
    assert ids(result) == [middle.id, side.id, like_rejected.id]
    # To the mean, which lies at 20 degrees, and to the nearest.
    pairs = [(0, 20), (40, 20), (52, 32)]
    cosines = [np.cos(np.radians(away)).mean() for away in pairs]
    assert [hit.cosine for hit in result.hits] == pytest.approx(cosines, abs=1e-6)
    rejected_at = np.cos(np.radians([60, 20, 8]))
    nearer = np.maximum(rejected_at - cosines + MARGIN, 0)
    assert [hit.nearer_rejected for hit in result.hits] == pytest.approx(nearer, abs=1e-6)
    for hit in result.hits:
        assert hit.score == pytest.approx(hit.cosine - hit.nearer_rejected, abs=1e-6)
    assert_sorted(result)


def test_pictures_and_tracklets_together_are_refined_as_one(library: Library) -> None:
    one, near, far = people(library, 0, 30, 80)
    query = PersonQuery((TrackletQuery(one.id), CropQuery(plain_crop(red=170))))  # at 60 degrees
    mirror = MirrorAggregator()
    retrieved, aggregated = rankings(search_in(library, RedEmbedder, mirror).run(query))
    assert ids(retrieved) == [near.id, far.id]
    assert ids(aggregated) == [far.id, near.id]
    assert mirror.asked[0][0].tolist() == pytest.approx([np.cos(np.pi / 6), 0.5], abs=1e-6)
