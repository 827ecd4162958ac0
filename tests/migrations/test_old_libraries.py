"""A library of every version that was ever released opens in this one, with all that is in it.

`tests/library_fixture.py` made them, each in the version of its name.
"""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from app.core.entities import VideoStatus
from app.services.people.people import People
from app.storage.crop_files import read_crop
from app.storage.library import Library
from app.storage.schema import MIGRATIONS, REVISION
from tests.library_fixture import EMBEDDER, FIXTURES, FOOTAGE, NOON, OTHER_EMBEDDER
from tests.stored_vectors import all_vectors

OLD = sorted(FIXTURES.glob("*.zip"))


@pytest.fixture(params=OLD, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(folder)
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert found == [(request.param.stem,)]
    return folder


def test_every_version_before_this_one_is_among_them() -> None:
    versions = {path.name[1:5] for path in (MIGRATIONS / "versions").glob("v*.py")}
    assert {path.stem for path in OLD} >= versions - {REVISION}


def test_everything_is_still_there(old: Path) -> None:
    with Library.open(old) as library:
        videos = {video.path.relative_to(FOOTAGE).as_posix(): video for video in library.videos()}
        assert {name: video.status for name, video in videos.items()} == {
            "cam1/a.mp4": VideoStatus.DONE,
            "cam1/c.mp4": VideoStatus.INGESTING,
            "cam2/b.avi": VideoStatus.PARTIAL,
            "cam2/Übergang 図.mkv": VideoStatus.INGESTING,
            "cam3/frames/img_0001.jpg": VideoStatus.FAILED,
        }
        done = videos["cam1/a.mp4"]
        assert (done.info.start_utc, done.info.frame_count, done.tracklet_count) == (NOON, 250, 3)
        assert videos["cam2/b.avi"].problem == "b.avi ends in mid-frame."
        assert videos["cam2/Übergang 図.mkv"].committed_s == 6.0
        one, two, three = library.tracklets_of(done.id)
        assert len(library.trajectory(one.id)) == 3
        crops = library.crops(one.id)
        assert [read_crop(crop.path).shape for crop in crops] == [(32, 16, 3)] * 2
        assert len(all_vectors(library, EMBEDDER)) == 6
        assert len(all_vectors(library, OTHER_EMBEDDER)) == 2
        assert library.model("detector").id == "yolo-1"
        names = {identity.id: identity.name for identity in library.identities()}
        assert names[one.identity_id] == "Night guard"
        assert names[two.identity_id] == "Person 1"  # whose name the guard no longer bears
        assert names[three.identity_id] == "Person 2"  # whose other tracklet is gone
        pairs = [(each.tracklet_id, each.verdict) for each in library.decisions()]
        assert pairs == [(one.id, "same"), (one.id, "different"), (two.id, "same")]


@pytest.mark.parametrize("old", [FIXTURES / "0001.zip"], indirect=True, ids=["0001"])
def test_what_is_decided_now_can_be_undone_and_what_was_decided_then_stays(old: Path) -> None:
    with Library.open(old) as library:
        first = next(v for v in library.videos() if v.path.name == "a.mp4")
        one, two, _ = (each.id for each in library.tracklets_of(first.id))
        before = library.identity_ids([one, two]), library.decisions()
        people = People(library)
        people.confirm(one, two)
        while people.undo() is not None:
            pass
        assert (library.identity_ids([one, two]), library.decisions()) == before


@pytest.mark.parametrize("old", [FIXTURES / "0007.zip"], indirect=True, ids=["0007"])
def test_what_waited_keeps_how_it_was_ordered(old: Path) -> None:
    with closing(sqlite3.connect(old / "library.sqlite")) as connection:
        options = '{"rate_fps": 12.0, "camera": "cam2"}'
        connection.execute("INSERT INTO queue SELECT id, 1, ?, 0 FROM videos", (options,))
        connection.commit()
    with Library.open(old) as library:
        waits, *others = library.queued_ids()
        library.exclude_videos([waits, *others])
        library.queue_videos([waits], {"fps": 1.0})
        queued = library.queued(waits)
        assert queued is not None
        assert queued.options == {"rate_fps": 12.0}
