"""IDF1 and identity switches on cases that can be counted by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.benchmarks.tracking_scores import Seen, TrackingScores, total, tracking_scores

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
    assert tracking_scores(frames) == TrackingScores(10, 10, 10, 0)
    assert tracking_scores(frames).idf1 == 1
    nothing = tracking_scores([seen({1: 0}, {}), seen({}, {9: 0}), seen({}, {})])
    assert nothing == TrackingScores(0, 1, 1, 0) and nothing.idf1 == 0
    assert tracking_scores([]).idf1 == 0


def test_a_person_on_two_tracks_keeps_the_longer_one() -> None:
    frames = [seen({1: 0}, {8: 0})] * 6 + [seen({1: 0}, {9: 0})] * 4
    scores = tracking_scores(frames)
    assert scores == TrackingScores(6, 10, 10, 1)
    assert scores.idf1 == pytest.approx(0.6)


def test_two_people_whose_tracks_are_swapped() -> None:
    """The pairing is of the whole clip, so that both count for as long as most of it lasts."""
    frames = [seen({1: 0, 2: 50}, {8: 0, 9: 50})] * 3 + [seen({1: 0, 2: 50}, {8: 50, 9: 0})] * 7
    scores = tracking_scores(frames)
    assert scores == TrackingScores(14, 20, 20, 2)


def test_the_pairing_is_the_best_of_all_not_the_first() -> None:
    """Track 8 is most on person 1; yet 9 knows nobody else, and 8 also knows person 2."""
    frames = [seen({1: 0}, {8: 0})] * 5 + [seen({1: 0}, {9: 0})] * 4 + [seen({2: 0}, {8: 0})] * 4
    assert tracking_scores(frames).same == 8


def test_whoever_is_missed_for_a_while_has_not_switched() -> None:
    frames = [seen({1: 0}, {8: 0}), seen({1: 0}, {}), seen({1: 0}, {8: 0})]
    assert tracking_scores(frames) == TrackingScores(2, 3, 2, 0)
    # Nearer is not enough to leave a track that still fits.
    assert tracking_scores([seen({1: 0}, {8: 0}), seen({1: 0}, {8: 2, 9: 0})]).switches == 0
    assert tracking_scores([seen({1: 0}, {8: 0}), seen({1: 0}, {8: 9, 9: 0})]).switches == 1


def test_clips_add_up() -> None:
    assert total([TrackingScores(1, 2, 3, 4), TrackingScores(5, 6, 7, 8)]) == TrackingScores(
        6, 8, 10, 12
    )
    assert total([]) == TrackingScores(0, 0, 0, 0)
