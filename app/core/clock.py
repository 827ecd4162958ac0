"""Video time and wall-clock time: the sampling grid, times for people."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.core.errors import UsageError
from app.language import tr

# Containers round presentation times to milliseconds, up or down.
ROUNDING_S = 0.0005


class SamplingGrid:
    """Chooses which frames are analysed: the first one in each cell of 1/fps seconds.

    The cells are counted from time 0 of the video, so that an ingest that is resumed at an
    analysed frame chooses the same frames as one that was never interrupted.
    """

    def __init__(self, fps: float) -> None:
        """Makes a grid of `fps` cells a second; ValueError unless that is above 0."""
        if not (fps > 0 and math.isfinite(fps)):
            raise ValueError(f"fps must be above 0, got {fps}")
        self._fps = fps
        self._last_cell = -1

    def wants(self, time_s: float) -> bool:
        """Whether the frame at this time is to be analysed; times rising."""
        cell = math.floor((time_s + ROUNDING_S) * self._fps)
        if cell <= self._last_cell:
            return False
        self._last_cell = cell
        return True


def parse_zone(text: str) -> tzinfo:
    """Reads what a user types as a time zone.

    Args:
        text: an IANA name such as ``Europe/Berlin``, ``UTC``, or an offset such as ``+01:00`` for
            clocks that stay in standard time.

    Raises:
        UsageError: there is no such zone.
    """
    text = text.strip()
    offset = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?", text)
    if offset:
        away = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if away <= timedelta(hours=14):
            return timezone(-away if offset[1] == "-" else away)
    else:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(text)
    raise UsageError(
        tr('"{text}" is not a time zone.', text=text),
        tr("Write it like Europe/Berlin, UTC or +01:00."),
    )


def zone_text(zone: tzinfo) -> str:
    """A zone as `parse_zone` reads it: ``Europe/Berlin``, ``+01:00``."""
    name = str(zone)
    return "UTC" if name == "Etc/UTC" else name.removeprefix("UTC") or "UTC"


def parse_time(text: str, zone: ZoneInfo) -> datetime:
    """Reads what a user types as a moment: ISO 8601, a date alone being its midnight.

    Args:
        text: such as ``2024-05-14T10:32``, ``2024-05-14 10:32:07Z``, ``2024-05-14``.
        zone: zone of times that name none.

    Returns:
        Timezone-aware UTC time.

    Raises:
        UsageError: the text is no such time.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            tr('"{text}" is not a time.', text=text),
            tr("Write it like 2024-05-14T10:32:07 or 2024-05-14."),
        ) from None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise UsageError(
            tr('"{text}" is out of range.', text=text), tr("Use a year from 1 to 9999.")
        ) from None


def format_time(moment: datetime, zone: tzinfo) -> str:
    """A moment for people, in local time with its offset: ``2024-05-14 10:32:07 +02:00``."""
    offset = moment.astimezone(zone).strftime("%z")  # +0200
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def format_utc(moment: datetime) -> str:
    """A moment for exports: ISO 8601 in UTC, ``2024-05-14T08:32:07.250Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_offset(time_s: float) -> str:
    """A time within a video for people, ``h:mm:ss.f``, rounded to tenths of a second."""
    tenths = round(abs(time_s) * 10)
    sign = "-" if time_s < 0 and tenths else ""
    minutes, tenths = divmod(tenths, 600)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{tenths // 10:02}.{tenths % 10}"
