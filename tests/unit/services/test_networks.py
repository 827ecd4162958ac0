"""Which network is used for what: flags, library, settings, and whether it fits the vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stored_people import EMBEDDER, add_people, add_video, network_files, unit

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import NamedModels, NetworkCard, NetworkFigures
from app.core.ports import NetworkFiles
from app.services.networks.model_shelf import ModelShelf
from app.services.networks.networks import Networks
from app.settings import ModelSettings, bundled_models_dir, models_dir
from app.storage.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """One person with a vector of length 3."""
    with Library.open(tmp_path / "library", create=True) as opened:
        add_people(opened, add_video(opened, tmp_path / "cam1.mp4"), [unit(1, 2, 3)])
        opened.remember_model("embedder", ModelFile(EMBEDDER, tmp_path / "old.onnx", "0" * 64))
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"weights")
    return path


def networks_of(
    library: Library,
    cards: dict[str, NetworkCard] | None = None,
    named: NamedModels | None = None,
    settings: ModelSettings | None = None,
    files: NetworkFiles | None = None,
    **given: Callable[..., Any],
) -> Networks:
    """Networks whose files have these cards, by name."""
    opened = files or network_files(cards, **given)
    return Networks(library, opened, settings or ModelSettings(), named)


def card(requires: str | None, dimension: int | None = 3) -> NetworkCard:
    return NetworkCard(requires_embedder=requires, dimension=dimension)


def loaded(path: Path, device: str, *_: object) -> Any:
    return SimpleNamespace(path=path, device=device)


def test_without_a_file_there_is_no_refinement(library: Library) -> None:
    networks = networks_of(library)
    models_dir("aggregator").mkdir(parents=True)
    (models_dir("aggregator") / "installed.safetensors").touch()
    assert networks.aggregator(EMBEDDER, 3) is None, "nobody asked for it"
    assert networks.reranker(EMBEDDER) is None


def test_the_order_is_flag_library_settings(library: Library, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.safetensors" for name in ("flag", "library", "settings")}
    for name, path in files.items():
        path.write_bytes(name.encode())
    settings = ModelSettings(aggregator=str(files["settings"]), device="cpu")

    def used(named: NamedModels | None = None) -> str:
        networks = networks_of(library, None, named, settings, aggregator=loaded)
        found: Any = networks.aggregator(EMBEDDER, 3)
        assert found.device == "cpu"
        return str(found.path.stem)

    assert used() == "settings"
    networks_of(library).remember("aggregator", files["library"])
    assert used() == "library"
    assert used(NamedModels(aggregator=str(files["flag"]))) == "flag"
    networks_of(library).remember("aggregator", None)
    assert used() == "settings"

    named = NamedModels(aggregator=str(files["flag"]))
    networks = networks_of(library, None, named, settings, aggregator=loaded)
    networks.remember("aggregator", files["library"])
    found: Any = networks.aggregator(EMBEDDER, 3)
    assert found.path == files["library"], "a choice made later is the one that counts"
    assert networks.remembers("aggregator") and not networks.remembers("reranker")


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (card(EMBEDDER), None),
        (card(None), None),
        (card("osnet-1"), "trained with the embedder osnet-1"),
        (card(None, 5), "vectors of length 5, and this library's have 3"),
    ],
)
def test_an_aggregator_is_loaded_only_for_vectors_that_fit(
    library: Library, file: Path, told: NetworkCard, problem: str | None
) -> None:
    asked: list[Path] = []

    def load(path: Path, device: str) -> Any:
        asked.append(path)
        return object()

    named = NamedModels(aggregator=str(file))
    networks = networks_of(library, {file.name: told}, named, aggregator=load)
    if problem is None:
        first = networks.aggregator(EMBEDDER, 3)
        assert first is not None and networks.aggregator(EMBEDDER, 3) is first, "loaded once"
        assert asked == [file]
    else:
        with pytest.raises(ModelError, match=problem):
            networks.aggregator(EMBEDDER, 3)
        assert asked == []


def test_one_network_is_loaded_while_another_is_and_each_once(
    library: Library, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other weights")
    both, asked = threading.Barrier(2), []

    def load(path: Path, device: str) -> Any:
        asked.append(path)
        both.wait(60)  # raises if the other one is not loaded at the same time
        return loaded(path, device)

    networks = networks_of(library, detector=load, embedder=load)
    detector = ModelFile("d", other, "1" * 64)
    embedder = ModelFile("e", file, "2" * 64)
    with ThreadPoolExecutor(4) as pool:
        found = [
            pool.submit(get, model)
            for get, model in [(networks.detector, detector), (networks.embedder, embedder)] * 2
        ]
    one, two, *again = (each.result() for each in found)
    assert again == [one, two] and sorted(asked) == sorted([other, file])


def test_a_reranker_may_take_the_embedder_and_is_loaded_anew_for_another(
    library: Library, file: Path, tmp_path: Path
) -> None:
    embedder = tmp_path / "embedder.onnx"
    embedder.write_bytes(b"embedder")

    def load_pairs(path: Path, device: str, load_embedder: Callable[[], Any]) -> Any:
        return SimpleNamespace(embedder=load_embedder())

    networks = networks_of(
        library, None, NamedModels(reranker=str(file)), embedder=loaded, reranker=load_pairs
    )
    library.remember_model("embedder", network_files().identify(embedder, "embedder"))
    first: Any = networks.reranker("one")
    assert first.embedder.path == embedder
    assert networks.reranker("one") is first
    assert networks.reranker("other") is not first


def test_what_does_not_fit_is_not_remembered(library: Library, file: Path) -> None:
    networks = networks_of(library, {file.name: card("osnet-1")})
    with pytest.raises(ModelError, match="osnet-1"):
        networks.remember("reranker", file)
    assert library.model("reranker") is None


def test_missing_detector_and_embedder_are_told_together(tmp_path: Path) -> None:
    with Library.open(tmp_path / "empty", create=True) as empty:
        networks = networks_of(empty)
        with pytest.raises(ModelError, match=r"No detector is.*No embedder is") as caught:
            networks.choose_both(None, None)
        assert "--detector FILE" in caught.value.remedy and "--embedder FILE" in caught.value.remedy
        assert caught.value.role == "detector"
        detector = tmp_path / "yolo.onnx"
        detector.touch()
        with pytest.raises(ModelError, match="^No embedder is installed") as caught:
            networks.choose_both(str(detector), None)
        assert caught.value.role == "embedder"


def test_a_named_embedder_is_searched_if_the_library_has_all_its_vectors(
    library: Library, file: Path
) -> None:
    files = network_files(None, {file.name: "transreid-1"})
    networks = networks_of(library, None, NamedModels(embedder=str(file)), files=files)
    with pytest.raises(ModelError, match="no vectors of transreid-1"):
        networks.embedder_id()
    library.store_vectors([1], unit(1, 1)[None], "transreid-1")
    assert networks.embedder_id() == "transreid-1"
    assert networks_of(library).embedder_id() == EMBEDDER


def test_the_list_tells_files_at_once_and_figures_as_they_come(
    library: Library, file: Path
) -> None:
    def measure(path: Path, role: str, device: str) -> NetworkFigures:
        if role == "embedder":
            raise ModelError("old.onnx is gone.", "Put it back.")
        return NetworkFigures("nformer", 7, 1.0, 2.0, "vector", 3, device, "float32")

    cards = {file.name: NetworkCard(terms="any", requires_embedder=EMBEDDER)}
    named = NamedModels(aggregator=str(file), reranker="nobody")
    old = library.folder.parent / "old.onnx"
    old.write_bytes(b"old")
    files = network_files(cards, measure=measure)
    networks = networks_of(library, None, named, files=files)
    library.remember_model(
        "embedder", ModelFile(EMBEDDER, old, files.identify(old, "embedder").sha256)
    )
    installed = models_dir("aggregator") / "other.safetensors"
    installed.parent.mkdir(parents=True)
    installed.write_bytes(b"other")

    told = list(ModelShelf(files, ModelSettings()).in_roles(networks))
    assert [each.role for each in told[:4]] == ["detector", "embedder", "aggregator", "reranker"]
    assert all(each.figures is None for each in told[:4])
    assert told[0].model is None and told[1].model is not None
    assert told[3].problem is not None and '"nobody"' in told[3].problem.message
    last = {each.role: each for each in told}
    assert last["embedder"].problem is not None and "is gone" in last["embedder"].problem.message
    figures = last["aggregator"].figures
    assert figures is not None and figures.parameters == 7 and figures.device == "auto"
    assert last["aggregator"].others == (installed.resolve(),)
    assert last["aggregator"].card.terms == "any"
    assert last["aggregator"].size_bytes == file.stat().st_size


@pytest.mark.parametrize(
    ("requires", "setting", "is_used"),
    [
        (EMBEDDER, "auto", True),
        (EMBEDDER, "none", False),
        ("osnet-1", "auto", False),
        (None, "auto", False),
    ],
)
def test_a_bundled_aggregator_is_used_beside_its_own_embedder_unless_switched_off(
    library: Library, requires: str | None, setting: str, is_used: bool
) -> None:
    folder = bundled_models_dir("aggregator")
    folder.mkdir(parents=True)
    (folder / "nformer.safetensors").write_bytes(b"weights")
    cards = {"nformer.safetensors": card(requires)}
    settings = ModelSettings(aggregator=setting)
    networks = networks_of(library, cards, None, settings, aggregator=loaded)
    found: Any = networks.aggregator(EMBEDDER, 3)
    assert (found is not None) is is_used
    model = networks.in_use("aggregator")
    assert (model is not None) is is_used
    assert not networks.remembers("aggregator")
    assert networks.reranker(EMBEDDER) is None


def test_a_bundled_aggregator_that_the_defaults_leave_out_has_to_be_named(
    library: Library,
) -> None:
    folder = bundled_models_dir("aggregator")
    folder.mkdir(parents=True)
    (folder / "nformer.safetensors").write_bytes(b"weights")
    (folder.parent / "defaults.toml").write_text('aggregator = "none"\n')
    cards = {"nformer.safetensors": card(EMBEDDER)}
    usual = networks_of(library, cards, aggregator=loaded)
    assert usual.aggregator(EMBEDDER, 3) is None
    named = networks_of(library, cards, NamedModels(aggregator="nformer"), aggregator=loaded)
    assert named.aggregator(EMBEDDER, 3) is not None
