"""Folders of numbered pictures, read as videos."""

from __future__ import annotations

import configparser
import logging
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from app.core.entities import Image, StartSource, VideoInfo
from app.core.errors import TruncatedVideoError, VideoError
from app.core.frame_names import frame_name, sequences
from app.core.name_reading import WrittenTime, read_name
from app.language import tr

logger = logging.getLogger(__name__)

DEFAULT_FPS = 25.0
# Data sets whose frame rate is known by how they name their frames: (prefix, frames a second).
KNOWN_FPS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r"c\d+s\d+_"), 25.0),  # Market-1501, PRW
)
# A time that stands a rounding error before a frame means that frame.
TOLERANCE_S = 0.001
_END_MARKS = {".png": b"IEND", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
# Cameras pad their files, or append a note of their own, behind the end mark.
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """A `DecodedFrame`; `pixels` are BGR uint8 (H, W, 3), as decoded."""

    index: int
    time_s: float
    pixels: Image

    def image(self) -> Image:
        return np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_BGR2RGB), np.uint8)


class ImageSequence:
    """A `FrameSource` over numbered pictures; see `open_image_sequence`."""

    def __init__(self, info: VideoInfo, files: Sequence[Path], times_s: Sequence[float]) -> None:
        """Takes the pictures in order; times before 0 are those before the first readable one."""
        self.info = info
        self._files = files
        self._times_s = times_s

    def frames(self, start_s: float = 0.0, start_index: int = 0) -> Iterator[_Picture]:
        """See `app.core.ports.FrameSource.frames`; unreadable pictures are passed over.

        Raises:
            TruncatedVideoError: at the end, if pictures could not be read or differ in size.
        """
        begin = max(0, bisect_right(self._times_s, max(0.0, start_s) + TOLERANCE_S) - 1)
        while begin > 0 and self._times_s[begin] > 0 and self._read(begin) is None:
            begin -= 1
        unreadable: list[Path] = []
        index = start_index
        for at in range(begin, len(self._files)):
            pixels = self._read(at)
            if pixels is None:
                unreadable.append(self._files[at])
                continue
            yield _Picture(index, self._times_s[at], pixels)
            index += 1
        # What lies before is read only by who goes on to the end: an ingest that was resumed.
        unreadable[:0] = [self._files[at] for at in range(begin) if self._read(at) is None]
        if unreadable:
            raise TruncatedVideoError(
                tr(
                    "{count} of the {total} pictures in {folder} cannot be read or "
                    "differ in size; the first is {name}.",
                    count=len(unreadable),
                    total=len(self._files),
                    folder=self.info.path.parent.name,
                    name=unreadable[0].name,
                ),
                tr("Copy them again from where they come from."),
            )

    def close(self) -> None:
        """Does nothing: no file stays open between frames."""

    def _read(self, at: int) -> Image | None:
        pixels = _pixels(self._files[at])
        if pixels is None or pixels.shape[:2] != (self.info.height_px, self.info.width_px):
            return None
        return pixels


def open_image_sequence(
    folder: Path, prefix: str, camera: str, fps: float | None, zone: tzinfo | None = None
) -> ImageSequence:
    """Opens the numbered JPEG or PNG pictures of a folder as one video.

    A frame's time is (its number − the first number) / fps; snapshots whose names are clock times
    (``20240514_103207.jpg``) are taken at those, unless `fps` is given. The video's size is that
    of the first readable picture, and its path the first picture's.

    Args:
        folder: where the pictures are.
        prefix: their names before the number.
        camera: name of the viewpoint.
        fps: frames a second; None: by a known pattern of names, else by a MOT-challenge
            `seqinfo.ini` in the folder or above it, else 25.
        zone: zone of times in the names; None: names are not read for times.

    Raises:
        VideoError: there are no such pictures, or none of them can be read.
    """
    files = _pictures(folder, prefix)
    first, shape = next(
        (
            (at, pixels.shape)
            for at, path in enumerate(files)
            if (pixels := _pixels(path)) is not None
        ),
        (0, None),
    )
    if shape is None:
        raise VideoError(
            tr(
                "None of the {count} pictures {prefix}… in {folder} can be read.",
                count=len(files),
                prefix=prefix,
                folder=folder.name,
            ),
            tr("Copy them again from where they come from."),
        )
    written = [_written_time(path) if zone else None for path in files]
    times_s, rate = None, fps
    if fps is None and zone is not None:
        times_s = _snapshot_times(written, first, zone)
    is_by_clock = times_s is not None
    if times_s:
        rate = (len(files) - 1) / (times_s[-1] - times_s[0])
    elif rate is None:
        rate = _rate(folder, prefix)
    if times_s is None:
        numbers = [name.number for path in files if (name := frame_name(path.name))]
        times_s = [(number - numbers[first]) / rate for number in numbers]
    # Pictures are written as they are taken, so that the file's time is that of the frame.
    changed = datetime.fromtimestamp(files[first].stat().st_mtime, UTC)
    named = written[first]
    info = VideoInfo(
        path=files[0],
        camera=camera,
        width_px=shape[1],
        height_px=shape[0],
        fps=rate,
        frame_count=len(files),
        # How long a snapshot stands for is not known.
        duration_s=times_s[-1] + (0.0 if is_by_clock else 1 / rate),
        start_utc=named.utc(zone) if named and zone else changed,
        start_source=StartSource.FILE_NAME if named else StartSource.FILE_TIME,
        start_local=named.local if named else None,
    )
    return ImageSequence(info, files, times_s)


def _pictures(folder: Path, prefix: str) -> list[Path]:
    try:
        names = sequences(path.name for path in folder.iterdir()).get(prefix)
    except OSError as error:
        raise VideoError(
            tr(
                "The folder {folder} cannot be read: {reason}.",
                folder=folder.name,
                reason=error.strerror,
            ),
            tr("Check that it is still there and that you may read it."),
        ) from error
    if names is None:
        raise VideoError(
            tr(
                "The folder {folder} no longer holds numbered pictures {prefix}….",
                folder=folder.name,
                prefix=prefix,
            ),
            tr("Load the folder again."),
        )
    return [folder / name for name in names]


def _whole_file(path: Path) -> bytes | None:
    """The bytes of a picture file; None if it is gone or was cut before its end mark.

    OpenCV would decode a cut JPEG and leave the rest grey.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    whole = _END_MARKS[path.suffix.lower()] in content[-_TAIL_BYTES:]
    return content if whole else None


def _pixels(path: Path) -> Image | None:
    """Upright BGR uint8 (H, W, 3), or None if the picture cannot be read."""
    content = _whole_file(path)
    if content is None:
        return None
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _written_time(path: Path) -> WrittenTime | None:
    reading = read_name(path.name)
    return None if reading is None else reading.start


def _snapshot_times(
    written: Sequence[WrittenTime | None], first: int, zone: tzinfo
) -> list[float] | None:
    """Seconds after the first readable picture, if every name is another, later clock time.

    Many recorders stay in standard time all year. Over a change of the clock, whichever reading
    leaves the smaller largest step is theirs.
    """
    clocks = [time for time in written if time is not None]
    if len(clocks) < len(written):
        return None
    changing = [time.utc(zone) for time in clocks]
    steady = [time.clock.replace(tzinfo=time.told or UTC) for time in clocks]
    readings = [
        [(moment - moments[first]).total_seconds() for moment in moments]
        for moments in (changing, steady)
        if all(earlier < later for earlier, later in pairwise(moments))
    ]
    return min(readings, key=_largest_step_s, default=None)


def _largest_step_s(times_s: Sequence[float]) -> float:
    return max((later - earlier for earlier, later in pairwise(times_s)), default=0.0)


def _rate(folder: Path, prefix: str) -> float:
    """Frames a second where nobody gave it."""
    for pattern, known_fps in KNOWN_FPS:
        if pattern.fullmatch(prefix):
            return known_fps
    for place in (folder, folder.parent):
        stated = _seqinfo_rate(place / "seqinfo.ini")
        if stated is not None:
            return stated
    logger.info("no frame rate known for %s, taking %g fps", folder / prefix, DEFAULT_FPS)
    return DEFAULT_FPS


def _seqinfo_rate(path: Path) -> float | None:
    """``frameRate`` of a MOT-challenge `seqinfo.ini`, or None where it says nothing sensible."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        rate = parser.getfloat("Sequence", "frameRate")
    except (configparser.Error, ValueError, OSError):
        return None
    return rate if 0 < rate < 1000 else None
