"""What the path of a recording says: who recorded it, when, and by which zone's clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache

from app.core.layouts import LAYOUTS, LENSES, ZONE_NAMES, Layout

# ".07" of "10.32.07" is no suffix; what ends the name of a video or picture is.
_SUFFIX = re.compile(r"\.(?:[A-Za-z][A-Za-z0-9]{1,4}|3g[p2]|26[45])$")
# Folders that recorders and people put all cameras into.
_STORAGE = """
alarm archive backup blink blinkbackup cctv clips dcim downloads export exports files footage frames
images jpg media motion movie mp person photos pictures record recording recordings records sdcard
snapshots storage stored surveillance vehicle video videos new normal event parking rec
"""
_STORAGE_FOLDERS = frozenset(_STORAGE.split())
# What phones, programs and recorders write before the time, whichever camera it is.
_GENERIC = """
alarm capture clip dst event export frame hmdalarm image img mdalarm mov movie no nvr obs output
pxl rec record recorded recording ringvideo s schedule screen screenrecord screenrecording
screenshot snapshot stream vid video vlc whatsapp wp
"""
_NO_CAMERA = frozenset(_GENERIC.split())
_EARLIEST_YEAR = 2000
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
_TIME = "year month named day first other hour minute second fraction attached half offset epoch"
_TIME_GROUPS = frozenset(_TIME.split())
_FURTHEST_ZONE, _FURTHEST_WEST = timedelta(hours=14), timedelta(hours=12)
_WESTERN_HALVES = frozenset(timedelta(hours=each, minutes=30) for each in (2, 3, 9))


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A time as a recorder wrote it.

    Attributes:
        clock: what its clock showed, without a zone.
        told: the zone that the name states or its layout implies, or None.
    """

    clock: datetime
    told: tzinfo | None = None

    def utc(self, zone: tzinfo) -> datetime:
        """Timezone-aware UTC time; `zone` is that of clocks of which nothing is known."""
        return self.clock.replace(tzinfo=self.told or zone).astimezone(UTC)

    @property
    def local(self) -> datetime | None:
        """What the clock showed, where its zone is not known."""
        return None if self.told else self.clock


@dataclass(frozen=True, slots=True)
class NameReading:
    """What a path says.

    Attributes:
        layout: the row of the table that fits.
        camera: who recorded it, or empty.
        said: who may have, according to the file's name; the folders may know better. Or empty.
        before: the part of the path above what fits.
        start: when it began, or None.
        untimed: the file's name with a line break instead of the time in it.
    """

    layout: Layout
    camera: str
    said: str
    before: str
    start: WrittenTime | None
    untimed: str


@lru_cache(maxsize=4096)
def read_name(path: str) -> NameReading | None:
    """What a path says, or None if it fits no row of `LAYOUTS`.

    Folders may be parted by slashes or backslashes. A row whose time cannot be (the 31st of June,
    next year) does not fit.
    """
    stem = _SUFFIX.sub("", path.replace("\\", "/"))
    for layout in LAYOUTS:
        for reading in _readings(layout, stem):
            return reading
    return None


def is_storage_folder(name: str) -> bool:
    """Whether a folder of that name holds the footage of all cameras rather than of one."""
    return _letters(name) in _STORAGE_FOLDERS


def is_generic(name: str) -> bool:
    """Whether a text says no more than that this is a recording."""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    return all(word in _NO_CAMERA for word in words)


@cache
def _pattern(layout: Layout) -> re.Pattern[str]:
    return layout.compiled()


def _readings(layout: Layout, stem: str) -> Iterator[NameReading]:
    """How a row fits; usually once or never."""
    pattern = _pattern(layout)
    if layout.anywhere:
        name_at = stem.rfind("/") + 1
        for match in pattern.finditer(stem, name_at):
            start = _start(match, layout, stem[name_at:])
            if start is not None:
                said = _name_before(stem[name_at : match.start()])
                above = stem[:name_at].rstrip("/")
                yield NameReading(layout, "", said, above, start, _untimed(match, stem))
        return
    fit = pattern.search(stem)
    if fit is None:
        return
    start = _start(fit, layout, stem[stem.rfind("/") + 1 :])
    if start is None and {"hour", "epoch"} & fit.groupdict().keys():
        return
    if start is not None and _begins_earlier(fit, stem):
        return
    camera, said = _camera(fit), _numbered(fit.groupdict().get("said") or "")
    yield NameReading(layout, camera, said, stem[: fit.start()], start, _untimed(fit, stem))


def _begins_earlier(fit: re.Match[str], stem: str) -> bool:
    """Whether the camera's part of a file name holds a time itself: a start before the end."""
    name_at = stem.rfind("/") + 1
    return any(
        fit.start(group) >= name_at
        and any(
            _start(match, layout, fit[group]) is not None
            for layout in LAYOUTS
            if layout.anywhere
            for match in _pattern(layout).finditer(fit[group])
        )
        for group in ("camera", "said")
        if fit.groupdict().get(group)
    )


def _untimed(match: re.Match[str], stem: str) -> str:
    """The file's name with a line break, which no pattern crosses, instead of its time."""
    name_at = stem.rfind("/") + 1
    spans = [match.span(group) for group in _TIME_GROUPS & match.groupdict().keys()]
    inside = [(start, end) for start, end in spans if end > start >= name_at]
    if not inside:
        return stem[name_at:]
    first, last = min(start for start, _ in inside), max(end for _, end in inside)
    return f"{stem[name_at:first]}\n{stem[last:]}"


def _camera(match: re.Match[str]) -> str:
    groups = match.groupdict()
    camera = groups.get("camera") or ""
    if is_storage_folder(camera):
        camera = ""
    channel, lens = groups.get("channel") or "", LENSES.get(groups.get("lens") or "", "")
    letter = f"lens {groups['letter']}" if groups.get("letter") else ""
    parts = [part for part in (camera, channel, lens, letter) if part]
    return _numbered("/".join(parts))


def _numbered(name: str) -> str:
    """A number alone is a poor name."""
    return f"camera {name}" if name.isdecimal() else name


def _name_before(text: str) -> str:
    """The camera that stands before a time, set off from it; empty if that is no name."""
    name = re.sub(r"[\s_.([@–—-]+$", "", text)
    return "" if name == text or is_generic(name) else name


def _letters(name: str) -> str:
    return re.sub(r"[\d\W_]+", "", name).casefold()


# Times ------------------------------------------------------------------------------------------


def _start(match: re.Match[str], layout: Layout, name: str) -> WrittenTime | None:
    groups = match.groupdict()
    digits = groups.get("fraction") or groups.get("attached") or "0"
    fraction = timedelta(microseconds=int(digits.ljust(6, "0")))
    epoch = _epoch(groups.get("epoch"))
    clock = _clock(groups)
    if clock is None:
        moment = None if epoch is None else WrittenTime(epoch + fraction, told=UTC)
    elif epoch is not None and _is_same(clock, epoch):
        moment = WrittenTime(epoch + fraction, told=UTC)
    else:
        is_iso = groups.get("between") == "T" or groups.get("t") == ":"
        told = _zone(groups.get("offset") or "", is_iso, name)
        moment = WrittenTime(clock + fraction, told or layout.zone)
    return moment if moment is not None and _is_past(moment) else None


def _epoch(seconds: str | None) -> datetime | None:
    """Unix time as UTC without saying so."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


def _is_same(clock: datetime, epoch: datetime) -> bool:
    """Whether a local time and a Unix time can be one moment: some quarters of an hour apart."""
    apart = abs(clock - epoch)
    return apart <= _FURTHEST_ZONE and (apart + timedelta(seconds=2)) % timedelta(
        minutes=15
    ) <= timedelta(seconds=4)


def _clock(groups: dict[str, str | None]) -> datetime | None:
    """Date and time of day, or None where one is missing or cannot be."""
    if not groups.get("year") or not groups.get("hour"):
        return None
    year, hour = int(groups["year"] or 0), int(groups["hour"] or 0)
    month, day = _month_and_day(groups)
    half = groups.get("half")
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half[0] in "pP下" else 0)
    try:
        return datetime(  # noqa: DTZ001 - a recorder's clock, whose zone is another question
            year if year >= 100 else 2000 + year,
            month,
            day,
            hour,
            int(groups.get("minute") or 0),
            int(groups.get("second") or 0),
        )
    except ValueError:
        return None


def _month_and_day(groups: dict[str, str | None]) -> tuple[int, int]:
    """0, 0 where it cannot be told which is which."""
    if groups.get("first") is None:
        named = groups.get("named")
        month = _MONTHS.index(named.lower()) // 3 + 1 if named else int(groups.get("month") or 0)
        return month, int(groups.get("day") or 0)
    first, other = int(groups["first"] or 0), int(groups["other"] or 0)
    if other > 12:
        return first, other
    if first > 12 or groups.get("d") == "." or first == other:
        return other, first  # with dots, the day always comes first
    return 0, 0


def _zone(offset: str, is_iso: bool, name: str) -> tzinfo | None:
    """The zone that a name states, or None."""
    if not offset:
        utc = name.startswith("PXL_") or re.search(r"(?<![A-Za-z])UTC(?![A-Za-z+-])", name)
        return UTC if utc else None  # Pixel phones write UTC without saying so
    named = ZONE_NAMES.get(offset.strip(" _([)]"))
    if named is not None:
        return timezone(timedelta(minutes=named))
    sign = re.search(r"[+-]", offset)
    if sign is None:
        return UTC
    if offset.lstrip()[0] == "-" and not is_iso and ":" not in offset:
        return None  # "-0200" behind "2024-05-14_10-32-07" is a number: only ISO has such offsets
    digits = re.sub(r"\D", "", offset)
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    away = timedelta(hours=int(hours), minutes=int(minutes))
    if sign.group() == "+":
        return timezone(away) if away <= _FURTHEST_ZONE else None
    # West of Greenwich there are few others than whole hours: "-10.45" is the end of a recording.
    is_zone = away <= _FURTHEST_WEST and (minutes in ("0", "00") or away in _WESTERN_HALVES)
    return timezone(-away) if is_zone else None


def _is_past(moment: WrittenTime) -> bool:
    """Whether footage can be from then: not before the year 2000, not later than today."""
    latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    return moment.clock.year >= _EARLIEST_YEAR and moment.clock <= latest
