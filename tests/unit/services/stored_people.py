"""Fills a real library with videos and tracklets, for the tests of what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from app.core.chapters import TrackletPart
from app.core.checksum import sha256_of
from app.core.entities import (
    Crop,
    FloatArray,
    Image,
    ModelFile,
    StartSource,
    Tracklet,
    Trajectory,
    Video,
    VideoInfo,
)
from app.core.errors import ModelError
from app.core.networks import WEIGHTS_SUFFIXES, ModelRole, NetworkCard, parts_of
from app.core.ports import NetworkFiles
from app.services.search.search import Search
from app.storage.library import Library

EMBEDDER = "drawn-000000000000"


def unit(*numbers: float) -> FloatArray:
    vector = np.array(numbers, np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def plain_crop(red: int = 200, height_px: int = 32, width_px: int = 16) -> Image:
    image = np.zeros((height_px, width_px, 3), np.uint8)
    image[..., 0] = red
    return image


def track(
    number: int = 1,
    times: Sequence[float] = (0.0, 0.2, 0.4),
    fps: float = 25.0,
    crop: Image | None = None,
) -> TrackletPart:
    """Someone who walks to the right, 5 pixels a box; the second box is the thumbnail's."""
    frames = np.round(np.array(times) * fps).astype(np.int32)
    lefts = 10 + 5 * np.arange(len(times), dtype=np.float32)
    boxes = np.stack([lefts, 0 * lefts + 20, lefts + 16, 0 * lefts + 52], axis=1)
    scores = (0.5 + 0.01 * np.arange(len(times))).astype(np.float32)
    best = min(1, len(times) - 1)
    image = plain_crop() if crop is None else crop
    crops = (Crop(image, int(frames[best]), float(times[best]), boxes[best], 0.8),)
    return TrackletPart(
        number, Trajectory(frames, np.array(times, np.float64), boxes, scores), crops
    )


def add_video(
    library: Library, path: Path, camera: str = "cam1", start_utc: datetime | None = None
) -> Video:
    """A video that is being ingested; `path` need not exist."""
    source = StartSource.UNKNOWN if start_utc is None else StartSource.FILE_NAME
    info = VideoInfo(path, camera, 640, 360, 25.0, None, None, start_utc, source)
    video = library.add_video(path.parent, info, f"hash of {path}", 1, 1)
    library.begin_video(video.id, 5.0, "detector")
    return library.video(video.id)


def add_people(
    library: Library,
    video: Video,
    vectors: Sequence[FloatArray],
    crops: Sequence[Image] | None = None,
    times: Sequence[Sequence[float]] | None = None,
    embedder_id: str = EMBEDDER,
) -> list[Tracklet]:
    """One tracklet for each vector, numbered on from those the video has."""
    first = len(library.tracklets_of(video.id)) + 1
    tracks = [
        track(
            first + place,
            # One after the other: two people of a frame are never one.
            times[place] if times else [(first + place - 1) * 0.6 + at for at in (0.0, 0.2, 0.4)],
            crop=crops[place] if crops else None,
        )
        for place in range(len(vectors))
    ]
    return library.store_tracklets(video.id, tracks, np.stack(vectors), embedder_id)


def make_search(library: Library) -> Search:
    """Searches by the vectors of `add_people`, without any network."""

    def never() -> NoReturn:
        raise AssertionError("no network is needed")

    return Search(library, lambda: EMBEDDER, never, lambda: None, lambda: None)


class FakeNetworkFiles:
    """Network files that must not be opened, except as given; ids and cards go by file name.

    Args:
        cards: what files say of themselves.
        ids: identities; else stem + 12 digits of the content.
        **given: methods of `app.core.ports.NetworkFiles`.
    """

    def __init__(
        self,
        cards: Mapping[str, NetworkCard] | None = None,
        ids: Mapping[str, str] | None = None,
        **given: Callable[..., Any],
    ) -> None:
        self._cards, self._ids = cards or {}, ids or {}

        def never(*_: object) -> NoReturn:
            raise AssertionError("this network is not needed")

        for name in ("detector", "embedder", "aggregator", "reranker", "measure", "recognise"):
            setattr(self, name, given.get(name, never))

    def reads(self, path: Path, role: ModelRole) -> bool:
        return path.suffix in WEIGHTS_SUFFIXES[role]

    def identify(self, path: Path, role: ModelRole) -> ModelFile:
        try:
            digest = sha256_of(*parts_of(path))
        except OSError as error:
            raise ModelError(f"The {role} {path} cannot be read.", role=role) from error
        own_id = self._ids.get(path.name, f"{path.stem}-{digest[:12]}")
        return ModelFile(own_id, path.resolve(), digest)

    def card(self, path: Path, role: ModelRole) -> NetworkCard:
        return self._cards.get(path.name, NetworkCard())


def network_files(*about: Any, **given: Callable[..., Any]) -> NetworkFiles:
    """`FakeNetworkFiles`, for a type checker."""
    return FakeNetworkFiles(*about, **given)  # type: ignore[return-value]
