"""How a video stands, in a shape and a word, and everything known of it in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.core.camera_clock import offset_text
from app.core.clock import format_offset, format_time
from app.core.entities import StartSource, Video, VideoStatus
from app.gui.widgets.drops import PICTURE_SUFFIXES
from app.language import tr, trn

if TYPE_CHECKING:
    from app.services.people.catalog import CameraEntry


@dataclass(frozen=True, slots=True)
class StatusText:
    """A status for people.

    Attributes:
        text: a shape and a word.
        token: colour token of `app.gui.widgets.theme`.
    """

    text: str
    token: str


_STATUS = {
    VideoStatus.PENDING: StatusText(tr("… waiting"), "muted"),
    VideoStatus.INGESTING: StatusText(tr("◐ begun"), "muted"),
    VideoStatus.DONE: StatusText(tr("✓ done"), "confirmed"),
    VideoStatus.PARTIAL: StatusText(tr("✂ partial"), "uncertain"),
    VideoStatus.FAILED: StatusText(tr("! failed"), "rejected"),
    VideoStatus.EXCLUDED: StatusText(tr("⊘ excluded"), "muted"),
}
_COPY = StatusText(tr("= copy"), "muted")
_AGAIN = StatusText(tr("… again"), "muted")
_READ_BEFORE = (VideoStatus.DONE, VideoStatus.PARTIAL, VideoStatus.FAILED)
_MISSING = StatusText(tr("✕ missing"), "warning")


def video_status(
    video: Video, *, is_missing: bool, running_s: float | None, is_waiting: bool = False
) -> StatusText:
    """The status of one video.

    Args:
        video: as stored.
        is_missing: its file is not where it was.
        running_s: how much of it the running ingest has seen, or None if it is not its turn.
        is_waiting: it is in the queue.
    """
    if running_s is not None:
        duration_s = video.info.duration_s
        if not duration_s:
            return StatusText(tr("▒ reading"), "accent")
        return StatusText(f"▒ {min(99, int(100 * running_s / duration_s))} %", "accent")
    if is_missing and video.status is not VideoStatus.FAILED:
        return _MISSING
    if is_waiting and video.status in _READ_BEFORE:
        return _AGAIN
    if video.status is VideoStatus.EXCLUDED and video.problem:
        return _COPY
    return _STATUS[video.status]


def camera_status(
    videos: Sequence[Video], missing: frozenset[int], running: int | None
) -> StatusText:
    """The status of a camera: what needs attention first."""
    if any(video.id == running for video in videos):
        return StatusText(tr("▒ reading"), "accent")
    failed = sum(video.status is VideoStatus.FAILED for video in videos)
    if failed:
        return StatusText(tr("! {count} failed", count=failed), "rejected")
    gone = sum(video.id in missing for video in videos)
    if gone:
        return StatusText(tr("✕ {count} missing", count=gone), "warning")
    worst = [
        status
        for status in (VideoStatus.INGESTING, VideoStatus.PENDING, VideoStatus.PARTIAL)
        if any(video.status is status for video in videos)
    ]
    if all(video.status is VideoStatus.EXCLUDED for video in videos):
        return _STATUS[VideoStatus.EXCLUDED]
    return _STATUS[worst[0] if worst else VideoStatus.DONE]


def video_name(video: Video) -> str:
    """The file's name; of an image sequence the first picture's, and how many follow it."""
    pictures = video.info.frame_count
    if video.path.suffix.lower() not in PICTURE_SUFFIXES or not pictures:
        return video.path.name
    return f"{video.path.stem} + {pictures - 1}"


def recorded_text(video: Video, zone: ZoneInfo) -> str:
    """When the video was recorded and where that was read, in one line."""
    start = video.moment(0.0)
    if start is None:
        return tr("Recording time unknown")
    source = {
        StartSource.FILE_NAME: tr("read from the file name"),
        StartSource.STREAM: tr("read from the recorder's clock in the file"),
        StartSource.CONTAINER: tr("read from the file's metadata"),
        StartSource.FILE_TIME: tr("guessed from the file's date"),
        StartSource.UNKNOWN: tr("source unknown"),
    }[video.info.start_source]
    is_raw = video.camera.clock.is_raw
    state = tr("raw") if is_raw else tr("corrected by the camera's clock")
    return tr(
        "Recorded {time} ({source}, {state})",
        time=format_time(start, zone),
        source=source,
        state=state,
    )


def video_details(video: Video, zone: ZoneInfo, *, is_missing: bool) -> str:
    """Everything known of a video, a line each."""
    info = video.info
    lines = [str(video.path)]
    if is_missing:
        lines.append(tr("The file is not there now; who is in it can still be found."))
    if video.problem:
        lines.append(video.problem)
    lines.append(recorded_text(video, zone))
    facts = []
    if info.duration_s:
        facts.append(format_offset(info.duration_s))
    if info.width_px:
        facts.append(
            tr(
                "{width} × {height}, {rate:.3g} frames/s",
                width=info.width_px,
                height=info.height_px,
                rate=info.fps,
            )
        )
    if video.analysed_fps:
        facts.append(tr("analysed at {rate:g} frames/s", rate=video.analysed_fps))
    if facts:
        lines.append(" · ".join(facts))
    count = video.tracklet_count
    lines.append(trn("{count} sighting", "{count} sightings", count))
    return "\n".join(lines)


def camera_details(entry: CameraEntry, zone: ZoneInfo) -> str:
    """Everything known of a camera, a line each: its footage, and how its clock goes."""
    videos, clock = entry.videos, entry.camera.clock
    length_s = sum(video.info.duration_s or 0.0 for video in videos)
    count = trn("{count} video", "{count} videos", len(videos))
    lines = [tr("{videos}, {length} in all", videos=count, length=format_offset(length_s))]
    ends = [
        moment
        for video in videos
        for at_s in (0.0, video.info.duration_s or 0.0)
        if (moment := video.moment(at_s)) is not None
    ]
    if ends:
        lines.append(
            tr(
                "{start} to {end}",
                start=format_time(min(ends), zone),
                end=format_time(max(ends), zone),
            )
        )
    state = tr("times as the recorder wrote them (raw)")
    if not clock.is_raw:
        state = tr("times corrected by {offset}", offset=offset_text(clock.offset_s))
        if clock.reference_utc is not None:
            state = tr(
                "{corrected} and {drift:+g} s a day", corrected=state, drift=clock.drift_s_per_day
            )
    zone_name = clock.zone or tr("{zone} (the library's)", zone=zone.key)
    lines.append(tr("Clock: zone {zone}, {state}", zone=zone_name, state=state))
    return "\n".join(lines)
