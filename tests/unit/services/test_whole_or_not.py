"""A verb with several writes that fails half-way leaves the library as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from stored_people import EMBEDDER, add_people, add_video, network_files, unit

from app.core.camera_clock import CameraClock
from app.core.entities import VideoInfo
from app.core.errors import VideoError
from app.core.library_files import DATABASE
from app.services.footage.cameras import Cameras
from app.services.ingest.ingest import Ingest
from app.services.ingest.ingest_options import IngestOptions, IngestParts
from app.services.ingest.ordering import Ordering
from app.services.networks.networks import Networks
from app.services.people.people import People
from app.services.search.search import Search
from app.settings import ModelSettings
from app.storage.library import Library

BERLIN = ZoneInfo("Europe/Berlin")


class Killed(BaseException):
    """Nobody handles it, as nobody handles a power cut."""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Two cameras and four people."""
    with Library.open(tmp_path / "library", create=True) as opened:
        for name in ("cam1", "cam2"):
            video = add_video(opened, tmp_path / f"{name}.mp4", camera=name)
            add_people(opened, video, [unit(1, 0), unit(0, 1)])
        yield opened


@pytest.fixture
def search(library: Library) -> Search:
    return Search(library, lambda: EMBEDDER, lambda: pytest.fail("no network is needed"))


def stored(library: Library) -> list[str]:
    with closing(sqlite3.connect(library.folder / DATABASE)) as connection:
        return list(connection.iterdump())


def killed_at(patch: pytest.MonkeyPatch, name: str, call: int = 1) -> None:
    """The program ends inside the call-th call of a method of the library, once it has written."""
    write, count = getattr(Library, name), 0

    def writing(*about: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        done = write(*about, **more)
        if count == call:
            raise Killed
        return done

    patch.setattr(Library, name, writing)


def change_camera(library: Library, search: Search) -> None:
    camera = library.videos()[0].camera
    Cameras(library, search).change(camera, "Gate", CameraClock(offset_s=5.0))


def merge_cameras(library: Library, search: Search) -> None:
    one, two = library.cameras()
    Cameras(library, search).merge([one, two], one)


def order_with_zone(library: Library, search: Search) -> None:
    list(Ordering(library, search).order(footage(library), IngestOptions(zone=BERLIN)))


def confirm(library: Library, search: Search) -> None:
    People(library).confirm(1, 3)


def footage(library: Library) -> Path:
    folder = library.folder.parent / "footage"
    folder.mkdir()
    for name in ("north", "south"):
        (folder / f"{name}.mp4").write_bytes(name.encode())
    return folder


@pytest.mark.parametrize(
    ("verb", "write", "call"),
    [
        (change_camera, "rename_camera", 1),
        (change_camera, "set_clock", 1),
        (merge_cameras, "merge_cameras", 1),
        (order_with_zone, "set_clock", 1),
        (order_with_zone, "order_videos", 1),
        (confirm, "create_identity", 1),
        (confirm, "record_decision", 1),
    ],
)
def test_what_is_killed_half_way_has_written_nothing(
    library: Library,
    search: Search,
    monkeypatch: pytest.MonkeyPatch,
    verb: Callable[[Library, Search], None],
    write: str,
    call: int,
) -> None:
    before = stored(library)
    with monkeypatch.context() as patch:
        killed_at(patch, write, call)
        with pytest.raises(Killed):
            verb(library, search)
    assert stored(library) == before
    if verb is not order_with_zone:  # which makes its footage
        verb(library, search)
        assert stored(library) != before


class Source:
    """Footage with two views that can be opened, but not read."""

    def __init__(self, path: Path, view: int) -> None:
        self.info = VideoInfo(
            path, "north", 64, 48, 10.0, 20, 2.0, views=2 if view == 0 else 1, view=view
        )

    def close(self) -> None:
        """Nothing is open."""


def ingest_of(library: Library, search: Search, *, opens: bool) -> Ingest:
    def open_source(source: Any, *_: object) -> Any:
        if not opens:
            raise VideoError("It is damaged.")
        return Source(source.path, source.view)

    def network(*_: object) -> Any:
        return SimpleNamespace(id="network", batch_size=1, dimension=2)

    folder = library.folder.parent
    for name in ("detector", "embedder"):
        (folder / f"{name}.onnx").write_bytes(name.encode())
    settings = ModelSettings(str(folder / "detector.onnx"), str(folder / "embedder.onnx"))
    networks = Networks(library, network_files(detector=network, embedder=network), settings)

    def make_tracker(_: float) -> Any:
        raise AssertionError("nothing is analysed")

    return Ingest(library, search, networks, IngestParts(open_source, make_tracker))


@pytest.mark.parametrize(
    ("opens", "write", "call"),
    [
        (True, "set_info", 1),
        (True, "order_views", 1),
        (True, "remember_model", 1),
        (True, "begin_video", 1),
        (True, "set_queue_options", 1),
        (False, "add_video", 1),
        (False, "finish_video", 1),
    ],
)
def test_an_ingest_that_is_killed_has_stored_whole_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: bool, write: str, call: int
) -> None:
    with Library.open(tmp_path / "library", create=True) as library:
        search = Search(library, lambda: EMBEDDER, lambda: pytest.fail("no network is needed"))
        ingest = ingest_of(library, search, opens=opens)
        north = tmp_path / "north.mp4"
        north.write_bytes(b"north")
        states: list[list[str]] = []
        real = Library.transaction

        def noted(self: Library) -> Any:
            states.append(stored(library))
            return real(self)

        with monkeypatch.context() as patch:
            patch.setattr(Library, "transaction", noted)
            killed_at(patch, write, call)
            with pytest.raises(Killed):
                list(ingest.run(north, IngestOptions(zone=BERLIN)))
        assert states[-1] == stored(library)
