"""``models``, as it is typed, with tiny real networks; and what an ingest says of its networks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.networks import download as download_module
from app.settings import bundled_models_dir, models_dir
from tests.file_server import FileServer, serving
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.onnx_files import write_embedder
from tests.rendered import render_world
from tests.tiny_networks import save_detector


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    """Offers a tiny detector."""
    monkeypatch.setattr(download_module, "_SCHEMES", ("http",))
    monkeypatch.setenv("no_proxy", "*")
    with serving(save_detector(tmp_path / "served.onnx").read_bytes()) as running:
        yield running


def bundle(role: str, path: Path) -> Path:
    folder = bundled_models_dir(role)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    return path.rename(folder / path.name)


def test_an_empty_computer_is_told_what_to_do(retrace: Retrace) -> None:
    said = retrace("models")
    assert said.status == 0
    assert "No detector is installed" in said.out and "models install yolo11n.pt" in said.out
    answer = json.loads(retrace("models", "--json").out)
    assert answer["models"] == [] and len(answer["problems"]) == 2


def test_a_bundled_detector_gives_way_to_an_installed_one(retrace: Retrace, tmp_path: Path) -> None:
    bundled = bundle("detector", save_detector(tmp_path / "people.onnx"))
    Path(f"{bundled}.card.toml").write_text(
        'trained_on = ["rendered scenes"]\nterms = "AGPL-3.0"\n[metrics]\nrecall = 0.875\n'
    )
    said = retrace("models")
    assert "yes: no detector is installed  AGPL-3.0" in said.out
    assert "recall" not in said.out
    about = "people.onnx: trained on rendered scenes · recall 0.875 · terms: AGPL-3.0"
    assert about in retrace("models", "--details").out
    assert "Tip: a larger YOLO detector finds more people." in said.out
    embedder = write_embedder(tmp_path / "net.onnx")
    detector = save_detector(tmp_path / "larger.onnx")
    for file in (embedder, detector):
        said = retrace("models", "install", file)
        assert said.status == 0, said.err
    assert str(models_dir("detector") / "larger.onnx") in said.out
    assert hashlib.sha256(detector.read_bytes()).hexdigest() in said.out
    answer = json.loads(retrace("models", "--json", "--measure").out)
    assert answer["problems"] == []
    told = [(e["role"], e["name"], e["place"], e["used_because"]) for e in answer["models"]]
    assert told == [
        ("detector", "larger", "installed", "the only detector installed"),
        ("detector", "people", "bundled", None),
        ("embedder", "net", "installed", "the only embedder installed"),
    ]
    assert answer["models"][1]["metrics"] == {"recall": 0.875}
    assert all(each["ms"] > 0 for each in answer["models"])
    assert [each["unit"] for each in answer["models"]] == ["frame", "frame", "crop"]
    assert "A larger YOLO" not in retrace("models").out
    assert retrace("models", "remove", "larger").status == 0
    assert "yes: no detector is installed" in retrace("models").out


def test_an_address_is_installed_and_a_cut_download_gone_on_with(
    retrace: Retrace, server: FileServer
) -> None:
    server.cut_after = 500
    said = retrace("models", "install", server.url("/yolo.onnx"))
    assert said.status == 1
    assert "Run the same command again to continue." in said.err
    server.cut_after = None
    checksum = hashlib.sha256(server.content).hexdigest()
    said = retrace("models", "install", server.url("/yolo.onnx"), "--sha256", checksum)
    assert said.status == 0, said.err
    assert "yolo.onnx was installed as detector" in said.out
    assert server.ranges == [None, "bytes=500-"]


def test_what_cannot_be_installed_ends_with_a_sentence(
    retrace: Retrace, server: FileServer, tmp_path: Path
) -> None:
    for source, status, words in (
        (server.url("/missing/net.onnx"), 1, "has no such file"),
        ("nowhere.onnx", 2, 'There is no file "nowhere.onnx"'),
        ("http://example.org/net.txt", 2, "is not a weights file"),
    ):
        said = retrace("models", "install", source)
        assert (said.status, said.out) == (status, ""), said
        assert words in said.err and "Traceback" not in said.err
    said = retrace("models", "install", server.url(), "--sha256", "0" * 64)
    assert said.status == 1 and "it was deleted" in said.err
    assert retrace("models", "remove", "nobody").status == 1
    embedder = write_embedder(tmp_path / "net.onnx")
    said = retrace("models", "install", embedder, "--role", "detector")
    assert said.status == 1 and "is not a detector" in said.err
    assert not models_dir("detector").exists() or not any(models_dir("detector").iterdir())


def test_an_ingest_says_which_networks_it_uses(retrace: Retrace, tmp_path: Path) -> None:
    """And the list, which the library uses."""
    videos = tmp_path / "videos"
    videos.mkdir()
    render_world(seed=3, people=1, crossing_s=1.0).write(videos)
    for role in ("detector", "embedder"):
        file = tmp_path / f"small-{role}.onnx"
        file.write_bytes(role.encode())
        bundle(role, file)
    library = tmp_path / "library"
    for _ in main_job.use_stand_ins():
        said = retrace("ingest", videos, "--library", library)
    assert said.status == 0, said.err
    assert (
        "Networks: small-detector.onnx (bundled) and small-embedder.onnx (bundled). "
        "Tip: a larger YOLO detector finds more people. See: python main.py models"
    ) in said.err
    models_dir("detector").mkdir(parents=True)
    (models_dir("detector") / "larger.onnx").write_bytes(b"larger")
    for arguments, used in (([], "larger"), (["--library", library], "small-detector")):
        answer = json.loads(retrace("models", "--json", *arguments).out)
        told = {e["name"]: e["used_because"] for e in answer["models"] if e["role"] == "detector"}
        assert [name for name, why in told.items() if why] == [used]
