"""When decoded frames are shown: strictly rising times, whatever the container says or omits."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from av.video.frame import VideoFrame

# A step back of more than this is a new clock (recordings joined end to end), not an error.
_NEW_CLOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """How the frames of one file are timed; read from its first decoded frame.

    Attributes:
        basis: what a frame's time is: its presentation time, the decoding time of the packet that
            completed it (AVI stores no presentation times), or its number (bare streams).
        time_base: seconds per tick.
        first: ticks of the first decoded frame.
        period: ticks from one frame to the next at the nominal rate.
        delay: ticks between a key frame's packet and its completion, for `dts`; None if unknown.
    """

    basis: Literal["pts", "dts", "count"]
    time_base: Fraction
    first: int
    period: int
    delay: int | None

    def seconds(self, ticks: int) -> float:
        """Seconds after the first decoded frame."""
        return float((ticks - self.first) * self.time_base)

    def ticks(self, time_s: float) -> int:
        """The last tick at or before a time."""
        return self.first + int(Fraction(time_s) / self.time_base // 1)

    def end(self, ticks: int, frame: VideoFrame) -> int:
        """The tick at which a frame that is shown at `ticks` gives way to the next."""
        counted = self.basis == "count"
        return ticks + (self.period if counted else frame.duration or self.period)

    def stamp(self, frame: VideoFrame) -> int | None:
        """Ticks that the file gives a frame, or None."""
        if self.basis == "pts":
            return frame.pts
        return frame.dts if self.basis == "dts" else None


class PresentationClock:
    """Times the frames of one pass through a file, in presentation order."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._last: int | None = None
        self._shift = 0
        self.restarted = False
        """The file's clock began anew: from there on, times depend on what came before."""

    def ticks_of(self, frame: VideoFrame) -> int:
        """Ticks of the next frame, later than those of the one before."""
        stamp = self._timeline.stamp(frame)
        ticks = None if stamp is None else stamp + self._shift
        if self._last is None:
            self._last = self._timeline.first if ticks is None else ticks
        elif ticks is not None and ticks > self._last:
            self._last = ticks
        else:
            expected = self._last + self._timeline.period
            if ticks is not None and (self._last - ticks) * self._timeline.time_base > _NEW_CLOCK_S:
                self._shift += expected - ticks
                self.restarted = True
            self._last = expected
        return self._last
