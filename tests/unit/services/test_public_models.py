"""The list of public networks as it is shipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app import settings
from app.core.networks import WEIGHTS_SUFFIXES, NetworkCard, parts_of
from app.services.networks.public_models import find_public_model, public_models, published_as

RESOURCES = Path(__file__).resolve().parents[3] / "resources" / "models"


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BUNDLED_MODELS", RESOURCES)


def test_every_entry_can_be_fetched_checked_and_told() -> None:
    models = public_models()
    assert len({each.name for each in models}) == len(models) > 0
    for model in models:
        assert model.purpose and model.publisher and model.page.startswith("https://")
        assert Path(model.files[0].name).suffix in WEIGHTS_SUFFIXES[model.role]
        assert [each.name for each in model.files] == [
            part.name for part in parts_of(Path(model.files[0].name))
        ]
        for file in model.files:
            assert file.address.startswith("https://") and file.address.endswith(file.name)
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "")
        facts = NetworkCard(**model.card)
        assert facts.terms and facts.metrics
        assert find_public_model(model.files[0].name) == find_public_model(model.name) == model


def test_intels_networks_are_known_by_content(shared_data: Callable[[str], Path]) -> None:
    for number in ("0277", "0286", "0287", "0288"):
        name = f"person-reidentification-retail-{number}"
        found = published_as(shared_data(f"weights/openvino/{name}/FP16/{name}.xml"))
        assert found is not None and found.name == name
