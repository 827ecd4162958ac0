"""Sparse re-ranking against the dense loops of the benchmark."""

import numpy as np
import pytest
import torch

from tests.benchmarks.bench_evaluation import plain_rerank
from trainer.errors import TrainerError
from trainer.evaluation.distances import prepared
from trainer.evaluation.reranked import RerankedDistances
from trainer.reranking import RerankSettings

CPU = torch.device("cpu")


def vectors(count, people=8, seed=0):
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((people, 12))
    drawn = centres[generator.integers(0, people, count)]
    found = drawn + 0.8 * generator.standard_normal((count, 12))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def reranked(query, gallery, settings):
    sides = (prepared(side, "euclidean", CPU) for side in (query, gallery))
    return RerankedDistances(*sides, settings)


@pytest.mark.parametrize(
    ("k1", "k2", "weight"),
    [
        (20, 6, 0.3),
        (50, 15, 0.3),
        (5, 2, 0.3),
        (7, 3, 0),
        (8, 1, 0.5),
        (3, 9, 0.2),
        (1, 1, 0),
        (4, 4, 1),
    ],
)
def test_same_as_dense_loops(k1, k2, weight):
    query, gallery = vectors(15), vectors(90, seed=1)
    settings = RerankSettings(k1, k2, weight)
    wanted = plain_rerank(query, gallery, settings)
    found = reranked(query, gallery, settings).rows(0, 15).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_fewer_images_than_neighbours():
    query, gallery = vectors(2), vectors(5, seed=1)
    settings = RerankSettings()
    wanted = plain_rerank(query, gallery, settings)
    found = reranked(query, gallery, settings).rows(0, 2).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_rows_do_not_hang_on_chunks_or_on_what_is_kept(monkeypatch):
    query, gallery = vectors(10), vectors(70, seed=1)
    whole = reranked(query, gallery, RerankSettings(6, 3)).rows(0, 10)
    monkeypatch.setattr("trainer.evaluation.reranked._KEPT", 0)
    monkeypatch.setattr("trainer.evaluation.reranked._GATHERED", 100)
    monkeypatch.setattr("trainer.evaluation.distances.ROWS_TIMES_COLUMNS", 200)
    distances = reranked(query, gallery, RerankSettings(6, 3))
    parts = [distances.rows(first, last) for first, last in ((0, 1), (1, 7), (7, 10))]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=2e-6)


def test_asking_twice_gives_the_same():
    distances = reranked(vectors(6), vectors(40, seed=1), RerankSettings(6, 3))
    once = distances.rows(2, 5)
    once.fill_(7)  # the caller may change what it is given
    torch.testing.assert_close(distances.rows(0, 6)[2:5], distances.rows(2, 5))
    assert distances.rows(2, 5).max() <= 1


def test_duplicates_are_nearest_to_each_other():
    gallery = vectors(40, seed=1)
    gallery[[3, 9, 30]] = gallery[17]
    found = reranked(gallery[17:18], gallery, RerankSettings(6, 3)).rows(0, 1)[0]
    assert found.argsort(stable=True)[:4].tolist() == [3, 9, 17, 30]
    assert torch.isfinite(found).all()


def test_all_images_equal():
    same = np.ones((12, 4), np.float32)
    found = reranked(same[:2], same[2:], RerankSettings(4, 2)).rows(0, 2)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("numbers", [(0, 6, 0.3), (20, 0, 0.3), (20, 6, 1.1), (20, 6, -0.1)])
def test_impossible_settings(numbers):
    with pytest.raises(TrainerError, match="is not possible"):
        RerankSettings(*numbers)
