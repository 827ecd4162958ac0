"""Camera means and transit times in a search: what is told, what moves, and what never does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from stored_people import EMBEDDER, add_people, add_video, plain_crop

from app.core.entities import FloatArray, Tracklet
from app.core.queries import (
    REFINEMENTS,
    Correction,
    CropQuery,
    Query,
    Refinement,
    SearchResult,
    SearchStage,
    TrackletQuery,
    Transit,
)
from app.core.way_limits import WayLimits
from app.services.people.people import People
from app.services.search.search import Search
from app.storage.library import Library

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
PEOPLE = 60
WAY_S = 40.0


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


def everybody_walks(
    library: Library, clocks: bool = True, noise: float = 0.9, cast: float = 0.0
) -> list[list[Tracklet]]:
    """Everybody passes cam1, and 40 s later cam2; the tracklets of each camera by person."""
    random = np.random.default_rng(1)
    looks = random.standard_normal((PEOPLE, 16))
    begins = np.sort(random.uniform(0, 3000, PEOPLE))
    found = []
    for number, after_s in enumerate((0.0, WAY_S), 1):
        path = library.folder.parent / "footage" / f"cam{number}.mp4"
        video = add_video(library, path, f"cam{number}", NOON if clocks else None)
        seen = looks + noise * random.standard_normal(looks.shape)
        seen += cast * random.standard_normal(16)
        vectors = list((seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32))
        firsts = begins + after_s + random.normal(0, 1, PEOPLE)
        times = [(first, first + 0.4, first + 1.0) for first in firsts.tolist()]
        found.append(add_people(library, video, vectors, times=times))
    return found


class Unchanged:
    """An aggregator that gives back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[FloatArray] = []

    def aggregate(self, vectors: FloatArray) -> FloatArray:
        self.asked.append(vectors)
        return vectors


def search_in(library: Library, aggregator: Unchanged | None = None) -> Search:
    class Constant:
        id, dimension = EMBEDDER, 16

        def embed(
            self, images: object, cameras: object = None, *, urgent: bool = False
        ) -> FloatArray:
            return np.eye(1, 16, dtype=np.float32)

    return Search(library, lambda: EMBEDDER, Constant, lambda *_: aggregator)


def last(search: Search, query: Query, *on: Refinement, limit: int = 500) -> SearchResult:
    results = search.run(query, limit=limit, stages=frozenset(on))
    return [each for each in results if isinstance(each, SearchResult)][-1]


def ids(result: SearchResult) -> list[int]:
    return [hit.tracklet_id for hit in result.hits]


def found_first(search: Search, walks: list[list[Tracklet]], *on: Refinement) -> float:
    """Share of the people of cam1 whose first hit in cam2 is right."""
    there = {each.id for each in walks[1]}
    right = 0
    for one, other in zip(*walks, strict=True):
        ranking = ids(last(search, TrackletQuery(one.id), *on))
        right += next(each for each in ranking if each in there) == other.id
    return right / PEOPLE


def test_transit_times_find_more_and_hide_nobody(library: Library) -> None:
    walks = everybody_walks(library, noise=1.2)
    search = search_in(library)
    assert found_first(search, walks, Correction.TRANSIT) > found_first(search, walks) + 0.1
    query = TrackletQuery(walks[0][0].id)
    plain, timed = last(search, query), last(search, query, *REFINEMENTS)
    assert sorted(ids(timed)) == sorted(ids(plain))
    assert [hit.score for hit in timed.hits] == sorted((h.score for h in timed.hits), reverse=True)
    assert timed.transit is not None
    assert timed.transit.pairs > 30
    assert (timed.transit.camera_pairs, timed.transit.clock_known) == (1, True)
    own = next(hit for hit in timed.hits if hit.tracklet_id == walks[1][0].id)
    assert own.transit is not None
    assert own.transit.gap_s == pytest.approx(WAY_S, abs=6)
    assert own.transit.words().endswith("which is usual")
    assert (plain.camera_mean, plain.transit) == ((), None)
    assert all(hit.transit is None and hit.score == hit.cosine for hit in plain.hits)


def test_what_is_set_for_a_way_holds_from_the_next_search_on(library: Library) -> None:
    walks = everybody_walks(library)
    search = search_in(library)
    query, right = TrackletQuery(walks[0][0].id), walks[1][0].id

    def told() -> Transit:
        hits = last(search, query, Correction.TRANSIT).hits
        found = next(hit.transit for hit in hits if hit.tracklet_id == right)
        assert found is not None
        return found

    assert told().judgement == "usual"
    one, other = library.cameras()
    library.set_way_limits(one.id, other.id, WayLimits(min_s=WAY_S + 20))
    assert told().judgement == "unusual"
    library.set_way_limits(one.id, other.id, None)
    assert told().judgement == "usual"


def test_camera_means_find_more_and_are_told(library: Library) -> None:
    walks = everybody_walks(library, noise=0.5, cast=2.5)
    search = search_in(library)
    corrected = found_first(search, walks, Correction.CAMERA_MEAN)
    assert corrected > found_first(search, walks) + 0.1
    result = last(search, TrackletQuery(walks[0][0].id), Correction.CAMERA_MEAN)
    told = [(each.camera, each.sightings, each.share) for each in result.camera_mean]
    assert told == [("cam1", 60, 60 / 90), ("cam2", 60, 60 / 90)]
    assert result.remarks()[0].startswith("Camera mean: cam1: 60 sightings, applied at 67 %")


def test_a_new_tracklet_counts_at_once(library: Library) -> None:
    walks = everybody_walks(library)
    search = search_in(library)
    query = TrackletQuery(walks[0][0].id)
    last(search, query, *Correction)
    video = add_video(library, library.folder.parent / "footage" / "cam3.mp4", "cam3", NOON)
    (new,) = add_people(library, video, [np.eye(16, dtype=np.float32)[3]])
    search.stored([new.id])
    rebuilt = search_in(library)
    grown, fresh = (last(each, query, Correction.CAMERA_MEAN) for each in (search, rebuilt))
    assert [each.sightings for each in grown.camera_mean] == [60, 60, 1]
    assert [(hit.tracklet_id, hit.score) for hit in grown.hits] == [
        (hit.tracklet_id, hit.score) for hit in fresh.hits
    ]


def test_without_clocks_times_do_not_count(library: Library) -> None:
    walks = everybody_walks(library, clocks=False)
    search = search_in(library)
    query = TrackletQuery(walks[0][0].id)
    timed = last(search, query, Correction.TRANSIT)
    assert timed.hits == last(search, query).hits
    assert timed.transit is not None
    assert not timed.transit.clock_known


def test_a_picture_has_no_camera_and_a_crop_of_a_frame_has_one(library: Library) -> None:
    everybody_walks(library, cast=2.5)
    search = search_in(library)
    picture = last(search, CropQuery(plain_crop()), *Correction)
    assert picture.transit is not None
    assert not picture.transit.clock_known
    assert all(hit.transit is None for hit in picture.hits)
    camera = library.cameras()[0]
    cut_out = last(search, CropQuery(plain_crop(), camera.id, NOON), *Correction)
    assert cut_out.transit is not None
    assert cut_out.transit.clock_known
    assert all(hit.transit is not None for hit in cut_out.hits)
    assert [hit.cosine for hit in cut_out.hits] != [hit.cosine for hit in picture.hits]


def test_an_aggregator_gets_vectors_as_embedded_and_times_stay(library: Library) -> None:
    walks = everybody_walks(library, noise=1.2, cast=1.0)
    aggregator = Unchanged()
    search = search_in(library, aggregator)
    on = (SearchStage.AGGREGATED, *Correction)
    result = last(search, TrackletQuery(walks[0][5].id), *on)
    assert result.stage is SearchStage.AGGREGATED
    (asked,) = aggregator.asked
    stored = library.vectors_of([walks[0][5].id], EMBEDDER).vectors
    np.testing.assert_array_equal(asked[:1], stored)
    for hit in result.hits:
        assert hit.transit is not None
        assert hit.aggregated is not None
        assert hit.score == pytest.approx(hit.aggregated + 0.04 * hit.transit.log_odds, abs=1e-6)


def test_what_the_user_decides_is_learnt_from(library: Library) -> None:
    walks = everybody_walks(library, noise=2.5)
    search = search_in(library)
    query = TrackletQuery(walks[0][0].id)
    before = last(search, query, Correction.TRANSIT)
    people = People(library)
    for one, other in list(zip(*walks, strict=True))[1:]:
        people.confirm(one.id, other.id)
    after = last(search, query, Correction.TRANSIT)
    own = walks[1][0].id
    odds = [
        next(hit.transit.log_odds for hit in each.hits if hit.tracklet_id == own and hit.transit)
        for each in (before, after)
    ]
    assert odds[1] > odds[0] + 0.5
