"""Which stretch of time is seen, and where its round times lie; seconds are POSIX seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.gui.hit_text import clock_text, date_text, day_text

SHORTEST_S = 4.0
"""Nobody zooms in further."""
_LONGEST_S = 50 * 366 * 86_400.0
_DAY_S = 86_400
# Steps between round times, up to a day; longer ones are whole days.
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
_STEPS_DAYS = (1, 2, 7, 14, 28, 91, 182, 364, 1820)


@dataclass(frozen=True, slots=True)
class Tick:
    """A round time, with what is written at it."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """What is seen: from one moment on, so many seconds a pixel.

    Attributes:
        first_s: the moment at the left edge.
        s_per_px: above 0.
        width_px: above 0.
    """

    first_s: float
    s_per_px: float
    width_px: int

    @staticmethod
    def over(first_s: float, last_s: float, width_px: int, margin: float = 0.02) -> TimeAxis:
        """Everything between two moments, with a margin at both ends, as a share."""
        width_px = max(width_px, 1)
        length_s = min(max(last_s - first_s, SHORTEST_S), _LONGEST_S)
        middle_s, length_s = (first_s + last_s) / 2, length_s * (1 + 2 * margin)
        return TimeAxis(middle_s - length_s / 2, length_s / width_px, width_px)

    @property
    def last_s(self) -> float:
        """The moment at the right edge."""
        return self.first_s + self.s_per_px * self.width_px

    def x_of(self, time_s: float) -> float:
        """Where a moment is."""
        return (time_s - self.first_s) / self.s_per_px

    def time_at(self, x_px: float) -> float:
        """The moment at a place."""
        return self.first_s + self.s_per_px * x_px

    def zoomed(self, factor: float, x_px: float) -> TimeAxis:
        """So many times as long a stretch; the moment at a place stays there."""
        limits = SHORTEST_S / self.width_px, _LONGEST_S / self.width_px
        s_per_px = min(max(self.s_per_px * factor, limits[0]), limits[1])
        return TimeAxis(self.time_at(x_px) - s_per_px * x_px, s_per_px, self.width_px)

    def moved(self, by_px: float) -> TimeAxis:
        """Later by so many pixels."""
        return TimeAxis(self.first_s + by_px * self.s_per_px, self.s_per_px, self.width_px)

    def resized(self, width_px: int) -> TimeAxis:
        """The same stretch on another width."""
        width_px = max(width_px, 1)
        return TimeAxis(self.first_s, self.s_per_px * self.width_px / width_px, width_px)

    def ticks(self, zone: ZoneInfo, apart_px: float) -> list[Tick]:
        """Round times of a zone, at least so many pixels apart; at midnight the day is written."""
        wanted_s = apart_px * self.s_per_px
        step_s = next((step for step in _STEPS_S if step >= wanted_s), None)
        times = self._times(step_s, zone) if step_s else self._days(wanted_s, zone)
        return [Tick(time_s, _text(time_s, zone, step_s)) for time_s in times]

    def _times(self, step_s: int, zone: ZoneInfo) -> list[float]:
        first, last = (moment_of(each).astimezone(zone) for each in (self.first_s, self.last_s))
        if step_s < 3600:  # where a change of the clock is a whole number of steps
            away_s = (first.utcoffset() or timedelta()).total_seconds()
            begin = math.ceil((self.first_s + away_s) / step_s)
            end = math.floor((self.last_s + away_s) / step_s)
            return [number * step_s - away_s for number in range(begin, end + 1)]
        midnight = datetime(first.year, first.month, first.day, tzinfo=zone)
        days = [midnight + timedelta(days=each) for each in range((last - midnight).days + 2)]
        # Hours that the clock leaves out are those after them.
        every = {
            (day + timedelta(seconds=since_s)).timestamp(): None
            for day in days
            for since_s in range(0, _DAY_S, step_s)
        }
        return [each for each in every if self.first_s <= each <= self.last_s]

    def _days(self, wanted_s: float, zone: ZoneInfo) -> list[float]:
        step = next((days for days in _STEPS_DAYS if days * _DAY_S >= wanted_s), _STEPS_DAYS[-1])
        first = moment_of(self.first_s).astimezone(zone).date()
        first -= timedelta(days=first.toordinal() % step)
        found = []
        for number in range(int((self.last_s - self.first_s) / (step * _DAY_S)) + 3):
            day = first + timedelta(days=number * step)
            time_s = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
            if self.first_s <= time_s <= self.last_s:
                found.append(time_s)
        return found


def moment_of(time_s: float) -> datetime:
    """POSIX seconds as a moment; what no calendar holds becomes its end."""
    latest = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
    return datetime.fromtimestamp(min(max(time_s, 0.0), latest), UTC)


def span_text(first_s: float, last_s: float, zone: ZoneInfo) -> str:
    """Two moments as a person writes them, the day once if it is one."""
    first, last = moment_of(first_s), moment_of(last_s)
    begin = f"{date_text(first, zone)} {clock_text(first, zone)}"
    if date_text(first, zone) == date_text(last, zone):
        return f"{begin} – {clock_text(last, zone)}"
    return f"{begin} – {date_text(last, zone)} {clock_text(last, zone)}"


def _text(time_s: float, zone: ZoneInfo, step_s: int | None) -> str:
    moment = moment_of(time_s)
    clock = clock_text(moment, zone)
    if step_s is None or clock == "00:00:00":
        return day_text(moment, zone)
    return clock if step_s < 60 else clock[:5]
