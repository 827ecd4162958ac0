"""The days on which there is footage, with how much and how many people were seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.core.entities import Video
from app.services.route.timeline import Lane
from app.storage.library import Library

# So exactly are sightings counted in a video that goes on past midnight.
_BIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Day:
    """A day that has footage.

    Attributes:
        day: in the zone of the library.
        footage_s: of all cameras together.
        sightings: how many begin on it.
    """

    day: date
    footage_s: float
    sightings: int

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From midnight to midnight of a zone."""
        return _midnight(self.day, zone), _midnight(self.day + timedelta(days=1), zone)


def days_of(library: Library, lanes: Sequence[Lane]) -> list[Day]:
    """Every day with footage, in order.

    Args:
        library: is asked for counts of videos that go on past midnight only.
        lanes: of its cameras.
    """
    zone = library.timezone
    footage: dict[date, float] = defaultdict(float)
    sightings: dict[date, int] = defaultdict(int)
    over_midnight: dict[int, tuple[Video, float]] = {}
    for lane in lanes:
        for video, first_s, last_s in zip(
            lane.videos, lane.first_s.tolist(), lane.last_s.tolist(), strict=True
        ):
            parts = list(_by_day(first_s, last_s, zone))
            for day, length_s in parts:
                footage[day] += length_s
            if len(parts) == 1:
                sightings[parts[0][0]] += video.tracklet_count
            elif video.tracklet_count:
                over_midnight[video.id] = (video, first_s)
    begins, _ = library.sighting_counts(over_midnight, _BIN_S)
    for video_id, number, count in begins.tolist():
        video, first_s = over_midnight[video_id]
        begun_s = first_s + video.camera.clock.rate * number * _BIN_S
        sightings[_local(begun_s, zone).date()] += count
    return [Day(day, footage[day], sightings[day]) for day in sorted(footage)]


def _by_day(first_s: float, last_s: float, zone: ZoneInfo) -> Iterator[tuple[date, float]]:
    """The days that a stretch touches, and how long."""
    day = _local(first_s, zone).date()
    while True:
        next_s = _midnight(day + timedelta(days=1), zone).timestamp()
        yield day, min(last_s, next_s) - first_s
        if last_s <= next_s:
            return
        first_s, day = next_s, day + timedelta(days=1)


def _local(time_s: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(time_s, UTC).astimezone(zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
