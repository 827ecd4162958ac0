"""What the tests of storage put into a library."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.core.chapters import TrackletPart
from app.core.entities import Crop, FloatArray, StartSource, Trajectory, VideoInfo

START = datetime(2024, 5, 17, 12, 30, 15, 123456, UTC)
EMBEDDER = "osnet-0123456789ab"


def make_info(path: Path, camera: str = "cam1", start_utc: datetime | None = START) -> VideoInfo:
    source = StartSource.FILE_NAME if start_utc else StartSource.UNKNOWN
    return VideoInfo(path, camera, 640, 480, 25.0, 1000, 40.0, start_utc, source)


def make_track(
    number: int, first_s: float = 0.0, count: int = 5, qualities: tuple[float, ...] = (0.4, 0.9)
) -> TrackletPart:
    """A track of `count` boxes every 0.2 s, its crops on the first frames; its number seeds it."""
    rng = np.random.default_rng(number)
    time_s = first_s + np.arange(count) * 0.2
    trajectory = Trajectory(
        np.round(time_s * 25).astype(np.int32),
        time_s,
        rng.uniform(0, 480, (count, 4)).astype(np.float32),
        rng.random(count, dtype=np.float32),
    )
    crops = tuple(
        Crop(
            np.full((48, 24, 3), (number * 40 % 256, 200, index * 100), np.uint8),
            int(trajectory.frame_index[index]),
            float(time_s[index]),
            trajectory.boxes[index],
            quality,
        )
        for index, quality in enumerate(qualities)
    )
    return TrackletPart(number, trajectory, crops)


def unit_vectors(count: int, dimension: int = 8, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
