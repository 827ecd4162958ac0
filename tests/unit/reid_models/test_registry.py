"""Networks by name: laziness, checked settings, errors that name the alternatives."""

import subprocess
import sys
from dataclasses import is_dataclass

import pytest

import reid_models
from reid_models.errors import NetworkError
from reid_models.registry import (
    MODELS,
    build_config,
    config_values,
    create_model,
    entry_of,
    list_models,
)
from tests.tiny_torch_networks import TinyEmbedder, tiny_embedder


def test_the_package_and_its_list_of_names_do_not_import_torch():
    code = (
        "import sys, reid_models; names = reid_models.list_models();"
        "from reid_models.model_card import read_card;"
        "assert 'torch' not in sys.modules and 'transreid' in names"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_the_package_offers_can_be_imported_from_it():
    for name in reid_models.__all__:
        assert getattr(reid_models, name) is not None
        assert name in dir(reid_models)
    assert reid_models.create_model is create_model
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = reid_models.no_such_thing


def test_names_are_listed_by_role():
    assert list_models("aggregator") == ["nformer"]
    assert list_models("reranker") == ["cacenet"]
    assert {"transreid", "xreid", "rrid"} <= set(list_models("embedder"))
    assert set(list_models()) == set(MODELS)


@pytest.mark.parametrize("entry", MODELS.values(), ids=lambda entry: entry.name)
def test_an_entry_has_a_frozen_configuration_and_a_class_of_its_role(entry):
    assert is_dataclass(entry.config_type)
    assert entry.config_type.__dataclass_params__.frozen
    assert entry.network_type.role == entry.role
    assert config_values(build_config(entry.name, {})) == config_values(entry.config_type())


def test_an_unknown_network_or_setting_is_an_error_that_names_the_known_ones(tiny_entries):
    with pytest.raises(NetworkError, match='no network "transride"') as caught:
        create_model("transride")
    assert "transreid, xreid" in caught.value.remedy
    with pytest.raises(NetworkError, match='"widht" is no setting of tiny') as caught:
        create_model("tiny", widht=4)
    assert "width, image_size, cameras" in caught.value.remedy


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", "8"),
        ("width", 8.5),
        ("width", True),
        ("width", 0),
        ("image_size", [32]),
        ("unknown_camera", "guess"),
        ("width", object()),
    ],
)
def test_a_wrong_type_or_value_is_named(tiny_entries, key, value):
    with pytest.raises(NetworkError, match="tiny") as caught:
        create_model("tiny", **{key: value})
    assert "width" in caught.value.message + caught.value.remedy


def test_settings_survive_json(tiny_entries):
    network = create_model("tiny", width=3, image_size=(8, 8), std=[1, 0.5, 2])
    assert isinstance(network, TinyEmbedder)
    assert network.training
    assert network.config.image_size == (8, 8)
    assert network.config.std == (1.0, 0.5, 2.0)
    assert build_config("tiny", config_values(network.config)) == network.config


def test_a_network_knows_its_entry(tiny_entries):
    assert entry_of(tiny_embedder()).name == "tiny"

    class Stranger(TinyEmbedder):
        pass

    with pytest.raises(NetworkError, match="Stranger is not in the registry"):
        entry_of(Stranger(tiny_embedder().config))
