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
from app.vision.containers import Traits, traits_of
from app.vision.presentation import Timeline

# As much of a bare stream is read to learn how long it is.
_COUNTED_BYTES = 1 << 24
# Less is the frame that a codec holds back, more a wild stamp.
_SHORTEST_LEAD_S, _LONGEST_LEAD_S = 0.25, 600.0
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
    container: InputContainer, stream: VideoStream, traits: Traits, timeline: Timeline
) -> Announced:
    """Reads how long the video is.

    Args:
        container: the opened file.
        stream: its pictures.
        traits: of its kind of container.
        timeline: where the first decoded frame lies.
    """
    ends: list[Fraction] = []  # seconds on the container's clock
    first_s = timeline.first * timeline.time_base
    if timeline.basis == "dts":  # by decoding time the first picture is complete some packets late
        first_s = Fraction(stream.start_time or 0) * timeline.time_base
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
    return Announced(
        duration_s=duration_s if duration_s > 0 else None,
        frame_count=_frames(stream, timeline) or None,
        binding=traits.announces_length,
        count_binding=traits.announces_frames,
    )


def _frames(stream: VideoStream, timeline: Timeline) -> int:
    if timeline.basis != "dts" or not stream.time_base:
        return stream.frames
    return round(stream.frames * stream.time_base / (timeline.period * timeline.time_base))


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
    lead = _sound_before_picture(container, timeline)
    named = read_name(path.as_posix())
    if named is not None and named.start is not None:
        local = named.start.local
        return RecordingStart(
            named.start.utc(zone) + lead, StartSource.FILE_NAME, local + lead if local else None
        )
    stamped = _stream_clock(container, timeline)
    if stamped is not None:
        return RecordingStart(stamped.utc(zone), StartSource.STREAM, stamped.local)
    written = _creation_time(container)
    if written is not None:
        return RecordingStart(written + lead, StartSource.CONTAINER)
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        # A file is last changed when its recording ends.
        ended = changed - timedelta(seconds=duration_s or 0.0)
        return RecordingStart(ended, StartSource.FILE_TIME)
    except (OSError, OverflowError, ValueError):  # gone, or a header of a million years
        return RecordingStart(None, StartSource.UNKNOWN)


def _sound_before_picture(container: InputContainer, timeline: Timeline) -> timedelta:
    """How much later than the file the picture begins; a name tells the start of the file."""
    if timeline.basis != "pts" or not container.streams.audio:
        return timedelta(0)
    began = Fraction(container.start_time or 0, av.time_base)
    lead_s = float(timeline.first * timeline.time_base - began)
    return timedelta(seconds=lead_s if _SHORTEST_LEAD_S < lead_s < _LONGEST_LEAD_S else 0.0)


def _stream_clock(container: InputContainer, timeline: Timeline) -> WrittenTime | None:
    """The recorder's local time, where chunks carry it; FFmpeg counts it as if it were UTC."""
    if not traits_of(container.format.name).tells_local_time or timeline.basis != "pts":
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
