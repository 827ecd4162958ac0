"""The nouns of the program, as frozen dataclasses over NumPy arrays.

Boxes are x1, y1, x2, y2 in pixels of the upright full frame; images are RGB ``uint8 (H, W, 3)``;
``time_s`` is seconds after the first decoded frame, by presentation time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.core.camera_clock import RAW_CLOCK, CameraClock
from app.language import listed, tr

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


def _checked(
    name: str, array: NDArray[Any], shape: tuple[int | None, ...], dtype: type[np.generic]
) -> None:
    """Raises ValueError unless `array` has the shape (None matches anything) and dtype."""
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != dtype:
        wanted = ", ".join("n" if want is None else str(want) for want in shape)
        raise ValueError(
            f"{name} must be {dtype.__name__} of shape ({wanted}), "
            f"got {array.dtype} of shape {array.shape}"
        )


class StartSource(StrEnum):
    """Where a video's recording start was read."""

    FILE_NAME = "file name"
    STREAM = "stream"
    CONTAINER = "container"
    FILE_TIME = "file time"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """For people: ``file name``."""
        return {
            StartSource.FILE_NAME: tr("file name"),
            StartSource.STREAM: tr("stream"),
            StartSource.CONTAINER: tr("container"),
            StartSource.FILE_TIME: tr("file time"),
            StartSource.UNKNOWN: tr("unknown"),
        }[self]


class VideoStatus(StrEnum):
    """How far a video has come."""

    PENDING = "pending"
    INGESTING = "ingesting"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    EXCLUDED = "excluded"

    @property
    def words(self) -> str:
        """What it is called in a list."""
        return {
            VideoStatus.PENDING: tr("waiting"),
            VideoStatus.INGESTING: tr("reading"),
            VideoStatus.DONE: tr("done"),
            VideoStatus.PARTIAL: tr("partial"),
            VideoStatus.FAILED: tr("failed"),
            VideoStatus.EXCLUDED: tr("excluded"),
        }[self]


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video says of itself before it is decoded.

    Attributes:
        path: the file, or the folder or first frame of an image sequence.
        camera: name of the viewpoint.
        fps: nominal frame rate; the real one may vary.
        frame_count: frames announced by the header, or None; headers lie.
        duration_s: length announced by the header, or None.
        start_utc: timezone-aware time of the first frame, or None.
        start_local: what the recorder's clock showed then, without a zone, where that is all that
            is known; None where the zone is stated, too. `start_utc` takes it to be in some zone.
        view: which of the file's video streams it is, from 0, the main one first.
        views: how many the file has, once it has been opened.
    """

    path: Path
    camera: str
    width_px: int
    height_px: int
    fps: float
    frame_count: int | None
    duration_s: float | None
    start_utc: datetime | None = None
    start_source: StartSource = StartSource.UNKNOWN
    start_local: datetime | None = None
    view: int = 0
    views: int = field(default=1, compare=False)

    @property
    def clock_known(self) -> bool:
        """Whether the recorder told the time; a file's own date is a guess."""
        return self.start_utc is not None and self.start_source != StartSource.FILE_TIME


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame.

    Attributes:
        index: number of the decoded frame, from 0.
        time_s: presentation time in seconds after the first decoded frame.
        image: RGB uint8 (H, W, 3), upright.
    """

    index: int
    time_s: float
    image: Image

    def __post_init__(self) -> None:
        _checked("image", self.image, (None, None, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """People found in one frame.

    Attributes:
        boxes: float32 (n, 4) xyxy in pixels.
        scores: float32 (n,) in 0..1.
    """

    boxes: FloatArray
    scores: FloatArray

    def __post_init__(self) -> None:
        _checked("boxes", self.boxes, (None, 4), np.float32)
        _checked("scores", self.scores, (len(self.boxes),), np.float32)

    def __len__(self) -> int:
        return len(self.boxes)

    @staticmethod
    def none() -> Detections:
        """No one."""
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class TrackedBoxes:
    """Detections of one frame that belong to a track.

    Attributes:
        boxes: float32 (n, 4) xyxy in pixels, as detected (not smoothed).
        scores: float32 (n,) in 0..1.
        track_ids: int64 (n,), counted from 1 within one video.
    """

    boxes: FloatArray
    scores: FloatArray
    track_ids: IntArray

    def __post_init__(self) -> None:
        _checked("boxes", self.boxes, (None, 4), np.float32)
        _checked("scores", self.scores, (len(self.boxes),), np.float32)
        _checked("track_ids", self.track_ids, (len(self.boxes),), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class TrackStep:
    """What one frame did to the tracks.

    Attributes:
        tracked: boxes of this frame that belong to a track, tentative tracks included.
        ended: tracks that are over and stand as tracklets.
        dropped: tentative tracks that nothing confirmed; they are to be forgotten.
        alive: how many tracks could still go on (tentative and lost ones included).
    """

    tracked: TrackedBoxes
    ended: tuple[int, ...]
    dropped: tuple[int, ...]
    alive: int


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A person's pixels.

    Attributes:
        image: RGB uint8 (h, w, 3).
        frame_index: number of the decoded frame, from 0.
        time_s: that frame's time.
        box: float32 (4,) xyxy in pixels of the full frame.
        quality: 0..1, see `app.core.crop_selection`.
    """

    image: Image
    frame_index: int
    time_s: float
    box: FloatArray
    quality: float

    def __post_init__(self) -> None:
        _checked("image", self.image, (None, None, 3), np.uint8)
        _checked("box", self.box, (4,), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Every box of one tracklet, one row for each analysed frame in which it was seen.

    Attributes:
        frame_index: int32 (T,), rising.
        time_s: float64 (T,), rising.
        boxes: float32 (T, 4) xyxy in pixels.
        scores: float32 (T,) in 0..1.
    """

    frame_index: NDArray[np.int32]
    time_s: NDArray[np.float64]
    boxes: FloatArray
    scores: FloatArray

    def __post_init__(self) -> None:
        length = len(self.frame_index)
        _checked("frame_index", self.frame_index, (length,), np.int32)
        _checked("time_s", self.time_s, (length,), np.float64)
        _checked("boxes", self.boxes, (length, 4), np.float32)
        _checked("scores", self.scores, (length,), np.float32)

    def __len__(self) -> int:
        return len(self.frame_index)

    def box_at(self, time_s: float, max_gap_s: float) -> FloatArray | None:
        """The box at a time, interpolated between analysed frames.

        Args:
            time_s: the time sought.
            max_gap_s: how far beyond the first and last box, and across which gap between two
                boxes, the track is still taken to be there.

        Returns:
            float32 (4,) xyxy, or None where the track is not there at that time.
        """
        after = int(np.searchsorted(self.time_s, time_s))
        if after == 0 or after == len(self):
            nearest = 0 if after == 0 else len(self) - 1
            if abs(float(self.time_s[nearest]) - time_s) <= max_gap_s / 2 + 1e-6:
                return np.asarray(self.boxes[nearest])
            return None
        earlier, later = float(self.time_s[after - 1]), float(self.time_s[after])
        if later - earlier > max_gap_s:
            # The person was lost in between: stay near the box that is close in time.
            nearest = after - 1 if time_s - earlier <= later - time_s else after
            if abs(float(self.time_s[nearest]) - time_s) > max_gap_s / 2 + 1e-6:
                return None
            return np.asarray(self.boxes[nearest])
        weight = (time_s - earlier) / (later - earlier)
        mixed = (1 - weight) * self.boxes[after - 1] + weight * self.boxes[after]
        return np.asarray(mixed, np.float32)


# What a library holds ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Camera:
    """A viewpoint that has videos.

    Attributes:
        clock: what is to be done to the times that its recorder wrote.
    """

    id: int
    name: str
    clock: CameraClock = RAW_CLOCK


@dataclass(frozen=True, slots=True)
class Video:
    """One stored video.

    Attributes:
        path: absolute path, resolved against its source root; may no longer exist.
        content_hash: SHA-256 of the content, hex.
        problem: why it failed or was cut, as a sentence, else empty.
        analysed_fps: analysed frames a second of its (last) ingest, or None.
        detector_id: which detector found the people, or None.
        committed_s: everything before this time is stored for good.
        tracklet_count: people tracklets stored so far.
    """

    id: int
    camera: Camera
    path: Path
    content_hash: str
    status: VideoStatus
    problem: str
    info: VideoInfo
    analysed_fps: float | None
    detector_id: str | None
    committed_s: float
    tracklet_count: int

    def raw_moment(self, time_s: float) -> datetime | None:
        """When a time of the video was, by its recorder's clock, in UTC; None where unknown."""
        info = self.info
        if info.start_utc is None:
            return None
        start = self.camera.clock.raw(info.start_utc, info.start_local)
        return start + timedelta(seconds=time_s)

    def moment(self, time_s: float) -> datetime | None:
        """When a time of the video was, corrected by its camera's clock, in UTC; else None."""
        raw = self.raw_moment(time_s)
        return None if raw is None else self.camera.clock.corrected(raw)

    @property
    def time_source(self) -> str:
        """Where its time of day comes from, for people: ``file name, raw``."""
        state = tr("raw") if self.camera.clock.is_raw else tr("corrected")
        return listed((self.info.start_source.words, state))


@dataclass(frozen=True, slots=True, eq=False)
class StoredCrop:
    """A crop on disk.

    Attributes:
        path: absolute path of the JPEG.
        frame_index: number of the decoded frame, from 0.
        time_s: that frame's time.
        box: float32 (4,) xyxy in pixels of the full frame.
        quality: 0..1.
    """

    path: Path
    frame_index: int
    time_s: float
    box: FloatArray
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Tracklet:
    """One person, as long as they are followed in one video: the unit of the gallery.

    Attributes:
        number: the tracklet's number within its video, from 1.
        thumbnail: its best crop.
        identity_id: the person it was confirmed to be, or None.
        is_person: False if the user said that it shows a thing.
    """

    id: int
    video_id: int
    camera_id: int
    number: int
    first_time_s: float
    last_time_s: float
    thumbnail: StoredCrop
    identity_id: int | None = None
    is_person: bool = True


@dataclass(frozen=True, slots=True)
class Identity:
    """A person confirmed by the user.

    Attributes:
        colour: that marks the person in the window, as ``#rrggbb``, or empty.
        notes: what the user wrote down about the person.
    """

    id: int
    name: str
    colour: str = ""
    notes: str = ""


Verdict = Literal["same", "different", "maybe", "open"]
"""`maybe`: looked at and left for later; `open`: what was said before no longer holds."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A detector's or embedder's weights as a library remembers them.

    Attributes:
        id: architecture (or file stem) + the first 12 digits of the file's SHA-256.
        path: where the file was when it was last used.
        sha256: hex digest of the file.
    """

    id: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class GalleryVectors:
    """Everything that the index is built from, row by row.

    Attributes:
        tracklet_ids: int64 (n,).
        camera_ids: int64 (n,).
        first_utc_s: float64 (n,), POSIX seconds of the tracklet's first box, NaN if unknown.
        last_utc_s: float64 (n,), likewise of its last box.
        clock_known: bool (n,), see `VideoInfo.clock_known`.
        vectors: float32 (n, D), L2-normalised.
    """

    tracklet_ids: IntArray
    camera_ids: IntArray
    first_utc_s: NDArray[np.float64]
    last_utc_s: NDArray[np.float64]
    clock_known: NDArray[np.bool_]
    vectors: FloatArray

    def __len__(self) -> int:
        return len(self.tracklet_ids)
