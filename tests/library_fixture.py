"""Makes a small library of this version of the program, to be kept for the versions after it.

    python -m tests.library_fixture

writes ``tests/fixtures/libraries/<revision>.zip``. Run it before the next migration is written: a
library of a version can only be made by the code of that version.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from app.core.chapters import ResumePoint, TrackletPart
from app.core.entities import (
    Crop,
    FloatArray,
    ModelFile,
    StartSource,
    Trajectory,
    Video,
    VideoInfo,
    VideoStatus,
)
from app.core.library_files import DATABASE
from app.core.way_limits import WayLimits
from app.services.people.people import People
from app.storage.library import Library
from app.storage.schema import REVISION

FIXTURES = Path(__file__).parent / "fixtures" / "libraries"
FOOTAGE = Path("/footage/north gate")
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
EMBEDDER, OTHER_EMBEDDER = "drawn-0123456789ab", "other-ba9876543210"


def make_library(folder: Path) -> None:
    """A library with every kind of row: videos of each status, people, decisions, two embedders."""
    with Library.open(folder, create=True) as library:
        done = _add(library, "cam1/a.mp4", "cam1", NOON)
        two = _store(library, done, 3, seed=1)
        library.finish_video(done.id, VideoStatus.DONE, frame_count=250, duration_s=10.0)
        cut = _add(library, "cam2/b.avi", "cam2", NOON + timedelta(minutes=2))
        three = _store(library, cut, 2, seed=2)
        library.finish_video(cut.id, VideoStatus.PARTIAL, problem="b.avi ends in mid-frame.")
        begun = _add(library, "cam2/Übergang 図.mkv", "cam2", None)
        gone = _store(library, begun, 1, seed=3)
        library.commit_video(begun.id, ResumePoint(6.0, 150))
        broken = _add(library, "cam3/frames/img_0001.jpg", "cam3", None, fps=0.0)
        library.finish_video(broken.id, VideoStatus.FAILED, problem="img_0001.jpg is damaged.")
        again = _add(library, "cam1/c.mp4", "cam1", NOON)
        lost = _store(library, again, 1, seed=4)
        people = People(library)
        guard = people.confirm(two[0], three[0])
        people.name(guard.id, "Night guard")
        people.reject(two[0], three[1])
        people.confirm(two[1], gone[0])
        people.confirm(two[2], lost[0])
        library.rewind_video(again.id, to_start=True)  # leaves a decision about nobody
        vectors = _vectors(2, 5)
        library.store_vectors(two[:2], vectors, OTHER_EMBEDDER)
        library.set_way_limits(done.camera.id, cut.camera.id, WayLimits(5.0, 90.0))
        library.remember_model("detector", ModelFile("yolo-1", Path("/models/y.onnx"), 64 * "a"))
        library.remember_model("embedder", ModelFile(EMBEDDER, Path("/models/e.onnx"), 64 * "b"))


def _add(
    library: Library, name: str, camera: str, start: datetime | None, fps: float = 25.0
) -> Video:
    source = StartSource.UNKNOWN if start is None else StartSource.FILE_NAME
    size_px = (640, 360) if fps else (0, 0)
    info = VideoInfo(FOOTAGE / name, camera, *size_px, fps, 250, 10.0, start, source)
    video = library.add_video(
        FOOTAGE, info, hashlib.sha256(name.encode()).hexdigest(), 1000, 1_700_000_000_000_000_000
    )
    library.begin_video(video.id, 5.0, "yolo-1")
    return video


def _store(library: Library, video: Video, count: int, seed: int) -> list[int]:
    tracks = [_track(number, seed) for number in range(1, count + 1)]
    vectors = _vectors(count, seed)
    return [each.id for each in library.store_tracklets(video.id, tracks, vectors, EMBEDDER)]


def _track(number: int, seed: int) -> TrackletPart:
    time_s = number + np.arange(3) * 0.2
    frames = np.round(time_s * 25).astype(np.int32)
    left = 10 * number + 5 * np.arange(3, dtype=np.float32)
    boxes = np.stack([left, 0 * left + 20, left + 16, 0 * left + 52], axis=1)
    image = np.full((32, 16, 3), 40 * seed, np.uint8)
    crops = tuple(
        Crop(image, int(frames[row]), float(time_s[row]), boxes[row], 0.5 + row / 10)
        for row in (0, 1)
    )
    scores = np.array([0.5, 0.7, 0.9], np.float32)
    return TrackletPart(number, Trajectory(frames, time_s, boxes, scores), crops)


def _vectors(count: int, seed: int) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _pack(library: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(library.rglob("*")):
            if file.name == DATABASE or file.suffix == ".jpg":
                archive.write(file, file.relative_to(library).as_posix())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "library")
        make_library(library)
        FIXTURES.mkdir(parents=True, exist_ok=True)
        _pack(library, FIXTURES / f"{REVISION}.zip")
