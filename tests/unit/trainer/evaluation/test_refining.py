"""Aggregation in three ways, and ranking by pairs."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from reid_models.cacenet import rerank
from reid_models.errors import NetworkError
from reid_models.registry import create_model
from tests.tiny_model_files import (
    save_nformer,
    save_resnet_cacenet,
    save_token_cacenet,
    save_transreid,
)
from trainer.data.files import read_image
from trainer.data.samples import Sample, Trial
from trainer.errors import TrainerError
from trainer.evaluation import aggregation
from trainer.evaluation.aggregation import Aggregator, load_aggregator
from trainer.evaluation.distances import FeatureDistances, prepared
from trainer.evaluation.evaluator import Methods, rankings
from trainer.evaluation.features import LabelledFeatures, TrialFeatures
from trainer.evaluation.pair_ranking import PairSettings, load_scorer, ranked_by_pairs
from trainer.evaluation.ranking import Labels
from trainer.reranking import RerankSettings

CPU = torch.device("cpu")


@pytest.fixture
def network():
    """An NFormer whose neighbours change a vector visibly."""
    torch.manual_seed(0)
    found = create_model("nformer", embedding_dim=8, heads=2, layers=2, neighbors=4, landmarks=3)
    with torch.no_grad():
        for parameter in found.blocks.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.4)
    return found


@pytest.fixture
def sides():
    generator = np.random.default_rng(0)
    drawn = generator.standard_normal((36, 8)).astype(np.float32)
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit[:6], unit[6:]


def test_joint_is_one_set_of_all(network, sides):
    query, gallery = Aggregator(network, "joint", seed=3, device="cpu").refined(*sides)
    both = torch.from_numpy(np.concatenate(sides))
    wanted = normalize(network.refine(both, seed=3), dim=1)
    torch.testing.assert_close(torch.cat([query, gallery]), wanted)
    other = Aggregator(network, "joint", seed=4, device="cpu").refined(*sides)[0]
    assert not torch.equal(query, other)


def test_per_query_does_not_see_the_other_queries(network, sides):
    aggregator = Aggregator(network, "per_query", seed=3, device="cpu")
    query, gallery = aggregator.refined(*sides)
    for row in range(6):
        alone, same = aggregator.refined(sides[0][row : row + 1], sides[1])
        torch.testing.assert_close(alone[0], query[row], rtol=0, atol=1e-5)
        torch.testing.assert_close(same, gallery, rtol=0, atol=1e-5)
    joint = Aggregator(network, "joint", seed=3, device="cpu").refined(*sides)[0]
    assert (joint - query).abs().max() > 1e-3


def test_top200_ranks_the_nearest_anew_as_the_application_does(network, sides, monkeypatch):
    """The query first, then its neighbours by distance; the rest keeps its order behind them."""
    monkeypatch.setattr(aggregation, "NEIGHBORS", 10)
    done = []
    base = FeatureDistances(*(prepared(side, "cosine", torch.device("cpu")) for side in sides))
    aggregator = Aggregator(network, "top200", device="cpu")
    found = aggregator.reordered(*sides, base, advance=done.append)
    assert len(done) == 6
    query, gallery = sides
    for row in range(6):
        order = np.argsort(-gallery @ query[row], kind="stable")
        near = order[:10]
        refined = network.refine(torch.from_numpy(np.vstack([query[row], gallery[near]])))
        refined = normalize(refined, dim=1)
        anew = near[(refined[1:] @ refined[0]).argsort(descending=True, stable=True)]
        ranking = found.rows(row, row + 1)[0].argsort(stable=True).numpy()
        assert ranking.tolist() == [*anew, *order[10:]]


def test_methods_build_on_each_other(network, sides):
    labels = [Labels(np.arange(len(side)) % 4, np.arange(len(side)) % 3) for side in sides]
    features = TrialFeatures(*map(LabelledFeatures, sides, labels))
    aggregator = Aggregator(network, "joint", device="cpu")
    methods = Methods("cosine", aggregator, RerankSettings(4, 2, 0.3), device="cpu")
    found = dict(rankings(features, methods))
    assert [*found] == [
        "embedder",
        "embedder + aggregator joint",
        "embedder + aggregator joint + k-reciprocal 4,2,0.3",
    ]
    plain, joint, last = (each.rows(0, 6) for each in found.values())
    torch.testing.assert_close(plain, torch.from_numpy(2 - 2 * sides[0] @ sides[1].T))
    refined = aggregator.refined(*sides)
    torch.testing.assert_close(joint, FeatureDistances(*refined).rows(0, 6))
    assert not torch.equal(last, joint)
    alone = Methods("cosine", rerank=RerankSettings(4, 2, 0.3), device="cpu")
    assert not torch.equal([*rankings(features, alone)][-1][1].rows(0, 6), last)


def test_what_does_not_go_together(network, sides):
    with pytest.raises(TrainerError, match="needs vectors"):
        Methods(aggregator=Aggregator(network, "top200", device="cpu"), rerank=RerankSettings())
    with pytest.raises(TrainerError, match="gives no vectors"):
        Aggregator(network, "top200", device="cpu").refined(*sides)
    with pytest.raises(NetworkError, match="shape"):
        Aggregator(network, "joint", device="cpu").refined(sides[0][:, :5], sides[1][:, :5])
    with pytest.raises(TrainerError, match="cannot be ranked by pairs"):
        PairSettings(best=0)


def test_networks_of_another_embedder(tmp_path):
    path = tmp_path / "net.safetensors"
    save_nformer(path, requires="transreid-0123")
    load_aggregator(path, device="cpu")
    load_aggregator(path, device="cpu", embedder_id="transreid-0123")
    with pytest.raises(TrainerError, match="trained with the embedder transreid-0123, not with x"):
        load_aggregator(path, device="cpu", embedder_id="x")
    card = save_resnet_cacenet(path, requires="transreid-0123")
    load_scorer(path, path, card.id, "cpu")  # its own vectors of single images
    with pytest.raises(TrainerError, match="trained with the embedder"):
        load_scorer(path, path, "x", "cpu")


class Scorer:
    """Gives the next of its scores for each pair; notes what it is told."""

    def __init__(self, scores):
        self.scores, self.told = list(scores), []

    def score(self, query, gallery, query_cameras=None, gallery_cameras=None):
        self.told.append((len(query), len(gallery), query_cameras, gallery_cameras))
        return np.array([self.scores.pop(0) for _ in gallery], np.float32)


def trial_of(people):
    files = sorted((people / "bounding_box_test").glob("*.jpg"))
    query = Sample(people / "query" / "0001_c1s1_01.jpg", 1, 0)
    return Trial((query,), tuple(Sample(path, 1, place % 2) for place, path in enumerate(files)))


def ranking_by_pairs(people, scorer, best, weight, cosines):
    """Order of a gallery with these cosines to the one query."""
    angles = np.arccos(cosines)
    gallery = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    query = np.array([[1, 0]], np.float32)
    labels = Labels(np.zeros(1, np.int64), np.zeros(1, np.int64))
    features = TrialFeatures(LabelledFeatures(query, labels), LabelledFeatures(gallery * 3, labels))
    trial = trial_of(people)
    trial = Trial(trial.query, trial.gallery[: len(cosines)])
    base = FeatureDistances(*(prepared(side, "cosine", CPU) for side in (query, gallery)))
    settings = PairSettings(best, weight)
    found = ranked_by_pairs(base, features, trial, ("a", "b"), scorer, settings)
    return found.rows(0, 1)[0].argsort(stable=True).tolist()


def test_worked_example_of_pairs(people):
    """methods.md, H: order g1,g2,g3,g4, K = 2, conditional distances g1 .9, g2 .2."""
    scorer = Scorer([-0.9, -0.2])
    assert ranking_by_pairs(people, scorer, 2, 1.0, [0.9, 0.8, 0.7, 0.6]) == [1, 0, 2, 3]
    assert scorer.told == [(1, 2, ["a"], ["a", "b"])]


@pytest.mark.parametrize("weight", [0, 0.3, 0.5, 1])
def test_pairs_are_fused_as_in_cacenet(people, weight):
    generator = np.random.default_rng(0)
    cosines = generator.uniform(0.2, 0.99, 9)
    distances = generator.uniform(0, 2, 6).astype(np.float32)
    found = ranking_by_pairs(people, Scorer(-distances), 6, weight, cosines)
    wanted = rerank(torch.from_numpy(cosines), torch.from_numpy(distances), weight)
    assert found == wanted.tolist()


def test_a_token_reranker_works_on_the_maps_of_the_embedder(tmp_path, people):
    embedder, path = tmp_path / "embedder.safetensors", tmp_path / "pairs.safetensors"
    card = save_transreid(embedder)
    save_token_cacenet(path, requires=card.id)
    scorer = load_scorer(path, embedder, card.id, "cpu", "float32")
    crops = [read_image(sample.path) for sample in trial_of(people).gallery[:3]]
    scores = [scorer.score(crops[:1], crops, [camera], [camera] * 3) for camera in ("cam1", "cam2")]
    assert scores[0][0] == max(scores[0])  # nothing is more alike than the crop itself
    assert not np.allclose(*scores)
