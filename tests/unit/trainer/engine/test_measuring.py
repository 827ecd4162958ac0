"""What a running training is measured by: each role of network by what it changes."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from reid_models.model_card import ModelCard
from reid_models.model_file import save_model
from reid_models.registry import MODELS, create_model
from tests.tiny_recipe import tiny_config
from tests.tiny_torch_networks import ENTRIES, tiny_aggregator, tiny_embedder, tiny_pair
from trainer.config import EvaluationConfig, StartConfig
from trainer.data.registry import load_data_set
from trainer.engine import Measure


@pytest.fixture(autouse=True)
def _tiny_entries(monkeypatch):
    for entry in ENTRIES:
        monkeypatch.setitem(MODELS, entry.name, entry)


@pytest.fixture
def held_out(people):
    return load_data_set("folder:people#holdout=4", people)


@pytest.fixture
def embedder(tmp_path):
    network = tiny_embedder()
    save_model(tmp_path / "embedder.safetensors", network, ModelCard.of(network))
    return str(tmp_path / "embedder.safetensors")


def measured(folder, data_sets, network, start="", **evaluation):
    config = tiny_config(folder / "tiny.toml")
    settings = EvaluationConfig(batch_size=4, **evaluation)
    config = replace(config, start=StartConfig(embedder=start), evaluation=settings)
    recipe = SimpleNamespace(
        deployed=lambda: {"": network}, card_facts=lambda name: {"camera_table": {}}
    )
    return Measure(config, data_sets, "cpu", folder)(recipe)


def test_an_embedder_by_its_vectors(tmp_path, held_out):
    found = measured(tmp_path, [held_out], tiny_embedder())
    assert 0 < found["people/mAP"] <= 1
    assert found["mAP"] == found["people/mAP"]
    assert {"people/rank1", "people/mINP", "people/compactness"} <= found.keys()
    assert not {"people/seconds", "people/queries"} & found.keys()
    assert (tmp_path / "hits-people.png").is_file()
    again = measured(tmp_path, [held_out], tiny_embedder())
    assert again == found


def test_several_data_sets_are_averaged(tmp_path, held_out):
    other = replace(held_out, name="others", trials=held_out.trials[:1])
    found = measured(tmp_path, [held_out, other], tiny_embedder())
    assert found["mAP"] == (found["people/mAP"] + found["others/mAP"]) / 2


def test_re_ranking_is_told_beside_the_plain_ranking(tmp_path, held_out):
    found = measured(tmp_path, [held_out], tiny_embedder(), rerank=(3, 2, 0.3))
    plain = measured(tmp_path, [held_out], tiny_embedder())
    assert found["people/mAP before"] == plain["people/mAP"]


@pytest.mark.parametrize("mode", ["joint", "top200"])
def test_an_aggregator_by_what_it_makes_of_its_embedders_vectors(
    tmp_path, held_out, embedder, mode
):
    plain = measured(tmp_path, [held_out], tiny_embedder())
    found = measured(tmp_path, [held_out], tiny_aggregator(), embedder, mode=mode)
    assert found["people/mAP before"] == plain["people/mAP"]
    assert 0 < found["people/mAP"] <= 1


def test_a_reranker_by_pairs_of_the_best(tmp_path, held_out, embedder):
    plain = measured(tmp_path, [held_out], tiny_embedder())
    found = measured(tmp_path, [held_out], tiny_pair(), embedder, pairs=5)
    assert found["people/mAP before"] == plain["people/mAP"]
    assert measured(tmp_path, [held_out], tiny_pair(), embedder) == {}


def test_a_reranker_with_vectors_of_its_own(tmp_path, held_out):
    settings = {"backbone": "resnet10t", "non_local": False, "image_size": [64, 32]}
    network = create_model("cacenet", **settings, identities=4)
    found = measured(tmp_path, [held_out], network.eval())
    assert 0 < found["people/mAP"] <= 1
