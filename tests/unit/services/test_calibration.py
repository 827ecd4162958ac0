"""Hits with probabilities, learnt by a search from a library whose people are known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from stored_people import EMBEDDER, add_video
from test_search import never_load, people, search_in

from app.core.chapters import TrackletPart
from app.core.entities import Crop, FloatArray, Image, Trajectory
from app.core.ports import Embedder
from app.core.queries import Band, Correction, SearchResult, TrackletQuery
from app.services.people.people import People
from app.services.search import calibration
from app.services.search.match_curve import FLOOR
from app.services.search.reliability import reliability
from app.services.search.search import Search
from app.storage.library import Library

CAMERAS, PEOPLE, DIMENSION = 3, 24, 48
STEPS = 1, 5, 7  # in each camera, others walk together
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class CodedEmbedder:
    """Reads person and picture off two pixels, and gives the vectors that the library has."""

    id, dimension = EMBEDDER, DIMENSION

    def embed(
        self,
        images: Sequence[Image],
        cameras: Sequence[str] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        assert cameras is not None
        # Saved as JPEG, in which colours shift a little.
        codes = [np.rint(image.mean(axis=(0, 1)) / (10, 40, 1)).astype(int) for image in images]
        return np.stack([looks(int(person), int(seen)) for person, seen, _ in codes])

    def maps(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None
    ) -> FloatArray | None:
        return None


def looks(person: int, seen: int) -> FloatArray:
    """A vector of one who looks somewhat different each time."""
    own = np.random.default_rng(person).standard_normal(DIMENSION)
    noise = np.random.default_rng((person, seen, 1)).standard_normal(DIMENSION)
    vector = own + 0.75 * noise + 0.35  # the last: what all have in common
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def seen(person: int, camera: int) -> TrackletPart:
    """Somebody who walks for four seconds beside the others who are there."""
    image = np.full((32, 16, 3), (10 * person, 40 * camera, 0), np.uint8)
    later = np.full((32, 16, 3), (10 * person, 40 * camera + 120, 0), np.uint8)
    place = person * STEPS[camera] % PEOPLE
    times = np.arange(0, 4.2, 0.2) + (place // 6) * 10
    left = 40.0 * (place % 6) + np.arange(len(times)) / 10
    boxes = np.stack([left, 0 * left, left + 16, 0 * left + 32], axis=1).astype(np.float32)
    frames = np.round(times * 25).astype(np.int32)
    crops = tuple(
        Crop(picture, int(frames[place]), float(times[place]), boxes[place], 0.8)
        for picture, place in ((image, 1), (later, -2))
    )
    scores = np.full(len(times), 0.9, np.float32)
    return TrackletPart(person + 1, Trajectory(frames, times, boxes, scores), crops)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


@pytest.fixture
def who(library: Library) -> dict[int, int]:
    """Fills the library; the person of each tracklet."""
    found: dict[int, int] = {}
    for camera in range(CAMERAS):
        path = library.folder.parent / f"cam{camera}.mp4"
        video = add_video(library, path, f"cam{camera}", NOON + timedelta(minutes=10 * camera))
        vectors = np.stack([looks(person, 10 + camera) for person in range(PEOPLE)])
        tracks = [seen(person, camera) for person in range(PEOPLE)]
        stored = library.store_tracklets(video.id, tracks, vectors, EMBEDDER)
        found.update((each.id, person) for person, each in enumerate(stored))
    return found


def search(library: Library) -> Search:
    return search_in(library, CodedEmbedder)


def results(search: Search, tracklet_id: int) -> list[SearchResult]:
    events = search.run(TrackletQuery(tracklet_id), limit=500, stages=(Correction.CAMERA_MEAN,))
    return [each for each in events if isinstance(each, SearchResult)]


def test_hits_get_probabilities_that_hold(library: Library, who: dict[int, int]) -> None:
    searching = search(library)
    first, again = results(searching, next(iter(who)))
    assert first.calibrated is None
    assert {hit.probability for hit in first.hits} == {None}
    assert again.calibrated is True
    assert [hit.tracklet_id for hit in again.hits] == [hit.tracklet_id for hit in first.hits]
    told, true = [], []
    for query, person in list(who.items())[::4]:
        (result,) = results(searching, query)
        for hit in result.hits:
            assert hit.probability is not None
            told.append(hit.probability)
            true.append(who[hit.tracklet_id] == person)
    probabilities, same = np.array(told), np.array(true)
    assert np.mean(probabilities[same] >= 0.8) > 0.6
    assert np.mean(probabilities[~same] < 0.2) > 0.9
    assert np.mean(probabilities[~same] >= 0.8) < 0.002
    assert reliability(probabilities[same], probabilities[~same], same.mean()).expected_error < 0.05


def test_what_was_learnt_is_kept_in_the_library(library: Library, who: dict[int, int]) -> None:
    query = next(iter(who))
    *_, learnt = results(search(library), query)
    (known,) = results(search_in(library, never_load), query)
    assert [hit.probability for hit in known.hits] == [hit.probability for hit in learnt.hits]


def test_probabilities_can_be_learnt_before_the_first_search(
    library: Library, who: dict[int, int]
) -> None:
    searching = search(library)
    for _ in searching.calibrate():
        pass
    (result,) = results(searching, next(iter(who)))
    assert result.calibrated is True
    assert list(search_in(library, never_load).calibrate()) == []  # known by now


def test_who_is_seen_together_is_not_the_same(library: Library, who: dict[int, int]) -> None:
    *_, result = results(search(library), next(iter(who)))
    together = {each.id for each in library.tracklets_of(1)[1:6]}
    shown = {hit.tracklet_id: hit.probability for hit in result.hits}
    assert {shown[each] for each in together} == {FLOOR}


def test_decisions_are_learnt_at_the_next_search(library: Library, who: dict[int, int]) -> None:
    searching, query = search(library), next(iter(who))
    *_, before = results(searching, query)
    assert len(results(searching, query)) == 1
    for hit in before.hits[2:6]:
        People(library).reject(query, hit.tracklet_id)
    _, after = results(searching, query)
    unsure = before.hits[2].tracklet_id
    was, now = (
        next(hit.probability for hit in result.hits if hit.tracklet_id == unsure)
        for result in (before, after)
    )
    assert was is not None
    assert now is not None
    assert now <= was


def test_two_cameras_with_enough_pairs_have_a_curve_of_their_own(
    library: Library, who: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "_WAY_PAIRS", 1000)
    searching = search(library)
    results(searching, next(iter(who)))
    index = searching.index
    curves = searching.calibration.known(index, EMBEDDER, camera_mean=True)
    assert curves is not None and curves.pooled is not None
    assert set(curves.ways) == {(1, 2), (1, 3), (2, 3)}, "not within a camera: few are free there"
    cosines, cameras = np.full(3, 0.45, np.float32), np.array([1, 2, 3])
    nothing = np.zeros(3, np.float32)
    told = curves.probabilities(cosines, cameras, {2}, nothing)
    assert told is not None
    own = [curves.ways[1, 2], curves.pooled, curves.ways[2, 3]]
    assert told.tolist() == pytest.approx([each.at(cosines[:1])[0] for each in own])
    of_both = curves.probabilities(cosines, cameras, {1, 2}, nothing)
    assert of_both is not None
    assert of_both.tolist() == pytest.approx(curves.pooled.at(cosines).tolist())
    later = curves.probabilities(cosines, cameras, {1, 2}, np.full(3, 1.5, np.float32))
    assert later is not None
    assert (later > of_both).all(), "a usual time between speaks for one person"


def test_who_is_seen_together_is_looked_up_once(
    library: Library, who: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    searching, query = search(library), next(iter(who))
    results(searching, query)
    results(searching, query)
    asked: list[int] = []
    between = library.trajectories_between
    monkeypatch.setattr(
        library, "trajectories_between", lambda *where: asked.append(1) or between(*where)
    )
    results(searching, query)
    assert asked == []
    searching.stored([query])
    results(searching, query)
    assert asked == [1]


def test_a_verdict_needs_no_network(library: Library, who: dict[int, int]) -> None:
    embedders: list[int] = []

    def load() -> Embedder:
        embedders.append(1)
        return CodedEmbedder()

    searching, query = search_in(library, load), next(iter(who))
    results(searching, query)
    assert len(embedders) == 1
    searching._embedder = None
    People(library).confirm(query, query + PEOPLE)
    assert len(results(searching, query)) == 2
    assert len(embedders) == 1


def test_the_report_says_how_well_it_holds(library: Library, who: dict[int, int]) -> None:
    steps = search(library).report_calibration()
    try:
        while True:
            next(steps)
    except StopIteration as end:
        report = end.value
    assert (report.sightings, report.same) == (len(who), len(who))
    assert report.different > 100
    assert report.reliability is not None
    assert report.reliability.expected_error < 0.05


def test_a_small_library_says_nothing(library: Library) -> None:
    query, *_ = people(library, 0, 10, 50)
    (result,) = results(search_in(library), query.id)
    assert result.calibrated is False
    assert {(hit.probability, hit.band) for hit in result.hits} == {(None, None)}


def test_without_people_seen_together_there_is_not_enough(library: Library) -> None:
    query, *_ = people(library, *range(40))  # all in one place: one person for all that is known
    first, again = results(search_in(library, never_load), query.id)
    assert (first.calibrated, again.calibrated) == (None, False)
    assert again.hits[0].band is None


def test_curves_of_another_version_are_learnt_anew(library: Library, who: dict[int, int]) -> None:
    query = next(iter(who))
    results(search(library), query)
    stored = json.loads(library.remembered("calibration") or "")
    for spoilt in (stored | {"version": 0}, stored | {"pooled": {"slope": 1}}):
        library.remember("calibration", json.dumps(spoilt))
        _, again = results(search(library), query)
        assert again.hits[0].band is Band.LIKELY
