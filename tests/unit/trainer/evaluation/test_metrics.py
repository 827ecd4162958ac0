"""Figures against numbers computed by hand."""

import numpy as np
import pytest

from trainer.metrics import (
    bootstrap_intervals,
    calinski_harabasz,
    compactness,
    mean_figures,
    query_scores,
)


def scores(**ranks):
    """Scores of queries q0, q1, … whose matches have these ranks."""
    rows = [int(name[1:]) for name, found in ranks.items() for _ in found]
    return query_scores(
        np.array(rows), np.array([rank for found in ranks.values() for rank in found])
    )


def test_worked_example_of_the_protocol():
    """Kept: another person, match, distractor, match: AP = (1/2 + 2/4) / 2."""
    found = scores(q0=[1, 3])
    assert found.average_precision.tolist() == [0.5]
    assert found.cmc(4).tolist() == [0, 1, 1, 1]
    assert found.inverse_penalty.tolist() == [2 / 4]


def test_matches_come_in_any_order_and_queries_keep_their_rows():
    found = query_scores(np.array([7, 2, 7, 2]), np.array([5, 0, 1, 9]))
    assert found.queries.tolist() == [2, 7]
    assert found.first_rank.tolist() == [0, 1]
    assert found.average_precision == pytest.approx([(1 + 2 / 10) / 2, (1 / 2 + 2 / 6) / 2])
    assert found.inverse_penalty == pytest.approx([2 / 10, 2 / 6])


def test_ranks_beyond_the_end_of_the_cmc_do_not_count_in_it():
    found = scores(q0=[0], q1=[3], q2=[50], q3=[500])
    assert found.cmc(5).tolist() == [0.25, 0.25, 0.25, 0.5, 0.5]
    assert found.cmc(51)[-2:].tolist() == [0.5, 0.75]


def test_figures_are_means_over_queries_and_then_over_trials():
    figures = mean_figures([scores(q0=[0], q1=[1]), scores(q0=[4])])
    assert figures["mAP"] == pytest.approx(((1 + 1 / 2) / 2 + 1 / 5) / 2)
    assert (figures["rank1"], figures["rank5"]) == (0.25, 1)


def test_an_interval_holds_the_figure_and_is_the_same_for_one_seed():
    generator = np.random.default_rng(0)
    trial = query_scores(np.arange(300), generator.geometric(0.4, 300) - 1)
    bounds = bootstrap_intervals([trial])
    figures = mean_figures([trial])
    assert all(
        low < figures[name] < high for name, (low, high) in bounds.items() if name != "rank20"
    )
    assert bounds == bootstrap_intervals([trial])
    assert bounds != bootstrap_intervals([trial], seed=1)
    # Of a share p of n independent queries: p ± 1.96 √(p (1 − p) / n).
    share = figures["rank1"]
    half = 1.96 * np.sqrt(share * (1 - share) / 300)
    assert bounds["rank1"] == pytest.approx((share - half, share + half), abs=0.01)


def test_an_interval_does_not_hang_on_how_many_draws_are_held_at_once(monkeypatch):
    trial = scores(q0=[0], q1=[2], q2=[1, 5])
    bounds = bootstrap_intervals([trial], draws=100)
    monkeypatch.setattr("trainer.metrics._DRAWN_AT_ONCE", 7)
    assert bootstrap_intervals([trial], draws=100) == bounds


def test_repeats_of_one_trial_do_not_narrow_an_interval():
    trial = scores(q0=[0], q1=[2], q2=[1, 5], q3=[0])
    one, ten = bootstrap_intervals([trial]), bootstrap_intervals([trial] * 10)
    np.testing.assert_allclose([*one.values()], [*ten.values()])


def test_compactness_of_vectors_of_length_1():
    """Person 5: (1,0) and (0,1), centre (.5,.5), distance √.5 each; person 9 is one point."""
    vectors = np.array([[2, 0], [0, 3], [0, -1], [0, -5]], np.float32)
    found = compactness(vectors, np.array([5, 5, 9, 9]))
    assert found == pytest.approx(np.sqrt(0.5) / 2)


def test_calinski_harabasz_by_its_definition():
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((30, 5)).astype(np.float32)
    labels = generator.integers(0, 4, 30)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = [unit[labels == label] for label in range(4)]
    between = sum(len(g) * ((g.mean(0) - unit.mean(0)) ** 2).sum() for g in groups) / 3
    inside = sum(((g - g.mean(0)) ** 2).sum() for g in groups) / 26
    assert calinski_harabasz(vectors, labels * 100) == pytest.approx(between / inside, rel=1e-5)


def test_calinski_harabasz_where_it_has_no_value():
    vectors = np.eye(3, dtype=np.float32)
    assert np.isnan(calinski_harabasz(vectors, np.array([1, 1, 1])))
    assert np.isnan(calinski_harabasz(vectors, np.array([1, 2, 3])))
    twice = np.repeat(vectors, 2, axis=0)
    assert calinski_harabasz(twice, np.array([1, 1, 2, 2, 3, 3])) == np.inf
