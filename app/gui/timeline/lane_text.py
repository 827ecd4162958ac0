"""What is under the pointer, in words."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np

from app.gui.hit_text import clock_text, date_text, video_time_text
from app.gui.timeline.time_axis import moment_of
from app.language import listed, tr, trn
from app.services.route.timeline import Density, Lane, Mark, Reading

_READING = {
    Reading.WAITING: tr("not read yet"),
    Reading.FAILED: tr("could not be read"),
    Reading.EXCLUDED: tr("excluded"),
}


def lane_text(
    lane: Lane, density: Density | None, time_s: float | None, mark: Mark | None, zone: ZoneInfo
) -> str:
    """A camera at a moment, a fact a line; without a moment, about the camera alone."""
    lines = [lane.camera.name]
    if mark is not None:
        said = tr("◆ confirmed") if mark.is_confirmed else tr("◇ undecided")
        length = tr("{seconds:.1f} s in view", seconds=mark.last_s - mark.first_s)
        lines.append(listed((said, _when(mark.first_s, zone), length)))
        lines += [f"! {each}" for each in mark.contradictions]
        lines.append(tr("Double-click to select the sighting."))
    elif time_s is not None:
        lines.append(_when(time_s, zone))
        lines.append(_footage_text(lane, density, time_s))
    if lane.is_guessed:
        lines.append(tr("Its times are partly only the dates of files."))
    if lane.undated:
        lines.append(undated_text(lane.undated))
    return "\n".join(filter(None, lines))


def undated_text(videos: int) -> str:
    """How many videos have no place in a lane."""
    return trn(
        "{count} video without a recording time is not shown.",
        "{count} videos without a recording time are not shown.",
        videos,
    )


def no_footage_text(lane: Lane, time_s: float, zone: ZoneInfo) -> str:
    """Why the player cannot go to a moment."""
    return tr(
        "{camera} has no footage at {time}.", camera=lane.camera.name, time=_when(time_s, zone)
    )


def _footage_text(lane: Lane, density: Density | None, time_s: float) -> str:
    found = lane.at(time_s)
    if found is None:
        return tr("no footage")
    video, within_s = found
    parts = [tr("{time} into {video}", time=video_time_text(within_s), video=video.path.name)]
    for reading, words in _READING.items():
        spans = lane.stretches[reading]
        if np.any((spans[:, 0] <= time_s) & (time_s <= spans[:, 1])):
            parts.append(words)
    if density is not None:
        there = (density.first_s <= time_s) & (time_s < density.last_s)
        count = int(density.people[there].max(initial=0))
        parts.append(trn("{count} sighting", "{count} sightings", count))
    return listed(parts)


def _when(time_s: float, zone: ZoneInfo) -> str:
    moment = moment_of(time_s)
    return f"{date_text(moment, zone)} {clock_text(moment, zone)}"
