"""What a video file says of itself before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from app.core.entities import StartSource
from app.core.name_reading import WrittenTime, read_name
from app.vision.presentation import Timeline

# Containers whose header says how long the video is; elsewhere the length is an estimate.
_ANNOUNCING = frozenset({"mov", "matroska", "flv", "asf", "mxf", "avi", "nut"})
# As much of a bare stream is read to learn how long it is.
_COUNTED_BYTES = 1 << 24
# Recorders without a clock write the epoch of their format: 1904, 1970, 1980.
_EARLIEST_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Announced:
    """How much footage there is according to the file.

    Attributes:
        duration_s: seconds from the first frame to the end, or None.
        frame_count: or None.
        binding: `duration_s` is from the header, so that less than it means that some is missing.
        count_binding: the same of `frame_count`.
    """

    duration_s: float | None
    frame_count: int | None
    binding: bool
    count_binding: bool


def announced(
    container: InputContainer, stream: VideoStream, formats: frozenset[str], timeline: Timeline
) -> Announced:
    """Reads how long the video is.

    Args:
        container: the opened file.
        stream: its pictures.
        formats: FFmpeg's names of the container.
        timeline: where the first decoded frame lies.
    """
    ends: list[Fraction] = []  # seconds on the container's clock
    first_s = timeline.first * timeline.time_base
    if stream.duration and stream.time_base:
        ends.append(first_s + stream.duration * stream.time_base)
    if container.duration:
        start = container.start_time or 0
        ends.append(Fraction(start + container.duration, av.time_base))
    tagged_s = _seconds(stream.metadata.get("DURATION", ""))
    if tagged_s:
        ends.append(Fraction(tagged_s))
    # The longer one may count what an edit list hides, or sound that goes on.
    duration_s = float(min(ends) - first_s) if ends else 0.0
    binding = bool(formats & _ANNOUNCING)
    return Announced(
        duration_s=duration_s if duration_s > 0 else None,
        frame_count=stream.frames or None,
        binding=binding,
        # MP4 counts the frames that an edit list hides, too.
        count_binding=binding and "mov" not in formats,
    )


def counted(path: Path, timeline: Timeline) -> Announced:
    """How long a bare stream is: its packets are counted, of a long one those of its beginning."""
    packets, size_bytes = 0, 0
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
        for packet in container.demux(video=0):
            packets += packet.size > 0
            size_bytes += packet.size
            if size_bytes > _COUNTED_BYTES:
                break
    is_whole = size_bytes <= _COUNTED_BYTES
    frames = packets if is_whole else packets * path.stat().st_size / size_bytes
    duration_s = float(frames * timeline.period * timeline.time_base)
    return Announced(duration_s or None, packets if is_whole else None, False, False)


@dataclass(frozen=True, slots=True)
class RecordingStart:
    """When a recording began; the fields are those of `VideoInfo`."""

    utc: datetime | None
    source: StartSource
    local: datetime | None = None


def recording_start(
    path: Path,
    container: InputContainer,
    timeline: Timeline,
    duration_s: float | None,
    zone: tzinfo,
) -> RecordingStart:
    """When the recording began: by its name, its stream, its metadata, or the file's time."""
    named = read_name(path.as_posix())
    if named is not None and named.start is not None:
        return RecordingStart(named.start.utc(zone), StartSource.FILE_NAME, named.start.local)
    stamped = _stream_clock(container, timeline)
    if stamped is not None:
        return RecordingStart(stamped.utc(zone), StartSource.STREAM, stamped.local)
    written = _creation_time(container)
    if written is not None:
        return RecordingStart(written, StartSource.CONTAINER)
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        # A file is last changed when its recording ends.
        ended = changed - timedelta(seconds=duration_s or 0.0)
        return RecordingStart(ended, StartSource.FILE_TIME)
    except (OSError, OverflowError, ValueError):  # gone, or a header of a million years
        return RecordingStart(None, StartSource.UNKNOWN)


def _stream_clock(container: InputContainer, timeline: Timeline) -> WrittenTime | None:
    """Dahua's chunks carry the recorder's local time, which FFmpeg counts as if it were UTC."""
    if container.format.name != "dhav" or timeline.basis != "pts":
        return None
    try:
        shown = datetime.fromtimestamp(float(timeline.first * timeline.time_base), UTC)
    except (OverflowError, ValueError, OSError):
        return None
    # A clock without a battery begins in the year 2000.
    is_set = shown.year > _EARLIEST_YEAR and shown <= datetime.now(UTC) + timedelta(days=1)
    return WrittenTime(shown.replace(tzinfo=None)) if is_set else None


def _creation_time(container: InputContainer) -> datetime | None:
    tags = [container.metadata, *(stream.metadata for stream in container.streams.video)]
    for key in ("com.apple.quicktime.creationdate", "creation_time"):
        for tag in tags:
            try:
                moment = datetime.fromisoformat(tag.get(key, ""))
            except ValueError:
                continue
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            latest = datetime.now(UTC) + timedelta(days=1)
            if moment.year >= _EARLIEST_YEAR and moment <= latest:
                return moment.astimezone(UTC)
    return None


def _seconds(text: str) -> float | None:
    """Reads Matroska's ``00:00:15.000000000``."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
