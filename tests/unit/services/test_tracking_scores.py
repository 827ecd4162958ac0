"""Tracking scores on cases that can be counted by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from app.core.entities import Trajectory
from app.services.demo.demo_truth import Truth
from tests.benchmarks.tracking_scores import Purity, Seen, purity, tracking_scores

Places = Mapping[int, float]


def seen(people: Places, tracks: Places) -> Seen:
    """From identity → left side of a box 10 wide."""

    def boxes(places: Places) -> np.ndarray:
        lefts = np.array(list(places.values()), np.float32).reshape(-1, 1)
        return np.hstack([lefts, 0 * lefts, lefts + 10, 0 * lefts + 20])

    def ids(places: Places) -> np.ndarray:
        return np.array(list(places), np.int64)

    return Seen(ids(people), boxes(people), ids(tracks), boxes(tracks))


def test_perfect_tracks_and_none() -> None:
    frames = [seen({1: 0, 2: 50}, {8: 0, 9: 51})] * 5
    perfect = tracking_scores([frames])
    assert (perfect.idf1, perfect.mota, perfect.switches) == (1, 1, 0)
    assert 0.9 < perfect.hota < 1  # 9 is a pixel off
    nothing = tracking_scores([[seen({1: 0}, {}), seen({}, {9: 0}), seen({}, {})]])
    assert (nothing.idf1, nothing.hota, nothing.switches) == (0, 0, 0)


def test_a_person_on_two_tracks_keeps_the_longer_one() -> None:
    frames = [seen({1: 0}, {8: 0})] * 6 + [seen({1: 0}, {9: 0})] * 4
    scores = tracking_scores([frames])
    assert (scores.idf1, scores.switches) == (pytest.approx(0.6), 1)


def test_clips_are_counted_together() -> None:
    swapped = [seen({1: 0, 2: 50}, {8: 0, 9: 50})] * 3 + [seen({1: 0, 2: 50}, {8: 50, 9: 0})] * 7
    assert tracking_scores([swapped]).idf1 == pytest.approx(0.7)
    right = [seen({1: 0, 2: 50}, {8: 0, 9: 50})] * 10
    assert tracking_scores([swapped, right]).idf1 == pytest.approx(0.85)


def test_mixed_tracklets_and_objects() -> None:
    people = [(0, 1, 0.0), (1, 1, 0.0), (2, 2, 0.0), (2, 1, 50.0), (3, 2, 0.0)]
    truth = Truth(
        np.array([frame for frame, _, _ in people]),
        np.array([person for _, person, _ in people]),
        np.array([[left, 0, left + 10, 20] for _, _, left in people], np.float32),
        np.ones(len(people), np.float32),
    )

    def tracklet(lefts: Sequence[float]) -> Trajectory:
        return Trajectory(
            np.arange(len(lefts), dtype=np.int32),
            np.arange(len(lefts)) / 5,
            np.array([[left, 0, left + 10, 20] for left in lefts], np.float32),
            np.full(len(lefts), 0.9, np.float32),
        )

    def counted(*lefts: float) -> tuple[int, int]:
        found = purity([(tracklet(lefts), truth)])
        return (found.mixed, found.objects)

    assert counted(0, 0, 50) == (0, 0)  # person 1 all the time
    assert counted(0, 0, 0, 0) == (1, 0)
    assert counted(99, 99, 99, 0) == (0, 1)
    assert counted(0, 0, 6, 6) == (0, 0)  # half on somebody: neither
    assert purity([(tracklet([0, 0]), truth), (tracklet([99]), truth)]) == Purity(2, 0, 1)
