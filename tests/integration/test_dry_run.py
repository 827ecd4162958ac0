"""``ingest --dry-run``: what is understood of a folder is shown, and nothing is stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.storage import library
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import render_world, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = render_world(seed=5, people=1, crossing_s=1.0)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_clip(path, list(world.frames("cam1"))[:10])


@pytest.fixture
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture
def footage(clip: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    for name in (
        "Camera1/2024-05-14/10-32-07.mp4",
        "Camera1/2024-05-15/09-00-00.mp4",
        "Camera2/2024-05-14/10-32-08.mp4",
        "Roof_2024-05-14T10_32_07-0800.mp4",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, folder / name)
    return folder


def test_cameras_starts_zone_and_length_before_anything_is_read(
    retrace: Retrace, footage: Path, home: Path
) -> None:
    said = retrace("ingest", footage, "--dry-run", "--zone", "Europe/Berlin")
    assert said.status == 0
    assert "Camera1 · Camera1/2024-05-15/09-00-00.mp4" in said.out
    assert "2024-05-15 09:00:00 +02:00" in said.out
    assert "3 cameras, 4 videos, 0:00:04.0 in all; starts: 4 by file name; times are" in said.out
    assert "--camera-by" in said.out
    assert not (home / "libraries").exists()
    assert not list(home.rglob("library.sqlite"))


def test_times_are_read_in_the_zone_of_the_library(
    retrace: Retrace, footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "library"
    with monkeypatch.context() as patch:
        patch.setattr(library, "system_zone", lambda: ZoneInfo("Asia/Tokyo"))
        library.Library.open(folder, create=True).close()
    asked = ("ingest", footage, "--dry-run", "--json")
    told = json.loads(retrace(*asked, "--library", folder).out)
    named = json.loads(retrace(*asked, "--zone", "Asia/Tokyo").out)
    assert told["timezone"] == "Asia/Tokyo"
    assert told["videos"] == named["videos"]


def test_as_json_with_another_zone_and_rule(retrace: Retrace, footage: Path) -> None:
    told = json.loads(retrace("ingest", footage, "--dry-run", "--json", "--zone", "+01:00").out)
    assert told["timezone"] == "+01:00"
    assert told["duration_s"] == pytest.approx(4.0)
    assert {camera["camera"]: camera["videos"] for camera in told["cameras"]} == {
        "Camera1": 2,
        "Camera2": 1,
        "Roof": 1,
    }
    starts = {video["video"]: (video["start_utc"], video["zone"]) for video in told["videos"]}
    assert starts["Camera2/2024-05-14/10-32-08.mp4"] == ("2024-05-14T09:32:08.000Z", "+01:00")
    assert starts["Roof_2024-05-14T10_32_07-0800.mp4"] == ("2024-05-14T18:32:07.000Z", "stated")
    rule = ("--camera-by", r"/(\d\d)-\d\d-")
    told = json.loads(retrace("ingest", footage, "--dry-run", "--json", *rule).out)
    assert {camera["camera"] for camera in told["cameras"]} == {
        "09",
        "10",
        "Roof_2024-05-14T10_32_07-0800",
    }


def test_what_cannot_be_read_is_named(retrace: Retrace, footage: Path) -> None:
    (footage / "Camera2" / "2024-05-14" / "11-00-00.mp4").write_bytes(b"")
    said = retrace("ingest", footage, "--dry-run")
    assert said.status == 3
    assert "11-00-00.mp4 is empty." in said.out


def test_a_folder_without_footage_and_a_zone_that_does_not_exist(
    retrace: Retrace, tmp_path: Path
) -> None:
    said = retrace("ingest", tmp_path, "--dry-run")
    assert (said.status, said.out) == (2, "")
    said = retrace("ingest", tmp_path, "--dry-run", "--zone", "Mars/Olympus")
    assert said.status == 2 and "is not a time zone" in said.err


@pytest.mark.usefixtures("_stand_ins")
def test_an_ingest_takes_the_zone_that_was_given(
    retrace: Retrace, footage: Path, networks: list[str], tmp_path: Path
) -> None:
    library = tmp_path / "library"
    arguments = ["--library", library, "--zone", "America/New_York", *networks]
    assert retrace("ingest", footage / "Camera2", *arguments).status == 0
    (video,) = json.loads(retrace("list", "--library", library, "--json").out)["videos"]
    assert video["start_utc"] == "2024-05-14T14:32:08.000Z"
