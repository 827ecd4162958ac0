"""Video time and wall-clock time: starts in file names, the sampling grid, times for people."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from app.core.errors import UsageError

# Containers round presentation times to milliseconds, up or down.
ROUNDING_S = 0.0005

_DATE = r"(?P<year>20\d\d)(?P<d>[-._]?)(?P<month>\d\d)(?P=d)(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)(?P<t>[-._:h]?)(?P<minute>\d\d)(?:(?P=t)|m)(?P<second>\d\d)s?"
_FRACTION = r"(?:\.(?P<fraction>\d{1,6})|(?P<attached_ms>\d{3}))?"
_DATE_AND_TIME = re.compile(
    rf"(?<!\d){_DATE}(?P<between>[T_ .-]?| at |[_-]{{2,3}}| - ){_TIME}{_FRACTION}"
    r"(?!\d)(?P<zone>Z(?![A-Za-z0-9])|[+-]\d\d:?(?:00|15|30|45)(?!\d))?"
)
_EPOCH = re.compile(
    r"(?<![\d.])(?P<seconds>\d{10})(?:(?P<ms>\d{3})|\.(?P<fraction>\d{1,6}))?(?!\d)"
)
# Dahua writes "2024-05-14/001/dav/10/10.32.07-10.40.00[R][0@0][0].dav": a folder is the date.
_DAHUA_NAME = re.compile(r"^(\d\d)\.(\d\d)\.(\d\d)-\d\d\.\d\d\.\d\d\[")
_DATE_FOLDER = re.compile(r"^(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)$")
_PLAUSIBLE_YEARS = range(2000, 2101)


def start_from_name(name: str, zone: ZoneInfo) -> datetime | None:
    """When a recording began, read from its file name, or None if the name does not say.

    Knows what common recorders write: date and time run together or separated
    (``20240514_103207``, ``2024-05-14 10.32.07``, ``ch01_20240514103207``), ISO 8601 with a zone,
    and Unix time in seconds or milliseconds. A date without a time of day is no start.

    Args:
        name: file name, or a path with ``/`` whose last part is the file name (only Dahua's
            layout looks at the folders, where it keeps the date).
        zone: zone of times that name none.

    Returns:
        Timezone-aware UTC time.
    """
    *folders, file_name = name.replace("\\", "/").split("/")
    starts = (*_dates_in(file_name, zone), *_epochs_in(file_name))
    return starts[0] if starts else _dahua_start(folders, file_name, zone)


def _dates_in(name: str, zone: ZoneInfo) -> Iterator[datetime]:
    for match in _DATE_AND_TIME.finditer(name):
        # "-0200" behind a name such as "2024-05-14_10-32-07" is a number: only ISO has offsets.
        offset = match["zone"] or ""
        said = _zone_of(offset) if offset == "Z" or match["between"] == "T" else None
        # Pixel phones name their files in UTC without saying so.
        assumed: tzinfo = UTC if name.startswith("PXL_") else zone
        parts = [int(match[key]) for key in ("year", "month", "day", "hour", "minute", "second")]
        digits = match["fraction"] or match["attached_ms"] or "0"
        start = _moment(parts, said or assumed)
        if start is not None:
            yield start + timedelta(microseconds=int(digits.ljust(6, "0")))


def _epochs_in(name: str) -> Iterator[datetime]:
    for match in _EPOCH.finditer(name):
        digits = match["ms"] or match["fraction"] or "0"
        start = datetime.fromtimestamp(int(match["seconds"]), UTC)
        if start.year in _PLAUSIBLE_YEARS:
            yield start + timedelta(microseconds=int(digits.ljust(6, "0")))


def _dahua_start(folders: list[str], name: str, zone: ZoneInfo) -> datetime | None:
    time = _DAHUA_NAME.match(name)
    dates = [found for folder in reversed(folders) if (found := _DATE_FOLDER.match(folder))]
    if time is None or not dates:
        return None
    return _moment([int(part) for part in (*dates[0].groups(), *time.groups())], zone)


def _zone_of(offset: str) -> timezone | None:
    if not offset or offset == "Z":
        return UTC if offset else None
    away = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    if away > timedelta(hours=14):
        return None
    return timezone(-away if offset[0] == "-" else away)


def _moment(parts: list[int], zone: tzinfo) -> datetime | None:
    """UTC time of year, month, day, hour, minute, second in a zone; None for the 31st of June."""
    year, month, day, hour, minute, second = parts
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


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
            f'"{text}" is not a time.', "Write it like 2024-05-14T10:32:07 or 2024-05-14."
        ) from None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise UsageError(f'"{text}" is out of range.', "Write a year that exists.") from None


def format_time(moment: datetime, zone: ZoneInfo) -> str:
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
