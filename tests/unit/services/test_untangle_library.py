"""Tracklets of an older version are cut and joined; what the user has judged stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from stored_people import add_video, network_files, unit

from app.core.chapters import TrackletPart
from app.core.entities import Crop, FloatArray, Trajectory, VideoStatus
from app.services.ingest.untangle_library import UntangleLibrary
from app.services.networks.networks import Networks
from app.services.people.people import People
from app.services.search.search import Search
from app.settings import ModelSettings
from app.storage.crop_files import read_crop
from app.storage.library import Library

RED, GREEN, BLUE = (220, 30, 30), (30, 220, 30), (30, 30, 220)
Colour = tuple[int, int, int]


class _MeanColour:
    dimension = 3

    def __init__(self, embedder_id: str) -> None:
        self.id = embedder_id

    def embed(
        self, images: list[np.ndarray], cameras: list[str] | None = None, *, urgent: bool = False
    ) -> FloatArray:
        vectors = np.stack([image.reshape(-1, 3).mean(axis=0) for image in images])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def tracklet(number: int, way: Mapping[int, tuple[float, Colour]]) -> TrackletPart:
    """From frame (5 a second) → place of the middle in px, colour; a crop on every third frame."""
    frames = np.array(list(way), np.int32)
    x = np.array([place for place, _ in way.values()], np.float32)
    boxes = np.stack([x - 20, 0 * x + 100, x + 20, 0 * x + 200], axis=1)
    colours = [colour for _, colour in way.values()]
    crops = tuple(
        Crop(np.full((40, 16, 3), colours[row], np.uint8), int(frames[row]), frames[row] / 5,
             boxes[row], 0.5 + 0.01 * row)
        for row in range(0, len(frames), 3)
    )  # fmt: skip
    scores = np.full(len(x), 0.9, np.float32)
    return TrackletPart(number, Trajectory(frames, frames / 5, boxes, scores), crops)


def walk(frames: range, begin_px: float, colour: Colour) -> dict[int, tuple[float, Colour]]:
    return {frame: (begin_px + 8 * (frame - frames.start), colour) for frame in frames}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Red goes behind a wall, green comes out of it, then red; blue is alone; one is judged."""
    with Library.open(tmp_path / "library", create=True) as library:
        weights = tmp_path / "colour.onnx"
        weights.write_bytes(b"an embedder")
        model = network_files().identify(weights, "embedder")
        library.remember_model("embedder", model)
        video = add_video(library, tmp_path / "cam1.mp4")
        parts = [
            tracklet(1, walk(range(10), 50, RED) | walk(range(16, 30), 130, GREEN)),
            tracklet(2, walk(range(20, 40), 200, RED)),
            tracklet(3, walk(range(40), 700, BLUE)),
            tracklet(4, walk(range(10), 1400, RED) | walk(range(16, 30), 1480, GREEN)),
        ]
        vectors = np.stack([unit(1.0, number) for number in range(4)])
        library.store_tracklets(video.id, parts, vectors, model.id)
        library.finish_video(video.id, VideoStatus.DONE)
        ids = {each.number: each.id for each in library.tracklets_of(video.id)}
        People(library).reject(ids[3], ids[4])
        yield library


def untangled(library: Library) -> UntangleLibrary:
    embedder_id = library.model("embedder").id
    files = network_files(embedder=lambda path, device: _MeanColour(embedder_id))
    networks = Networks(library, files, ModelSettings())
    return UntangleLibrary(
        library, Search(library, lambda: embedder_id, networks.embedder), networks
    )


def content(library: Library) -> dict[int, tuple[list[int], set[Colour]]]:
    """Frames and colours of every tracklet by its number."""
    found = {}
    for each in library.tracklets_of(library.videos()[0].id):
        pictures = [read_crop(crop.path) for crop in library.crops(each.id)]
        colours = {max((RED, GREEN, BLUE), key=lambda c: float(np.dot(p.mean(axis=(0, 1)), c)))
                   for p in pictures}  # fmt: skip
        found[each.number] = (library.trajectory(each.id).frame_index.tolist(), colours)
    return found


def test_tracklets_are_cut_and_joined(library: Library) -> None:
    video = library.videos()[0]
    before = {each.number: each.id for each in library.tracklets_of(video.id)}
    last = list(untangled(library).run())[-1]
    assert (last.done, last.total, last.replaced, last.made) == (2, 4, 2, 2)
    assert content(library) == {
        3: (list(range(40)), {BLUE}),
        4: ([*range(10), *range(16, 30)], {RED, GREEN}),
        5: ([*range(10), *range(20, 40)], {RED}),
        6: (list(range(16, 30)), {GREEN}),
    }
    after = {each.number: each.id for each in library.tracklets_of(video.id)}
    assert (after[3], after[4]) == (before[3], before[4])
    for number, colour in ((5, RED), (6, GREEN)):
        vector = library.vector(after[number], library.model("embedder").id)
        np.testing.assert_allclose(vector, colour / np.linalg.norm(colour), atol=0.02)
        crops = library.crops(after[number])
        assert 3 <= len(crops) <= 6 and all(crop.path.exists() for crop in crops)
    stored = {crop.path for each in after.values() for crop in library.crops(each)}
    assert set((library.folder / "crops").rglob("*.jpg")) == stored


def test_a_second_run_changes_nothing(library: Library) -> None:
    list(untangled(library).run())
    before = content(library)
    assert list(untangled(library).run())[-1].replaced == 0
    assert content(library) == before
