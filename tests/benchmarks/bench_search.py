"""Search latency at 100 000 tracklets, from the query to the details of the first page.

Run by hand: ``.venv/bin/python -m tests.benchmarks.bench_search``. The library is a real one, of
random vectors; making it takes minutes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.bootstrap import Retrace
from app.core.chapters import TrackletPart
from app.core.entities import (
    Crop,
    FloatArray,
    GalleryVectors,
    ModelFile,
    Trajectory,
    VideoInfo,
)
from app.core.queries import SearchFilter, SearchResult, TrackletQuery
from app.services.search.gallery_index import GalleryIndex
from app.storage.library import Library

TRACKLETS = 100_000
DIMENSION = 512
CAMERAS = 8
VIDEOS_PER_CAMERA = 10
PAGE = 60
EMBEDDER = ModelFile("synthetic-000000000000", Path("synthetic.onnx"), "0" * 64)


def fill(library: Library) -> None:
    """Stores the tracklets, each with one small crop and ten boxes."""
    random = np.random.default_rng(0)
    library.remember_model("embedder", EMBEDDER)
    pixels = random.integers(0, 255, (64, 32, 3), dtype=np.uint8)
    per_video = TRACKLETS // (CAMERAS * VIDEOS_PER_CAMERA)
    for camera in range(CAMERAS):
        for number in range(VIDEOS_PER_CAMERA):
            path = library.folder / f"cam{camera}" / f"{number}.mp4"
            info = VideoInfo(path, f"cam{camera}", 1920, 1080, 25.0, None, 3600.0)
            video = library.add_video(library.folder, info, f"{camera}-{number}", 1, 1)
            vectors = random.standard_normal((per_video, DIMENSION)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            tracks = [_track(place + 1, pixels) for place in range(per_video)]
            _store(library, video.id, tracks, vectors)


def _track(number: int, pixels: np.ndarray) -> TrackletPart:
    times = number * 2.0 + np.arange(10) / 5
    boxes = np.tile(np.array([10, 10, 42, 74], np.float32), (10, 1))
    trajectory = Trajectory(
        np.round(times * 25).astype(np.int32), times, boxes, np.full(10, 0.9, np.float32)
    )
    return TrackletPart(
        number, trajectory, (Crop(pixels, int(times[0] * 25), float(times[0]), boxes[0], 0.8),)
    )


def _store(
    library: Library, video_id: int, tracks: list[TrackletPart], vectors: FloatArray
) -> None:
    for first in range(0, len(tracks), 250):
        part = slice(first, first + 250)
        library.store_tracklets(video_id, tracks[part], vectors[part], EMBEDDER.id)


def learning() -> None:
    """How long the index takes for four new tracklets, by how many it knows already."""
    for known in (10_000, 100_000, 1_000_000):
        index = GalleryIndex()
        index.add(_gallery(0, known))
        index.add(_gallery(known, 4))  # grows, with room for more
        took = []
        for number in range(20):
            new = _gallery(known + 4 + 4 * number, 4)
            began = time.perf_counter()
            index.remove(new.tracklet_ids.tolist())
            index.add(new)
            took.append(time.perf_counter() - began)
        print(f"learning 4 of {known}: median {1e6 * statistics.median(took):.0f} us")  # noqa: T201


def _gallery(first: int, count: int) -> GalleryVectors:
    vectors = np.random.default_rng(first).standard_normal((count, 64)).astype(np.float32)
    times = np.zeros(count)
    return GalleryVectors(
        np.arange(first, first + count),
        np.ones(count, np.int64),
        times,
        times,
        np.ones(count, np.bool_),
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
    )


def main() -> None:
    """Fills a library, searches it, prints the times."""
    learning()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with Library.open(Path(folder) / "library", create=True) as library:
            fill(library)
        print(f"stored {TRACKLETS} tracklets in {time.perf_counter() - began:.0f} s")  # noqa: T201
        with Retrace().open_workspace(Path(folder) / "library", create=False) as workspace:
            began = time.perf_counter()
            steps = [began]
            for _ in workspace.search.prepare():
                steps.append(time.perf_counter())
            longest = max(after - before for before, after in pairwise(steps))
            print(  # noqa: T201
                f"index: {steps[-1] - began:.3f} s, at most {longest:.3f} s without a sign of life"
            )
            camera = workspace.library.cameras()[0]
            one_camera = SearchFilter(camera_ids=frozenset({camera.id}))
            random = np.random.default_rng(1)
            for name, where in (("all cameras", SearchFilter()), ("one camera", one_camera)):
                took = []
                for tracklet_id in random.integers(1, TRACKLETS, 21).tolist():
                    began = time.perf_counter()
                    *_, result = workspace.search.run(TrackletQuery(tracklet_id), where, 200)
                    assert isinstance(result, SearchResult)
                    workspace.catalog.details(result.hits[:PAGE], tracklet_id)
                    took.append(time.perf_counter() - began)
                print(  # noqa: T201
                    f"{name}: first search {took[0]:.3f} s, then to the first "
                    f"page of {PAGE} median {statistics.median(took[1:]):.3f} s, "
                    f"worst {max(took[1:]):.3f} s (goal < 0.2 s)"
                )


if __name__ == "__main__":
    main()
