"""Rankings against a plain loop; what must not change them."""

import numpy as np
import pytest
import torch

from tests.benchmarks.bench_evaluation import plain_distances
from trainer.errors import TrainerError
from trainer.evaluation.distances import (
    FeatureDistances,
    ReorderedDistances,
    nearest,
    nearest_of_all,
    prepared,
)
from trainer.evaluation.ranking import Labels, own_entries, rank_queries
from trainer.metrics import query_scores

CPU = torch.device("cpu")


class Given:
    """Distances that are at hand."""

    def __init__(self, matrix):
        self.matrix = torch.as_tensor(matrix, dtype=torch.float32)
        self.queries, self.gallery = self.matrix.shape

    def rows(self, first, last):
        return self.matrix[first:last].clone()


def distances_of(features):
    return FeatureDistances(
        *(prepared(side.vectors, "euclidean", CPU) for side in (features.query, features.gallery))
    )


def ranked(features):
    return rank_queries(distances_of(features), features.query.labels, features.gallery.labels)


def in_a_loop(features):
    """A stable sort for each query; what is left out is taken away after it."""
    rows, ranks = [], []
    query, gallery = features.query.labels, features.gallery.labels
    for row, own in enumerate(plain_distances(features.query.vectors, features.gallery.vectors)):
        order = np.argsort(own, kind="stable")
        same = gallery.identities[order] == query.identities[row]
        kept = ~(same & (gallery.cameras[order] == query.cameras[row]))
        found = np.flatnonzero(same[kept])
        ranks += found.tolist()
        rows += [row] * len(found)
    return query_scores(np.array(rows), np.array(ranks))


def assert_equal(one, other):
    for name in ("queries", "average_precision", "first_rank", "inverse_penalty"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.fixture(params=[0, 1000], ids=["sorted", "counted"])
def _both_ways(request, monkeypatch):
    """Few matches of a query are counted, many are searched in a sorted row."""
    monkeypatch.setattr("trainer.evaluation.ranking._FEW", request.param)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("seed", range(5))
def test_ties_stand_in_the_order_of_a_stable_sort(whole_numbers, seed):
    features = whole_numbers(seed)
    assert_equal(ranked(features), in_a_loop(features))


@pytest.mark.usefixtures("_both_ways")
def test_all_equal(whole_numbers):
    features = whole_numbers(0)
    features.query.vectors[:] = 1
    features.gallery.vectors[:] = 1
    assert_equal(ranked(features), in_a_loop(features))


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("numbers", [1, 61, 130, 1000])
def test_chunks_do_not_change_scores(whole_numbers, monkeypatch, numbers):
    features = whole_numbers(1)
    whole = ranked(features)
    monkeypatch.setattr("trainer.evaluation.distances.ROWS_TIMES_COLUMNS", numbers)
    assert_equal(ranked(features), whole)


@pytest.mark.usefixtures("_both_ways")
def test_threads_do_not_change_scores(whole_numbers):
    features = whole_numbers(2)
    whole = ranked(features)
    torch.set_num_threads(3)  # the fixture takes it back
    assert_equal(ranked(features), whole)


def test_the_order_of_the_gallery_changes_ties_only():
    generator = np.random.default_rng(3)
    query = Labels(generator.integers(0, 5, 8), generator.integers(0, 2, 8))
    gallery = Labels(generator.integers(0, 5, 40), generator.integers(0, 2, 40))
    matrix = generator.permuted(np.tile(np.arange(40), (8, 1)), axis=1)  # no ties
    order = generator.permutation(40)
    moved = Labels(gallery.identities[order], gallery.cameras[order])
    whole = rank_queries(Given(matrix), query, gallery)
    assert_equal(rank_queries(Given(matrix[:, order]), query, moved), whole)
    # Of two equal entries the first counts as nearer, whichever that is.
    labels = Labels(np.array([1]), np.array([0]))
    for identities, rank in (([1, 2], 0), ([2, 1], 1)):
        tied = Labels(np.array(identities), np.array([1, 1]))
        assert rank_queries(Given([[0.5, 0.5]]), labels, tied).first_rank.tolist() == [rank]


def test_worked_example_of_the_protocol():
    """methods.md, H: query 1 at camera 0; (id, camera) ranked (1,0) (2,1) (1,1) (0,2) (1,2)."""
    gallery = Labels(np.array([1, 2, 1, 0, 1]), np.array([0, 1, 1, 2, 2]))
    query = Labels(np.array([1]), np.array([0]))
    found = rank_queries(Given([[0.1, 0.2, 0.3, 0.4, 0.5]]), query, gallery)
    assert found.average_precision.tolist() == [0.5]
    assert found.cmc(2).tolist() == [0, 1]
    assert [each.tolist() for each in own_entries(query, gallery)] == [[0], [0]]


def test_queries_without_match_do_not_count():
    query = Labels(np.array([1, 2, 3]), np.array([0, 0, 0]))
    gallery = Labels(np.array([1, 2, 1]), np.array([0, 0, 1]))
    found = rank_queries(Given(np.zeros((3, 3))), query, gallery)
    assert found.queries.tolist() == [0]  # 2 was seen by its own camera only, 3 by none
    with pytest.raises(TrainerError, match="No query has a match"):
        rank_queries(Given(np.zeros((1, 3))), Labels(query.identities[1:2], np.zeros(1)), gallery)


def test_cosine_does_not_see_lengths():
    generator = np.random.default_rng(4)
    vectors = generator.standard_normal((6, 5)).astype(np.float32)
    scaled = vectors * generator.uniform(0.1, 10, (6, 1)).astype(np.float32)
    one, other = (
        FeatureDistances(*[prepared(each, "cosine", CPU)] * 2).rows(0, 6)
        for each in (vectors, scaled)
    )
    torch.testing.assert_close(one, other)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    torch.testing.assert_close(one, torch.from_numpy(2 - 2 * unit @ unit.T).clamp(min=0))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers(bad):
    features = np.ones((3, 2), np.float32)
    features[1, 1] = bad
    with pytest.raises(TrainerError, match="NaN or infinite"):
        prepared(features, "euclidean", CPU)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (3,)])
def test_features_of_no_use(shape):
    with pytest.raises(TrainerError, match="cannot be ranked"):
        prepared(np.ones(shape, np.float32), "euclidean", CPU)


@pytest.mark.parametrize("k", [1, 3, 8, 12])
def test_the_nearest_are_those_of_a_stable_sort(k):
    rows = torch.from_numpy(np.random.default_rng(5).integers(0, 4, (20, 12))).float()
    values, columns = nearest(rows, k)
    wanted = rows.sort(dim=1, stable=True)
    assert torch.equal(columns, wanted.indices[:, :k])
    assert torch.equal(values, wanted.values[:, :k])


def test_reordered_heads_come_first_and_the_rest_keeps_its_order():
    base = Given([[0.4, 0.1, 0.3, 0.0, 0.2]])
    reordered = ReorderedDistances(base, torch.tensor([[2, 1]]))
    assert reordered.rows(0, 1)[0].argsort().tolist() == [2, 1, 3, 4, 0]
    assert nearest_of_all(reordered, 99).tolist() == [[2, 1, 3, 4, 0]]


def test_distances_of_vectors_that_have_much_in_common_keep_their_digits():
    generator = np.random.default_rng(5)
    query, gallery = (100 + generator.normal(0, 1e-2, (n, 16)).astype(np.float32) for n in (4, 30))
    exact = np.square(query[:, None].astype(np.float64) - gallery[None]).sum(axis=2)
    found = FeatureDistances(torch.from_numpy(query), torch.from_numpy(gallery)).rows(0, 4)
    np.testing.assert_allclose(found.numpy(), exact, rtol=1e-2)


def test_vectors_whose_squares_are_no_float32_are_refused():
    huge = np.full((2, 3), 1e25, np.float32)
    with pytest.raises(TrainerError, match="beyond float32"):
        prepared(huge, "euclidean", torch.device("cpu"))
