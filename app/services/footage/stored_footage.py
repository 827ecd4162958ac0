"""Footage of stored videos, opened as it was read."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import tzinfo

from app.core.entities import Video
from app.core.errors import UsageError
from app.core.ports import FrameSource
from app.language import tr
from app.services.footage.sources import SourceFile, source_of

# (source, its frame rate if given, zone of its clock, size of its frames if given) → opened.
OpenSource = Callable[[SourceFile, float | None, tzinfo, tuple[int, int] | None], FrameSource]


# Headers tell a length in whole frames, or seconds.
_SLACK_S = 1.0


def check_moment(video: Video, time_s: float) -> None:
    """Raises UsageError where a stored video has no such moment, in seconds from its start."""
    duration_s = video.info.duration_s
    if not 0 <= time_s < _SLACK_S + (duration_s or math.inf):
        raise UsageError(
            tr("{name} has no frame at {time_s:g} s.", name=video.path.name, time_s=time_s),
            tr("It lasts {duration_s:.1f} s.", duration_s=duration_s) if duration_s else "",
        )


def open_stored(video: Video, zone: tzinfo, open_source: OpenSource) -> FrameSource:
    """Opens the footage of a stored video.

    Args:
        video: from the library.
        zone: of the library.
        open_source: opens footage.

    Raises:
        VideoError: it cannot be read.
    """
    source, stored = source_of(video), video.info
    opened = open_source(source, None, zone, None)
    was_read_otherwise = stored.fps > 0 and (
        abs(opened.info.fps / stored.fps - 1) > 1e-6
        or (opened.info.width_px, opened.info.height_px) != (stored.width_px, stored.height_px)
    )
    if was_read_otherwise:
        # Its frame rate was given when it was loaded (footage that has one keeps to its own), or
        # its boxes are from before pixels were made square.
        opened.close()
        size_px = (stored.width_px, stored.height_px)
        opened = open_source(source, stored.fps, zone, size_px)
    return opened
