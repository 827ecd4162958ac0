"""Probabilities from similarities of unlabelled pairs, where the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.services.search.match_curve import (
    CEILING,
    EDGES,
    FLOOR,
    LEAST_APART,
    DoubleArray,
    Evidence,
    learn_curve,
)
from app.services.search.reliability import held_out, reliability

NOTHING = np.zeros(0)


def different(count: int, seed: int) -> DoubleArray:
    """Similarities of different people, with the long tail of those who are dressed alike."""
    random = np.random.default_rng(seed)
    return np.asarray(0.1 + 0.08 * random.gamma(2.0, 0.7, count) + random.normal(0, 0.03, count))


def same(count: int, seed: int) -> DoubleArray:
    return np.random.default_rng(seed).normal(0.62, 0.15, count).clip(-1, 0.95)


def evidence_of(pairs: int, share: float, seed: int = 0) -> Evidence:
    ours = round(pairs * share)
    cosines = np.concatenate([different(pairs - ours, seed), same(ours, seed + 1)])
    counts = np.histogram(cosines, EDGES)[0]
    # Pictures of one sighting are more alike than those of two.
    own = same(60, seed + 2) + 0.1
    return Evidence(counts, different(600, seed + 3), own, NOTHING, NOTHING, 100)


@pytest.mark.parametrize("share", [0.01, 0.03])
@pytest.mark.parametrize("seed", [0, 10, 20])
def test_probabilities_are_as_often_right_as_they_say(share: float, seed: int) -> None:
    curve = learn_curve(evidence_of(6000, share, seed))
    fresh = round(100_000 * share)
    of_same = curve.at(same(fresh, seed + 4))
    of_different = curve.at(different(100_000 - fresh, seed + 5))
    found = reliability(of_same, of_different, share)
    assert found.expected_error < 0.03
    # Also where it matters: without the many pairs that nobody would take for one person.
    doubtful = of_same[of_same > 0.05], of_different[of_different > 0.05]
    kept = len(doubtful[0]) / (len(doubtful[0]) + len(doubtful[1]))
    assert reliability(*doubtful, kept).expected_error < 0.2
    assert found.likely_of_same > 0.2
    assert found.unlikely_of_different > 0.95
    assert curve.share == pytest.approx(share, rel=1.5)


def test_where_people_return_seldom_the_same_similarity_is_less_probable() -> None:
    often, seldom = (learn_curve(evidence_of(20_000, share)) for share in (0.05, 0.005))
    at = np.array([0.45, 0.5, 0.55])
    assert (often.at(at) > seldom.at(at) + 0.1).all()


def test_nothing_is_certain_and_more_alike_is_never_less_probable() -> None:
    curve = learn_curve(evidence_of(6000, 0.02))
    probabilities = curve.at(np.linspace(-1, 1, 500))
    assert probabilities[0] == FLOOR
    assert 0.9 < probabilities[-1] <= CEILING
    assert (np.diff(probabilities) >= 0).all()


def test_mistakes_among_those_seen_together_do_not_hide_everybody() -> None:
    evidence = evidence_of(6000, 0.02)
    wrong = same(12, 5)  # one person with two boxes
    spoilt = learn_curve(replace(evidence, apart=np.concatenate([evidence.apart, wrong])))
    assert spoilt.at(np.array([0.8]))[0] > 0.8


def test_what_the_user_decided_counts() -> None:
    evidence = evidence_of(6000, 0.02)
    level = np.full(30, 0.5)
    at = np.array([0.5])
    doubted = learn_curve(replace(evidence, rejected=level)).at(at)
    believed = learn_curve(replace(evidence, confirmed=level)).at(at)
    undecided = learn_curve(evidence).at(at)
    assert doubted < undecided < believed
    assert believed - doubted > 0.1


def test_held_out_pairs_judge_the_curve() -> None:
    evidence = evidence_of(6000, 0.02)
    found = held_out(evidence, 0.02)
    assert (found.same, found.different) == (len(evidence.same), len(evidence.apart))
    assert found.expected_error < 0.03
    assert found.likely_of_same > 0.5
    assert sum(each.pairs for each in found.bins) == found.same + found.different
    assert sum(each.weight for each in found.bins) == pytest.approx(1)
    # A library in which those seen together are as alike as pictures of one person.
    hopeless = replace(evidence, apart=same(600, 9))
    assert held_out(hopeless, 0.02).unlikely_of_different < 0.5


def test_a_reliable_and_an_unreliable_judge() -> None:
    half = np.full(100, 0.5)
    assert reliability(half, half, 0.5).expected_error == pytest.approx(0)
    assert reliability(half, half, 0.1).expected_error == pytest.approx(0.4)


def test_too_little_is_not_enough() -> None:
    enough = evidence_of(6000, 0.02)
    assert enough.is_enough()
    for name, few in (
        ("any_two", enough.any_two // 100),
        ("apart", enough.apart[: LEAST_APART - 1]),
        ("same", enough.same[:5]),
    ):
        assert not replace(enough, **{name: few}).is_enough()
