"""What is listed, which is used, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stored_people import FakeNetworkFiles

from app.core.errors import ModelError
from app.core.networks import ModelRole, NetworkCard, NetworkFigures
from app.services.networks.model_shelf import ModelShelf, Place, ShelfEntry
from app.settings import ModelSettings, bundled_models_dir, models_dir


def put(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(name.encode())
    return path


def measure(path: Path, role: ModelRole, device: str) -> NetworkFigures:
    if path.stem == "broken":
        raise ModelError("broken.onnx is damaged.", "Copy it again.")
    return NetworkFigures("YOLO", None, None, 12.5, "frame", None, device, "as stored")


class Files(FakeNetworkFiles):
    """What is called broken is."""

    def __init__(self, requires: str | None) -> None:
        super().__init__(measure=measure)
        self.requires = requires

    def card(self, path: Path, role: ModelRole) -> NetworkCard:
        if path.stem == "broken":
            raise ModelError("The card is broken.", "Mend it.")
        return NetworkCard(requires_embedder=self.requires, trained_on=(path.stem,))


def shelf_of(settings: ModelSettings | None = None, requires: str | None = None) -> ModelShelf:
    files: Any = Files(requires)
    return ModelShelf(files, settings or ModelSettings())


def used(entries: list[ShelfEntry]) -> dict[str, tuple[str, str]]:
    return {each.role: (each.path.stem, each.used_because) for each in entries if each.used_because}


def test_an_installed_network_comes_before_a_bundled_one_and_settings_before_both(
    tmp_path: Path,
) -> None:
    put(bundled_models_dir("detector"), "small.onnx")
    assert used(shelf_of().entries()) == {"detector": ("small", "no detector is installed")}
    put(models_dir("detector"), "yolo11m.pt")
    entries = shelf_of().entries()
    assert [(each.path.stem, each.place) for each in entries] == [
        ("yolo11m", Place.INSTALLED),
        ("small", Place.BUNDLED),
    ]
    assert used(entries) == {"detector": ("yolo11m", "the only detector installed")}
    elsewhere = put(tmp_path, "mine.onnx")
    entries = shelf_of(ModelSettings(detector=str(elsewhere))).entries()
    assert entries[-1].place is Place.ELSEWHERE
    assert used(entries) == {"detector": ("mine", "the settings name it")}
    by_name = shelf_of(ModelSettings(detector="small")).entries()
    assert used(by_name) == {"detector": ("small", "the settings name it")}
    assert entries[0].size_bytes == len(b"yolo11m.pt")
    assert entries[0].card.trained_on == ("yolo11m",)


def test_bundled_refiners_are_used_beside_their_embedder_only() -> None:
    embedder = put(bundled_models_dir("embedder"), "tiny.onnx")
    for role in ("aggregator", "reranker"):
        put(bundled_models_dir(role), f"{role}.safetensors")
    fitting = FakeNetworkFiles().identify(embedder, "embedder").id
    assert sorted(used(shelf_of(requires=fitting).entries())) == [
        "aggregator",
        "embedder",
        "reranker",
    ]
    assert list(used(shelf_of(requires="other-1").entries())) == ["embedder"]
    assert list(used(shelf_of(requires=None).entries())) == ["embedder"]
    off = ModelSettings(aggregator="none")
    assert sorted(used(shelf_of(off, fitting).entries())) == ["embedder", "reranker"]
    put(models_dir("embedder"), "mine.onnx")
    assert list(used(shelf_of(requires=fitting).entries())) == ["embedder"]


def test_of_several_bundled_ones_a_file_names_the_default() -> None:
    folder = bundled_models_dir("embedder")
    for name in ("a.onnx", "b.onnx"):
        put(folder, name)
    assert used(shelf_of().entries())["embedder"][0] == "a"
    (folder.parent / "defaults.toml").write_text('embedder = "b"\n')
    assert used(shelf_of().entries())["embedder"][0] == "b"


def test_what_is_missing_ambiguous_or_broken_is_told() -> None:
    put(models_dir("detector"), "one.onnx")
    put(models_dir("detector"), "broken.onnx")
    shelf = shelf_of()
    told = [error.message for error in shelf.problems()]
    assert len(told) == 2
    assert "several files for the detector" in told[0] and "No embedder is installed" in told[1]
    broken, one = shelf.entries()
    assert broken.problem is not None and one.problem is None
    assert used([broken, one]) == {}
    measured = shelf.measured(one).figures
    assert measured is not None and measured.ms == pytest.approx(12.5)
    problem = shelf.measured(broken).problem
    assert problem is not None and "damaged" in problem.message
