"""A recorder's clock against the true time: its zone, how far it is off, and how it drifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.core.clock import parse_zone
from app.core.errors import UsageError
from app.language import tr

DAY_S = 86_400.0
# Marks closer together tell nothing of a drift: a frame's uncertainty would be hours a day.
_SHORTEST_SPAN_S = 600.0


@dataclass(frozen=True, slots=True)
class CameraClock:
    """What is to be done to the times that a camera's recorder wrote.

    Attributes:
        zone: of the times that state none, as `app.core.clock.parse_zone` reads it; empty: the
            library's.
        offset_s: is added to the recorder's time; above 0 where its clock is slow.
        drift_s_per_day: is added for each day after `reference_utc`.
        reference_utc: where the drift counts from, by the recorder's own clock; None: no drift.
    """

    zone: str = ""
    offset_s: float = 0.0
    drift_s_per_day: float = 0.0
    reference_utc: datetime | None = None

    @property
    def is_raw(self) -> bool:
        """Whether times are shown as the recorder wrote them; a zone says what these mean."""
        return self.offset_s == 0 and (self.reference_utc is None or self.drift_s_per_day == 0)

    def raw(self, start_utc: datetime, start_local: datetime | None) -> datetime:
        """When a recording began by the recorder's clock, in this clock's zone, as UTC.

        Args:
            start_utc: as it was read in the library's zone.
            start_local: what the clock showed, where its zone is not stated.
        """
        if not self.zone or start_local is None:
            return start_utc
        return start_local.replace(tzinfo=parse_zone(self.zone)).astimezone(UTC)

    def corrected(self, raw_utc: datetime) -> datetime:
        """The true time of a moment of the recorder's clock."""
        away_s = self.offset_s
        if self.reference_utc is not None:
            away_s += self.drift_s_per_day * (raw_utc - self.reference_utc).total_seconds() / DAY_S
        return raw_utc + timedelta(seconds=away_s)

    @property
    def rate(self) -> float:
        """True seconds in a second of the recorder."""
        return 1.0 + (self.drift_s_per_day / DAY_S if self.reference_utc is not None else 0.0)


RAW_CLOCK = CameraClock()


@dataclass(frozen=True, slots=True)
class Mark:
    """One event that two cameras saw.

    Attributes:
        raw_utc: when, by the clock that is to be corrected.
        true_utc: when, by the clock that is believed.
    """

    raw_utc: datetime
    true_utc: datetime


def solve_clock(marks: Sequence[Mark], zone: str = "") -> CameraClock:
    """The clock that fits marks best, in the sense of least squares.

    One mark gives the offset; several that lie ten minutes or more apart give the drift, too.

    Args:
        marks: at least one.
        zone: of the clock that is corrected; kept.

    Raises:
        UsageError: there is no mark.
    """
    if not marks:
        raise UsageError(tr("There is nothing to solve."), tr("Mark one event in both cameras."))
    first = marks[0].raw_utc
    at_s = [(mark.raw_utc - first).total_seconds() for mark in marks]
    away_s = [(mark.true_utc - mark.raw_utc).total_seconds() for mark in marks]
    middle_s, offset_s = sum(at_s) / len(at_s), sum(away_s) / len(away_s)
    if max(at_s) - min(at_s) < _SHORTEST_SPAN_S:
        return CameraClock(zone, offset_s)
    spread = sum((at - middle_s) ** 2 for at in at_s)
    slope = sum((at - middle_s) * (away - offset_s) for at, away in zip(at_s, away_s, strict=True))
    reference = first + timedelta(seconds=middle_s)
    return CameraClock(zone, offset_s, slope / spread * DAY_S, reference)


def parse_offset(text: str) -> float:
    """Reads how far a clock is off: seconds, or ``[+-]h:mm:ss``, ``mm:ss``.

    Raises:
        UsageError: it is neither.
    """
    sign = -1.0 if text.strip().startswith("-") else 1.0
    parts = text.strip().lstrip("+-").split(":")
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = []
    if not 1 <= len(values) <= 3 or any(value < 0 for value in values):
        raise UsageError(
            tr('"{text}" is not an offset.', text=text),
            tr("Write it like 200, -3:20 or +1:00:00.5."),
        )
    seconds = 0.0
    for value in values:
        seconds = seconds * 60 + value
    return sign * seconds


def offset_text(seconds: float) -> str:
    """An offset as `parse_offset` reads it: ``+0:03:20.0``."""
    milliseconds = round(abs(seconds) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    whole, part = divmod(milliseconds, 1000)
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{whole:02}.{part:03}".rstrip("0").rstrip(".")
