"""Two rendered cameras with a known offset: marks find it, and hits, filters, lists follow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import render_world, write_clip

OFFSET_S = 200.0  # 3 min 20 s
ANALYSED_FPS = 5.0


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture
def library(retrace: Retrace, networks: list[str], tmp_path: Path) -> Path:
    """One scene by two recorders; cam2's clock is 3:20 slow, and it began 0.3 s later."""
    frames = list(render_world(seed=5, people=2, crossing_s=2.0).frames("cam1"))
    footage = tmp_path / "footage"
    footage.mkdir()
    write_clip(footage / "cam1_20240514_103207.mp4", frames)
    write_clip(footage / "cam2_20240514_102847.300.mp4", [each[:, ::-1] for each in frames[3:]])
    folder = tmp_path / "library"
    arguments = ["--library", folder, "--zone", "Europe/Berlin", "--fps", ANALYSED_FPS, *networks]
    assert retrace("ingest", footage, *arguments).status == 0
    return folder


def sightings(retrace: Retrace, library: Path) -> dict[str, list[dict[str, Any]]]:
    videos = json.loads(retrace("list", "--library", library, "--json").out)["videos"]
    return {video["camera"]: [video, *video["tracklets"]] for video in videos}


def test_an_event_in_two_cameras_finds_the_offset(retrace: Retrace, library: Path) -> None:
    seen = sightings(retrace, library)
    own, other = seen["cam2"][-1], seen["cam1"][-1]  # the same person leaves
    mark = (
        f"cam2_20240514_102847.300.mp4@{own['last_time_s']}"
        f"=cam1_20240514_103207.mp4@{other['last_time_s']}"
    )
    said = retrace("clock", "--library", library, "--camera", "cam2", "--mark", mark, "--json")
    assert said.status == 0 and "Found within" in said.err
    (found,) = json.loads(said.out)["cameras"]
    assert abs(found["offset_s"] - OFFSET_S) <= 0.5 / ANALYSED_FPS
    assert found["clock"] == "corrected"
    video = sightings(retrace, library)["cam2"][0]
    assert video["clock"] == "corrected"
    assert video["start_raw_utc"] == "2024-05-14T08:28:47.300Z"
    assert video["start_utc"].startswith("2024-05-14T08:32:07.")
    shown = retrace("clock", "--library", library).out
    assert "cam2    corrected" in shown and "cam1    raw" in shown
    query = ["search", "--library", library, "--tracklet", other["tracklet_id"], "--json"]
    window = ["--from", "2024-05-14T08:32Z", "--to", "2024-05-14T08:33Z"]
    hits = json.loads(retrace(*query, *window, "--camera", "cam2").out)["hits"]
    assert {hit["time_source"] for hit in hits} == {"file name, corrected"}
    assert all(hit["start_utc"].startswith("2024-05-14T08:32:") for hit in hits)
    sheet = library.parent / "hits.png"
    told = retrace(*query[:-1], *window, "--camera", "cam2", "--sheet", sheet)
    assert told.status == 0 and sheet.is_file()
    retrace("clock", "--library", library, "--camera", "cam2", "--reset")
    assert json.loads(retrace(*query, *window, "--camera", "cam2").out)["hits"] == []


def test_typed_clocks_and_wrong_usage(retrace: Retrace, library: Path) -> None:
    clock = ["clock", "--library", library]
    typed = ["--camera", "cam2", "--offset", "+0:03:20", "--zone", "+01:00", "--drift", "1.5"]
    (told,) = json.loads(retrace(*clock, *typed, "--json").out)["cameras"]
    assert (told["offset_s"], told["zone"], told["drift_s_per_day"]) == (200.0, "+01:00", 1.5)
    assert told["reference_utc"] == "2024-05-14T09:28:47.300Z"
    for wrong, message in [
        (["--offset", "5"], "Name the camera"),
        (["--camera", "cam2", "--reset", "--offset", "5"], "Give one of"),
        (["--camera", "cam9", "--offset", "5"], "The library has no camera"),
        (["--camera", "cam2", "--mark", "cam2"], "is not a mark"),
        (["--camera", "cam2", "--offset", "late"], "is not an offset"),
    ]:
        said = retrace(*clock, *wrong)
        assert said.status in (1, 2) and message in said.err, wrong


def test_rename_merge_and_split(retrace: Retrace, library: Path) -> None:
    assert retrace("camera", "rename", "cam1", "Gate", "--library", library).status == 0
    assert set(sightings(retrace, library)) == {"Gate", "cam2"}
    assert retrace("camera", "merge", "cam2", "--into", "Gate", "--library", library).status == 0
    assert set(sightings(retrace, library)) == {"Gate"}
    split = ["camera", "split", "Gate", "Yard", "--videos", "cam2_*", "--library", library]
    said = retrace(*split)
    assert said.status == 0 and "1 of the 2 videos of Gate are Yard now." in said.err
    assert set(sightings(retrace, library)) == {"Gate", "Yard"}
