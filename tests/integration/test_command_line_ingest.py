"""ingest and run, as they are typed: exit statuses, what is said, which networks, cameras."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import ModelError
from app.settings import default_library, models_dir, settings_path, user_data_dir
from app.storage.library import Library
from app.vision.embedders import PictureEmbedder
from app.vision.network_files import KnownNetworkFiles
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import cut, render_world


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    render_world(seed=5, people=3, crossing_s=2.0, spacing_s=2.0).write(folder)
    return folder


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def install(role: str, *names: str) -> None:
    """Puts files into the models folder."""
    folder = models_dir("detector" if role == "detector" else "embedder")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.onnx").write_text(name)


def used(library: Path) -> tuple[str, str]:
    """Stems of the networks that a library remembers."""
    with Library.open(library) as stored:
        models = stored.model("detector"), stored.model("embedder")
    return tuple(model.path.stem if model else "" for model in models)  # type: ignore[return-value]


# Statuses and sentences ---------------------------------------------------------------------------


def test_all_done_then_nothing_to_do_then_other_settings(
    retrace: Retrace, videos: Path, networks: list[str], library: Path
) -> None:
    said = retrace("ingest", videos, "--library", library, *networks)
    assert (said.status, said.out) == (0, "")
    assert "cam1: cam1.mp4\n" in said.err
    assert "\n  done, 3 sightings\n" in said.err
    assert "2 videos done · 6 sightings · " in said.err and "× real time" in said.err
    assert f"Library: {library}\n" in said.err
    # The library remembers the networks.
    said = retrace("ingest", videos, "--library", library)
    assert said.status == 0 and "cam1.mp4" not in said.err
    assert "0 videos done · 0 sightings · 2 not read again" in said.err
    before = main_job.content(library)
    said = retrace("ingest", videos, "--library", library, "--fps", "10")
    sentence = "cam1.mp4: It was analysed at 5 frames per second, not at 10. Add --again to"
    assert said.status == 0 and sentence in said.err
    assert main_job.content(library) == before
    (library.parent / "finer.onnx").write_text("another detector")
    said = retrace(
        "ingest", videos, "--library", library, "--detector", library.parent / "finer.onnx"
    )
    assert "It was analysed with detector-" in said.err and "not with finer-" in said.err
    said = retrace("ingest", videos, "--library", library, "--fps", "10", "--again")
    assert said.status == 0 and "2 videos done · 6 sightings" in said.err
    listed = json.loads(retrace("list", "--library", library, "--json").out)
    assert [video["analysed_fps"] for video in listed["videos"]] == [10.0, 10.0]


def test_bad_files_are_named_the_rest_is_done(
    retrace: Retrace, videos: Path, networks: list[str], library: Path, tmp_path: Path
) -> None:
    footage = tmp_path / "footage"
    footage.mkdir()
    shutil.copy(videos / "cam1.mp4", footage / "good.mp4")
    (footage / "empty.mp4").touch()
    (footage / "[red]text.avi").write_text("no video at all, whatever it is called. " * 20)
    latin = os.fsdecode("cam_\u00e9t\u00e9.mp4".encode("latin-1"))
    shutil.copy(videos / "cam2.mp4", footage / latin)
    render_world(seed=5, people=3, crossing_s=2.0, spacing_s=2.0, cameras=("cut",)).write(
        footage, ".webm"
    )
    cut(footage / "cut.webm", 0.6, footage / "cut.webm")
    for is_first in (True, False):
        said = retrace("ingest", footage, "--library", library, *networks)
        assert (said.status, said.out) == (3, "")
        assert ("empty.mp4 failed: empty.mp4 is empty." in said.err) == is_first
        assert ("[red]text.avi failed: " in said.err) == is_first
        assert ("[red]text.avi and 1 more failed before, unchanged." in said.err) != is_first
        assert "failed: cam_\ufffdt\ufffd.mp4 cannot be stored: " in said.err
        assert "3 failed · 1 partial" in said.err
    listed = json.loads(retrace("list", "--library", library, "--json").out)
    states = {Path(video["video"]).name: video for video in listed["videos"]}
    assert {name: state["status"] for name, state in states.items()} == {
        "good.mp4": "done",
        "cut.webm": "partial",
        "empty.mp4": "failed",
        "[red]text.avi": "failed",
    }
    assert "cut.webm" in states["cut.webm"]["problem"]
    assert states["good.mp4"]["people"] == 3
    assert "failed: empty.mp4 is empty." in retrace("list", "--library", library).out


def test_a_cut_video_counts_for_what_it_holds(
    videos: Path, networks: list[str], library: Path, tmp_path: Path
) -> None:
    options = main_job.weights(tmp_path / "weights")
    footage = tmp_path / "footage"
    render_world(seed=5, people=3, crossing_s=2.0, spacing_s=2.0, cameras=("cut",)).write(
        footage, ".webm"
    )
    cut(footage / "cut.webm", 0.6, footage / "cut.webm")
    summary, _ = main_job.ingest(library, footage, options)
    with Library.open(library) as stored:
        (video,) = stored.videos()
    assert video.info.duration_s is not None and 1 < video.info.duration_s < 6
    assert summary.footage_s == pytest.approx(video.info.duration_s)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fps", "0"], "--fps"),
        (["--fps", "inf"], "--fps"),
        (["--fps", "fast"], "--fps"),
        (["--camera-by", "("], '"(" is not a rule for cameras'),
        (["--camera-by", "cam"], "does not say which part is the camera"),
        (["--bogus"], "No such option"),
    ],
)
def test_wrong_usage_leaves_no_library(
    retrace: Retrace, videos: Path, library: Path, arguments: list[str], sentence: str
) -> None:
    said = retrace("ingest", videos, "--library", library, *arguments)
    assert (said.status, said.out) == (2, "")
    assert sentence in said.err
    assert not library.exists()


def test_an_empty_or_missing_folder_leaves_no_library(
    retrace: Retrace, library: Path, tmp_path: Path, networks: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    said = retrace("ingest", tmp_path / "empty", "--library", library, *networks)
    assert said.status == 2 and f"There is no footage in {tmp_path / 'empty'}." in said.err
    said = retrace("ingest", tmp_path / "missing", *networks)
    assert said.status == 2 and "missing does not exist." in said.err
    assert not library.exists() and not user_data_dir().exists()


@pytest.mark.parametrize("arguments", [["bogus"], ["ingest"], ["list"], ["search"], ["export"]])
def test_an_incomplete_command_is_wrong_usage(retrace: Retrace, arguments: list[str]) -> None:
    said = retrace(*arguments)
    assert (said.status, said.out) == (2, "")
    assert "Usage: python main.py" in said.err


def test_a_library_in_use_is_told(
    retrace: Retrace, videos: Path, library: Path, networks: list[str]
) -> None:
    with Library.open(library, create=True):
        said = retrace("ingest", videos, "--library", library, *networks)
    assert said.status == 1 and f"{library} is open in another Retrace" in said.err


def test_without_library_it_lies_in_the_users_data_folder(
    retrace: Retrace, videos: Path, networks: list[str], home: Path
) -> None:
    said = retrace("ingest", videos / "cam1.mp4", *networks)
    (made,) = (user_data_dir() / "libraries").iterdir()
    assert made == default_library(videos / "cam1.mp4") and made.is_relative_to(home)
    assert made.name.startswith("cam1.mp4-") and len(made.name) == len("cam1.mp4-") + 8
    assert said.status == 0 and f"Library: {made}\n" in said.err


# Networks -----------------------------------------------------------------------------------------


def test_without_networks_one_sentence_names_folder_and_flag(
    retrace: Retrace, videos: Path, library: Path
) -> None:
    said = retrace("ingest", videos, "--library", library)
    assert (said.status, said.out) == (1, "")
    for role in ("detector", "embedder"):
        assert f"No {role} is installed." in said.err and f"--{role} FILE" in said.err
        assert str(models_dir(role)) in said.err
    assert not library.exists()
    install("detector", "yolo")
    said = retrace("ingest", videos, "--library", library)
    assert "--embedder FILE" in said.err and str(models_dir("embedder")) in said.err


def test_networks_are_taken_from_flag_library_settings_folder_in_that_order(
    retrace: Retrace, videos: Path, tmp_path: Path
) -> None:
    clip = videos / "cam1.mp4"

    def loaded(library: str, *flags: str) -> tuple[str, str]:
        said = retrace("ingest", clip, "--library", tmp_path / library, *flags)
        assert said.status == 0, said.err
        return used(tmp_path / library)

    install("detector", "only")
    install("embedder", "alone")
    assert loaded("a") == ("only", "alone")
    install("detector", "second")
    install("embedder", "other")
    said = retrace("ingest", clip, "--library", tmp_path / "b")
    assert said.status == 1 and "There are several files for the detector in" in said.err
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text('[models]\ndetector = "second"\nembedder = "other"\n')
    # A mistake in it is told; the program keeps what it has read.
    assert loaded("b") == ("second", "other")
    assert loaded("a", "--again") == ("only", "alone"), "as the library remembers"
    assert loaded("a", "--again", "--detector", "second") == ("second", "alone")
    said = retrace("ingest", clip, "--library", tmp_path / "a", "--embedder", "other")
    assert said.status == 1 and "vectors of two networks cannot be compared." in said.err
    settings_path().write_text('[models]\ndetectr = "second"\n')
    said = retrace("ingest", clip, "--library", tmp_path / "c")
    assert said.status == 1 and 'unknown key "models.detectr"' in said.err


def test_damaged_weights_are_told(
    retrace: Retrace, videos: Path, library: Path, networks: list[str]
) -> None:
    def damaged(files: object, path: Path, device: str) -> None:
        raise ModelError(f"{path.name} is damaged or cut short.", "Download it again.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            KnownNetworkFiles,
            "embedder",
            lambda files, path, device: PictureEmbedder(path, device),  # the real one
        )
        said = retrace("ingest", videos, "--library", library, *networks)
        assert (said.status, said.out) == (1, "")
        assert "embedder.onnx" in said.err and len(said.err.splitlines()) == 1
        patch.setattr(KnownNetworkFiles, "detector", damaged)
        said = retrace("ingest", videos, "--library", library, *networks)
        assert said.status == 1
        assert said.err == "detector.onnx is damaged or cut short. Download it again.\n"
        assert not library.exists(), "nothing was done"
        with Library.open(library, create=True):
            pass
        assert retrace("ingest", videos, "--library", library, *networks).status == 1
    assert main_job.content(library)[0][2] == 0, "it was there before"


def test_a_file_in_place_of_the_library_is_told(
    retrace: Retrace, videos: Path, networks: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    said = retrace("ingest", videos, "--library", tmp_path / "file", *networks)
    assert said.status == 1
    assert f"{tmp_path / 'file'} is a file, and a library is a folder." in said.err
    assert "Give the library's folder, or one that does not exist yet" in said.err


# Cameras ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "cameras"),
    [
        (None, ["cam1", "cam2"]),
        ("auto", ["cam1", "cam2"]),
        ("folder", ["site"]),
        ("file", ["cam1", "cam2"]),
        (r"cam(\d)", ["1", "2"]),
    ],
)
def test_camera_by(
    retrace: Retrace,
    videos: Path,
    library: Path,
    networks: list[str],
    tmp_path: Path,
    rule: str | None,
    cameras: list[str],
) -> None:
    footage = tmp_path / "footage" / "site"
    footage.mkdir(parents=True)
    for name in ("cam1.mp4", "cam2.mp4"):
        shutil.copy(videos / name, footage / name)
    rules = ["--camera-by", rule] if rule else []
    arguments = ["--fps", "1", *rules, *networks]
    assert retrace("ingest", footage.parent, "--library", library, *arguments).status == 0
    with Library.open(library) as stored:
        assert [camera.name for camera in stored.cameras()] == cameras


# run ----------------------------------------------------------------------------------------------


def test_run_without_a_display_says_what_to_type(
    retrace: Retrace, videos: Path, home: Path
) -> None:
    said = retrace("run", "--library", home / "library")
    assert (said.status, said.out) == (0, "")
    assert "no display" in said.err and "python main.py ingest FOLDER" in said.err
    said = retrace("run")  # what it does where the demo is there: test_demo_command.py
    assert (said.status, said.out) == (1, "")
    assert "The clips of the demo are not in" in said.err and "ingest FOLDER" in said.err
    assert retrace() == said, "run is what happens without a command"
    said = retrace("run", "--videos", videos)
    assert said.status == 1
    assert f"python main.py ingest {videos} --detector FILE --embedder FILE" in said.err
    install("detector", "yolo")
    install("embedder", "net")
    said = retrace("run", "--videos", videos)
    library = default_library(videos)
    assert said.status == 0 and "2 videos done · 6 sightings" in said.err
    assert f"python main.py search --library {library} --image PICTURE" in said.err
    assert library.is_relative_to(home)
