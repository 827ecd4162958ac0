"""A file with two video streams: two cameras, found, stored, searched and exported apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.core.errors import VideoError
from app.vision.video import open_video
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.recorder_files import write_views
from tests.rendered import RenderedWorld, render_world


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture(scope="module")
def world() -> RenderedWorld:
    return render_world(seed=5, people=2, crossing_s=2.0, spacing_s=2.0)


@pytest.fixture(scope="module")
def file(world: RenderedWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    views = [list(world.frames(camera)) for camera in ("cam1", "cam2")]
    return write_views(folder / "two_lenses.mkv", views)


def test_each_view_is_read_by_itself(file: Path, world: RenderedWorld) -> None:
    for view, camera in enumerate(("cam1", "cam2")):
        source = open_video(file, "c", ZoneInfo("UTC"), view=view)
        assert (source.info.view, source.info.views) == (view, 2)
        for start_s in (0.0, 2.0):
            image = next(source.frames(start_s)).image().astype(np.int16)
            drawn = world.frame(camera, round(start_s * 10)).astype(np.int16)
            assert np.abs(image - drawn).mean() < 8
    with pytest.raises(VideoError, match="has 2 video streams, not 3"):
        open_video(file, "c", ZoneInfo("UTC"), view=2)


def test_two_lenses_are_two_cameras(
    retrace: Retrace, file: Path, networks: list[str], tmp_path: Path
) -> None:
    told = json.loads(retrace("ingest", file.parent, "--dry-run", "--json").out)
    names = ["two_lenses", "two_lenses view 2"]
    assert [camera["camera"] for camera in told["cameras"]] == names
    library = tmp_path / "library"
    ingest = ["ingest", file.parent, "--library", library, *networks]
    said = retrace(*ingest)
    assert said.status == 0 and "2 videos done" in said.err
    listed = json.loads(retrace("list", "--library", library, "--json").out)["videos"]
    assert [(video["camera"], video["status"], video["people"]) for video in listed] == [
        (name, "done", 2) for name in names
    ]
    assert len({video["content_sha256"] for video in listed}) == 2
    said = retrace(*ingest)  # neither is a copy of the other, nor done again
    assert said.status == 0 and "0 videos done" in said.err and "2 not read again" in said.err
    assert retrace("export", "--library", library, "--mot", tmp_path / "mot").status == 0
    exported = sorted(path.name for path in (tmp_path / "mot").iterdir())
    assert exported == ["two_lenses view 2__two_lenses.txt", "two_lenses__two_lenses.txt"]
