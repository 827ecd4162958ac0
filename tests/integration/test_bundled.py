"""What comes with the program: the networks and their cards, and the demo found by them alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app import settings
from app.settings import demo_library
from reid_models.model_card import read_card
from tests.integration.conftest import Retrace

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
MODELS = RESOURCES / "models"
# The repository is carried around whole: bytes that files of a role may have, each or together.
MOST_BYTES = {"detector": 7_000_000, "embedder": 14_000_000, "refiners": 6_000_000}


@pytest.fixture(autouse=True)
def _as_shipped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `home`, which hides what is shipped from the other tests."""
    monkeypatch.setattr(settings, "BUNDLED_MODELS", MODELS)
    monkeypatch.setattr(settings, "DEMO", RESOURCES / "demo")


def listed(retrace: Retrace) -> list[dict[str, Any]]:
    """What `models` tells of each network."""
    told = json.loads(retrace("models", "--json").out)
    assert told["problems"] == []
    networks: list[dict[str, Any]] = told["models"]
    return networks


def test_each_network_is_small_and_says_where_it_comes_from(retrace: Retrace) -> None:
    networks = listed(retrace)
    sizes: dict[str, list[int]] = {}
    for each in networks:
        assert (each["place"], each["problem"]) == ("bundled", None)
        for told in ("architecture", "trained_on", "terms", "metrics", "command"):
            assert each[told], f"the card of {each['name']} does not tell {told}"
        assert each["seed"] is not None
        sizes.setdefault(each["role"], []).append(each["size_bytes"])
    assert set(sizes) >= {"detector", "embedder"}
    assert max(sizes["detector"]) <= MOST_BYTES["detector"]
    assert max(sizes["embedder"]) <= MOST_BYTES["embedder"]
    refiners = sizes.get("aggregator", []) + sizes.get("reranker", [])
    assert sum(refiners) <= MOST_BYTES["refiners"]
    used = {each["role"] for each in networks if each["used"]}
    assert used >= {"detector", "embedder"}


def test_refiners_stand_on_the_embedder_that_is_used(retrace: Retrace) -> None:
    networks = listed(retrace)
    (embedder,) = (each for each in networks if each["role"] == "embedder" and each["used"])
    known = read_card(Path(embedder["file"])).id
    for each in networks:
        if each["role"] in ("aggregator", "reranker"):
            assert each["requires_embedder"] == known


def test_the_demo_finds_its_people_with_what_comes_along(retrace: Retrace) -> None:
    said = retrace("demo", "--json")
    assert said.status == 0, said.err
    told = json.loads(said.out)
    assert told["people"] >= 10
    assert told["found_first"] >= 0.9 * told["people"]
    assert Path(told["sheet"]).is_file() and demo_library().is_dir()
