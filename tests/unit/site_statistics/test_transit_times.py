"""Transit times: pairs without labels, what they add, and that one alone proves little."""

import numpy as np
import pytest

from site_statistics.transit_times import (
    CLIP,
    Sightings,
    Stretch,
    TransitTimes,
    bonus,
    gaps_between,
    mutual_nearest,
    stretches,
)


def sightings(cameras, first_s, ids=None):
    first_s = np.array(first_s, np.float64)
    ids = np.arange(len(first_s)) if ids is None else np.array(ids)
    return Sightings(ids, np.array(cameras), first_s, first_s + 2)


def unit(vectors):
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def a_way(people, way_s, spread_s=3.0, noise=0.4, seed=0):
    """Everybody at camera 1, and `way_s` later at camera 2: sightings and vectors."""
    random = np.random.default_rng(seed)
    looks = random.standard_normal((people, 24))
    begins = random.uniform(0, 7000, people)
    ends = begins + way_s + random.normal(0, spread_s, people)
    vectors = unit(np.concatenate([looks, looks + noise * random.standard_normal(looks.shape)]))
    return sightings([1] * people + [2] * people, np.concatenate([begins, ends])), vectors


def odds(times, gap_s, cameras=(1, 2), seen_s=1000.0):
    """Log-odds of somebody new, seen at the first camera, and so much later at the second."""
    sought = sightings([cameras[0]], [seen_s], ids=[-1])
    other = sightings([cameras[1]], [seen_s + gap_s + (2 if gap_s > 0 else -2)], ids=[-2])
    gaps, found = times.log_odds(sought, other)
    assert gaps[0] == pytest.approx(gap_s)
    return float(found[0])


def test_the_usual_time_speaks_for_and_another_against():
    seen, vectors = a_way(100, way_s=60)
    times = TransitTimes([Stretch(seen, vectors)])
    assert times.pairs > 90
    assert times.camera_pairs == 1
    assert odds(times, 58) > 2
    assert odds(times, 600) < -0.5
    assert odds(times, 10 * 3600) <= 0
    assert min(odds(times, gap) for gap in range(-7000, 7001, 700)) >= -CLIP
    # The way back is the same way, seen from its other end: camera 2 first, 62 s earlier.
    sought, other = sightings([2], [1000.0]), sightings([1], [1000.0 - 60])
    gaps, found = times.log_odds(sought, other)
    assert gaps[0] == pytest.approx(-58)
    assert found[0] == pytest.approx(odds(times, 58), abs=1e-6)


def test_clocks_that_differ_are_learnt_like_a_way():
    seen, vectors = a_way(100, way_s=-1500)
    times = TransitTimes([Stretch(seen, vectors)])
    sought = sightings([1], [5000.0], ids=[-1])
    others = sightings([2, 2], [3500.0, 5060.0], ids=[-2, -3])
    assert times.log_odds(sought, others)[1][0] > 2
    assert times.log_odds(sought, others)[1][1] < 0


def test_beyond_what_was_set_nothing_is_credible_whatever_was_learnt():
    seen, vectors = a_way(100, way_s=60)
    limits = {frozenset((1, 2)): (30.0, 90.0), frozenset((2, 3)): (5.0, float("inf"))}
    times = TransitTimes([Stretch(seen, vectors)], limits=limits)
    assert odds(times, 58) > 2
    assert [odds(times, gap) for gap in (29, -29, 91, -91)] == [-CLIP] * 4
    assert odds(times, 4, cameras=(3, 2)) == -CLIP  # where nothing was learnt, too
    assert odds(times, 6, cameras=(3, 2)) == 0


def test_the_ways_tell_what_was_learnt_without_the_one_sought():
    seen, vectors = a_way(100, way_s=60)
    times = TransitTimes([Stretch(seen, vectors)])
    (way,) = times.ways()
    assert (way.one, way.other, len(way)) == (1, 2, times.pairs)
    assert way.quantile_s(0.5) == pytest.approx(58, abs=2)
    assert not way.overlaps
    (fewer,) = times.ways(without=range(10))
    assert len(way) - 10 <= len(fewer) < len(way)


def test_few_pairs_prove_little():
    found = [odds(TransitTimes([Stretch(*a_way(people, 60))]), 58) for people in (1, 3, 10, 100)]
    assert found == sorted(found)
    assert found[0] < 0.3
    assert found[-1] > 2


def test_where_looks_say_nothing_times_say_nothing_either():
    seen, vectors = a_way(100, way_s=60)
    random = np.random.default_rng(4)
    nonsense = unit(random.standard_normal(vectors.shape))
    times = TransitTimes([Stretch(seen, nonsense)])
    strongest = max(abs(odds(times, gap)) for gap in range(-600, 600, 20))
    assert strongest < 1.5
    assert strongest < odds(TransitTimes([Stretch(seen, vectors)]), 58)


def test_nothing_is_said_within_a_camera_or_without_a_time():
    seen, vectors = a_way(50, way_s=60)
    times = TransitTimes([Stretch(seen, vectors)])
    others = sightings([1, 2, 3], [1060.0, np.nan, 1060.0], ids=[-2, -3, -4])
    gaps, found = times.log_odds(sightings([1], [1000.0], ids=[-1]), others)
    assert found.tolist() == [0, 0, 0]
    assert np.isnan(gaps).tolist() == [False, True, False]
    gaps, found = times.log_odds(sightings([1], [np.nan], ids=[-1]), others)
    assert np.isnan(gaps).all()
    assert found.tolist() == [0, 0, 0]
    assert TransitTimes().log_odds(sightings([1], [0.0]), others)[1].tolist() == [0, 0, 0]


def test_nobody_is_evidence_of_himself():
    seen, vectors = a_way(40, way_s=60)
    # One more way, of 1000 s, that only this one took: rows 80 (camera 1) and 81 (camera 2).
    ids = np.append(seen.ids, [80, 81])
    cameras = np.append(seen.cameras, [1, 2])
    first = np.append(seen.first_s, [3000.0, 4002.0])
    strange = unit(np.random.default_rng(9).standard_normal((1, 24)))
    everybody = Sightings(ids, cameras, first, first + 2)
    stretch = Stretch(everybody, np.concatenate([vectors, strange, strange]))
    times = TransitTimes([stretch])
    for_itself = times.log_odds(everybody.at([80]), everybody.at([81]))[1][0]
    for_another = odds(times, 1000)
    assert for_itself < for_another


def test_confirmed_pairs_count_more_and_rejected_ones_not():
    seen, vectors = a_way(60, way_s=60)
    found = TransitTimes([Stretch(seen, vectors)], seen)
    pairs = [(row, row + 60) for row in range(60)]
    sure = TransitTimes([Stretch(seen, vectors)], seen, confirmed=pairs)
    assert odds(sure, 58) > odds(found, 58)
    assert sure.pairs == found.pairs, "a confirmed pair is not counted twice"
    # Whichever way round, and though ids are unknown or of one camera.
    same = TransitTimes(
        [Stretch(seen, vectors)], seen, [(b, a) for a, b in pairs] + [(1, 2), (0, 999)]
    )
    assert odds(same, 58) == odds(sure, 58)
    none = TransitTimes([Stretch(seen, vectors)], seen, rejected=pairs)
    assert none.pairs < 5


def test_gaps_are_from_the_end_of_one_to_the_beginning_of_the_other():
    first, last = np.array([10.0]), np.array([20.0])
    others_first, others_last = np.array([25.0, 0, 15, 20, np.nan]), np.array([30.0, 4, 40, 22, 9])
    gaps = gaps_between(first, last, others_first, others_last)
    np.testing.assert_array_equal(gaps, [5, -6, 0, 0, np.nan])


def test_mutual_nearest_neighbours_by_brute_force():
    random = np.random.default_rng(0)
    vectors, cameras = unit(random.standard_normal((60, 8))), random.integers(0, 3, 60)
    wanted = set()
    for one in range(60):
        for other in range(60):
            if cameras[one] < cameras[other]:
                rows, columns = (np.flatnonzero(cameras == cameras[each]) for each in (other, one))
                near = rows[(vectors[rows] @ vectors[one]).argmax()]
                back = columns[(vectors[columns] @ vectors[other]).argmax()]
                if (near, back) == (other, one):
                    wanted.add((one, other))
    assert {tuple(pair) for pair in mutual_nearest(vectors, cameras).tolist()} == wanted


def test_what_is_learnt_from_stays_bounded_and_in_order_of_time():
    first = np.random.default_rng(0).permutation(1000).astype(np.float64)
    first[::10] = np.nan
    whole = np.concatenate(stretches(first, longest=300, most=4))
    assert len(whole) == 900
    assert (np.diff(first[whole]) > 0).all()
    some = stretches(first, longest=100, most=4)
    assert [len(each) for each in some] == [100] * 4
    assert all((np.diff(first[each]) > 0).all() for each in some)
    assert stretches(np.full(5, np.nan)) == []


def test_the_bonus_is_bounded():
    np.testing.assert_allclose(bonus(np.array([-CLIP, 0, CLIP], np.float32)), [-0.12, 0, 0.12])
