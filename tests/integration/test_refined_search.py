"""The networks of reid_models in the program: model files as embedder, aggregator, re-ranker."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import bootstrap
from app.core.networks import NamedModels
from app.core.queries import SearchResult, SearchStage, StageLeftOut, TrackletQuery
from app.settings import models_dir, settings_path
from app.storage.crop_files import read_crop
from app.storage.library import Library
from app.vision.network_files import KnownNetworkFiles
from reid_models.model_file import load_model
from reid_models.predictors import AggregationPredictor, EmbeddingPredictor, PairPredictor
from tests.fakes import ColourBlobDetector
from tests.integration.conftest import Retrace
from tests.rendered import render_world
from tests.tiny_model_files import (
    save_nformer,
    save_resnet_cacenet,
    save_token_cacenet,
    save_transreid,
    spoil,
)
from tests.tiny_networks import save_embedder


@dataclass(frozen=True)
class Files:
    """Weights that were made for each other, but for `stranger`."""

    detector: Path
    embedder: Path
    aggregator: Path
    reranker: Path
    stranger: Path
    onnx: Path


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _only_the_detector_stands_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(KnownNetworkFiles, "detector", lambda files, path, device: ColourBlobDetector())


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    _only_the_detector_stands_in(monkeypatch)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("networks")
    names = ("embedder", "aggregator", "reranker", "stranger")
    made = {name: folder / f"{name}.safetensors" for name in names}
    embedder_id = save_transreid(made["embedder"]).id
    save_nformer(made["aggregator"], embedder_id)
    save_token_cacenet(made["reranker"], embedder_id)
    save_nformer(made["stranger"], "transreid-0123456789ab")
    (folder / "detector.onnx").write_bytes(b"stands in")
    onnx = save_embedder(folder / "onnx.onnx")
    return Files(folder / "detector.onnx", **made, onnx=onnx)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    render_world(seed=5, people=3, crossing_s=2.0, spacing_s=2.0).write(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(files: Files, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with vectors of the model file, made by the command."""
    library = tmp_path_factory.mktemp("loaded") / "library"
    arguments = ["ingest", footage, "--library", library]
    arguments += ["--detector", files.detector, "--embedder", files.embedder]
    with pytest.MonkeyPatch.context() as patch:
        _only_the_detector_stands_in(patch)
        assert bootstrap.main([str(argument) for argument in arguments]) == 0
    return library


@pytest.fixture
def library(loaded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(loaded, tmp_path / "library"))


def predictor_of(files: Files) -> EmbeddingPredictor:
    network, card = load_model(files.embedder)
    return EmbeddingPredictor(network, card)  # type: ignore[arg-type]


# Embedder -----------------------------------------------------------------------------------------


def test_an_ingest_embeds_every_crop_with_the_row_of_its_camera(loaded: Path, files: Files) -> None:
    predictor = predictor_of(files)
    with Library.open(loaded) as library:
        model = library.model("embedder")
        assert model is not None
        assert (model.id, model.path) == (predictor.id, files.embedder)
        videos = library.videos()
        assert [video.tracklet_count for video in videos] == [3, 3]
        for video in videos:
            for tracklet in library.tracklets_of(video.id):
                stored = library.vector(tracklet.id, model.id)
                assert stored is not None
                crops = [read_crop(crop.path) for crop in library.crops(tracklet.id)]
                known = predictor.embed(crops, [video.camera.name] * len(crops)).mean(axis=0)
                unknown = predictor.embed(crops).mean(axis=0)
                # Stored crops are JPEGs of those that were embedded.
                assert stored @ known / np.linalg.norm(known) > 0.995
                assert stored @ unknown / np.linalg.norm(unknown) < 0.99


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "damaged or was cut off"),
        (spoil, "has NaN or infinite values"),
        (save_nformer, "has the role aggregator (nformer), not embedder"),
        (lambda path: path.write_bytes(b"no weights at all"), "is no safetensors file"),
    ],
    ids=["truncated", "NaN", "role", "another file"],
)
def test_a_model_file_that_cannot_be_used_is_told_and_leaves_no_library(
    retrace: Retrace, files: Files, footage: Path, tmp_path: Path, damage: Any, sentence: str
) -> None:
    path = tmp_path / "bad.safetensors"
    save_transreid(path)
    damage(path)
    networks = ["--detector", files.detector, "--embedder", path]
    said = retrace("ingest", footage, "--library", tmp_path / "library", *networks)
    assert said.status == 1
    last = said.err.splitlines()[-1]
    assert sentence in last and "bad.safetensors" in last
    assert not (tmp_path / "library").exists()


# Search -------------------------------------------------------------------------------------------


def test_three_stages_arrive_and_carry_the_networks_scores(library: Path, files: Files) -> None:
    named = NamedModels(aggregator=str(files.aggregator), reranker=str(files.reranker))
    with bootstrap.Retrace().open_workspace(library, False, named) as workspace:
        told = list(workspace.search.run(TrackletQuery(1)))
        stored = workspace.library.vector_batches(predictor_of(files).id)
        gallery = next(iter(stored))
        tracklets = {each.id: each for each in workspace.library.tracklets(range(1, 7))}
        cameras = {video.id: video.camera.name for video in workspace.library.videos()}
    results = [each for each in told if isinstance(each, SearchResult)]
    assert [each.stage for each in results] == list(SearchStage)
    retrieved, aggregated, reranked = results

    ids = [1, *(hit.tracklet_id for hit in retrieved.hits)]
    rows = [gallery.tracklet_ids.tolist().index(each) for each in ids]
    network, card = load_model(files.aggregator)
    refined = AggregationPredictor(network, card).refine(gallery.vectors[rows])  # type: ignore[arg-type]
    wanted = dict(zip(ids[1:], (refined[1:] @ refined[0]).tolist(), strict=True))
    for hit in aggregated.hits:
        assert hit.aggregated == pytest.approx(wanted[hit.tracklet_id], abs=1e-5)

    network, card = load_model(files.reranker)
    pairs = PairPredictor(network, card, embedder=predictor_of(files))  # type: ignore[arg-type]
    crops = {each.id: read_crop(each.thumbnail.path) for each in tracklets.values()}
    names = {each.id: cameras[each.video_id] for each in tracklets.values()}
    others = [hit.tracklet_id for hit in aggregated.hits]
    scores = pairs.score(
        [crops[1]], [crops[each] for each in others], [names[1]], [names[each] for each in others]
    )
    found = {hit.tracklet_id: hit for hit in reranked.hits}
    for tracklet_id, score in zip(others, scores.tolist(), strict=True):
        assert found[tracklet_id].pair == pytest.approx(score, abs=1e-4)
        assert found[tracklet_id].aggregated == pytest.approx(wanted[tracklet_id], abs=1e-5)
    assert len({round(score, 5) for score in scores.tolist()}) > 1


def stage_of(retrace: Retrace, library: Path, *arguments: object) -> tuple[str, str]:
    """How far a search came, and what was said on stderr."""
    said = retrace("search", "--library", library, "--tracklet", 1, "--json", *arguments)
    assert said.status == 0, said.err
    answer = json.loads(said.out)
    assert len(answer["hits"]) == 5
    return answer["stage"], said.err


def test_stages_are_named_by_flags_and_settings_and_can_be_switched_off(
    retrace: Retrace, library: Path, files: Files
) -> None:
    both = ["--aggregator", files.aggregator, "--reranker", files.reranker]
    assert stage_of(retrace, library) == ("retrieved", "")
    assert stage_of(retrace, library, *both) == ("reranked", "")
    assert stage_of(retrace, library, *both, "--no-reranker") == ("aggregated", "")
    assert stage_of(retrace, library, *both[:2]) == ("aggregated", "")
    off = ["--no-aggregator", "--no-reranker"]
    assert stage_of(retrace, library, *both, *off) == ("retrieved", "")
    settings_path().parent.mkdir(parents=True)
    models_dir("reranker").mkdir(parents=True)
    shutil.copy(files.reranker, models_dir("reranker") / "pairs.safetensors")
    named = f"[models]\naggregator = '{files.aggregator}'\nreranker = 'pairs'\n"
    settings_path().write_text(named)
    assert stage_of(retrace, library) == ("reranked", "")
    settings_path().write_text(f"{named}[search]\nrerank = false\n")
    assert stage_of(retrace, library) == ("aggregated", "")


def test_a_reranker_with_a_backbone_of_its_own_needs_no_embedder(
    retrace: Retrace, library: Path, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_resnet_cacenet(tmp_path / "pairs.safetensors")

    def never(files: object, path: Path, device: str) -> None:
        raise AssertionError("the embedder is not needed")

    monkeypatch.setattr(KnownNetworkFiles, "embedder", never)
    reranker = ["--reranker", tmp_path / "pairs.safetensors"]
    assert stage_of(retrace, library, *reranker) == ("reranked", "")


def test_the_window_takes_the_same_flags(
    retrace: Retrace, library: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, Path] = {}

    def show(
        open_workspace: Any, shelf: Any, settings: Any, library: Path, videos: Path | None
    ) -> int:
        with open_workspace(library, False) as workspace:
            for role in ("embedder", "aggregator", "reranker"):
                used[role] = workspace.networks.in_use(role).path
        return 0

    monkeypatch.setattr("app.gui.application.run", show)
    monkeypatch.setattr("atexit.register", lambda *_: None)
    monkeypatch.setenv("DISPLAY", ":0")
    flags = ["--embedder", files.embedder, "--aggregator", files.aggregator]
    said = retrace("run", "--library", library, *flags, "--reranker", files.reranker)
    assert said.status == 0, said.err
    assert list(used.values()) == [files.embedder, files.aggregator, files.reranker]


@pytest.mark.parametrize(
    ("flag", "save", "sentence"),
    [
        ("--aggregator", lambda path: save_nformer(path, "osnet-9"), "with the embedder osnet-9"),
        ("--aggregator", lambda path: save_nformer(path, width=16), "refines vectors of length 16"),
        ("--reranker", lambda path: save_token_cacenet(path, "osnet-9"), "the embedder osnet-9"),
        ("--reranker", lambda path: save_token_cacenet(path, grid=(8, 4)), "8×4 places"),
        ("--reranker", save_nformer, "has the role aggregator (nformer), not reranker"),
        ("--aggregator", lambda path: path.write_bytes(b"?"), "is no safetensors file"),
    ],
)
def test_a_network_that_does_not_fit_is_told_and_the_search_runs_without(
    retrace: Retrace, library: Path, tmp_path: Path, flag: str, save: Any, sentence: str
) -> None:
    path = tmp_path / "other.safetensors"
    save(path)
    stage, said = stage_of(retrace, library, flag, path)
    assert stage == "retrieved"
    assert len(said.splitlines()) == 1 and sentence in said
    refined = "by similar people" if flag == "--aggregator" else "in pairs"
    assert said.startswith(f"Not refined {refined}: ")


def test_tokens_of_an_onnx_embedder_cannot_be_had(
    retrace: Retrace, library: Path, files: Files, tmp_path: Path
) -> None:
    save_token_cacenet(tmp_path / "tokens.safetensors")
    assert retrace("reembed", "--library", library, "--embedder", files.onnx).status == 0
    stage, said = stage_of(retrace, library, "--reranker", tmp_path / "tokens.safetensors")
    assert stage == "retrieved"
    assert "onnx-" in said and "does not provide" in said


# Another embedder ---------------------------------------------------------------------------------


def test_a_library_goes_from_onnx_to_a_model_file_and_back(
    retrace: Retrace, files: Files, footage: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    networks = ["--detector", files.detector, "--embedder", files.onnx]
    assert retrace("ingest", footage, "--library", library, *networks).status == 0
    stage, said = stage_of(retrace, library, "--aggregator", files.aggregator)
    assert stage == "retrieved" and "this library's vectors are of onnx-" in said

    said = retrace("search", "--library", library, "--tracklet", 1, "--embedder", files.embedder)
    assert said.status == 1 and "has no vectors of transreid-" in said.err
    embedder_id = predictor_of(files).id
    said = retrace("reembed", "--library", library, "--embedder", files.embedder)
    assert (said.status, said.out) == (0, "")
    assert said.err.endswith(f"6 sightings now have vectors of {embedder_id}.\n")
    told = json.loads(retrace("list", "--library", library, "--json").out)
    assert told["embedder"] == embedder_id
    both = ["--aggregator", files.aggregator, "--reranker", files.reranker]
    assert stage_of(retrace, library, *both) == ("reranked", "")

    # The old vectors are still there.
    stage, said = stage_of(retrace, library, "--embedder", files.onnx, *both)
    assert stage == "retrieved" and "this library's vectors are of onnx-" in said
    picture = next((library / "crops").rglob("*.jpg"))
    for embedder in (files.embedder, files.onnx):
        said = retrace("search", "--library", library, "--image", picture, "--embedder", embedder)
        assert said.status == 0, said.err
    said = retrace("reembed", "--library", library, "--embedder", "nobody")
    assert said.status == 1 and 'There is no embedder file "nobody"' in said.err


def test_a_library_remembers_the_networks_that_refine_its_searches(
    library: Path, files: Files
) -> None:
    def stages() -> list[SearchStage]:
        with bootstrap.Retrace().open_workspace(library) as workspace:
            told = list(workspace.search.run(TrackletQuery(1)))
        assert not [each for each in told if isinstance(each, StageLeftOut)]
        return [each.stage for each in told if isinstance(each, SearchResult)]

    with bootstrap.Retrace().open_workspace(library) as workspace:
        workspace.networks.remember("aggregator", files.aggregator)
        workspace.networks.remember("reranker", files.reranker)
        entries = {entry.role: entry for entry in workspace.list_networks()}
    assert stages() == list(SearchStage)
    figures = entries["embedder"].figures
    assert figures is not None
    assert (figures.architecture, figures.vector_size, figures.unit) == ("transreid", 32, "crop")
    assert figures.parameters and figures.gflops and figures.ms
    assert entries["aggregator"].figures and entries["reranker"].figures
    assert entries["detector"].model and entries["detector"].figures is None
    with bootstrap.Retrace().open_workspace(library) as workspace:
        workspace.networks.remember("aggregator", None)
    assert stages() == [SearchStage.RETRIEVED, SearchStage.RERANKED]
