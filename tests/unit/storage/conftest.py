"""A library in a temporary folder, and what is stored in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from storage_builders import EMBEDDER, START, make_info, make_track, unit_vectors

from app.core.entities import Tracklet, Video
from app.storage.library import Library


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Where the videos are said to lie; storage never opens them."""
    return tmp_path / "footage"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


AddVideo = Callable[..., Video]
Store = Callable[..., list[Tracklet]]


@pytest.fixture
def add_video(library: Library, footage: Path) -> AddVideo:
    """`add_video("cam1/a.mp4", camera="cam1", content="…")`."""

    def add(
        name: str = "a.mp4",
        camera: str = "cam1",
        content: str | None = None,
        start_utc: datetime | None = START,
    ) -> Video:
        info = make_info(footage / name, camera, start_utc)
        return library.add_video(footage, info, content or f"hash of {name}", 100, 200)

    return add


@pytest.fixture
def store(library: Library) -> Store:
    """`store(video, (1, 0.0), (2, 3.5))`: tracks of these numbers and first times."""

    def put(video: Video, *tracks: tuple[int, float]) -> list[Tracklet]:
        made = [make_track(number, first_s) for number, first_s in tracks]
        vectors = unit_vectors(len(made), seed=int(tracks[0][1] * 10))
        return library.store_tracklets(video.id, made, vectors, EMBEDDER)

    return put
