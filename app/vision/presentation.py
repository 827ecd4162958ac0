"""When decoded frames are shown: strictly rising times, whatever the container says or omits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from av.video.frame import VideoFrame

# A step of more than this, back or forward, is a jump of the file's clock.
JUMP_S = 1.0
# A gap of more than this before the very last frame is a wild stamp.
_UNLIKELY_GAP_S = 600
# So many frames tell whether the first one is where it should be.
FIRST_FRAMES = 4
# So many frames must go on from where a jump led before it is believed.
_LOOK_AHEAD = 5


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

    @property
    def jump(self) -> int:
        """More ticks than this from frame to frame are a jump of the file's clock."""
        return max(self.period * 3, round(JUMP_S / self.time_base))

    def end(self, ticks: int, frame: VideoFrame) -> int:
        """The tick at which a frame that is shown at `ticks` gives way to the next."""
        counted = self.basis == "count"
        return ticks + (self.period if counted else frame.duration or self.period)

    def stamp(self, frame: VideoFrame) -> int | None:
        """Ticks that the file gives a frame, or None."""
        if self.basis == "pts":
            return frame.pts
        return frame.dts if self.basis == "dts" else None


def true_first(stamps: Sequence[int | None], timeline: Timeline) -> int:
    """Ticks of a first frame, corrected where the ones after it agree that its stamp is wild.

    Args:
        stamps: ticks of the first frames, as the file has them.
        timeline: how they are timed; its `first` is taken where the file does not say.
    """
    first = timeline.first if not stamps or stamps[0] is None else stamps[0]
    known = [stamp for stamp in stamps if stamp is not None]
    if timeline.basis != "pts" or len(known) < FIRST_FRAMES:
        return first  # in AVI, the first picture may be shown again and again
    steps = [later - earlier for earlier, later in pairwise(known)]
    is_wild = abs(steps[0]) > timeline.jump and all(0 < step <= timeline.jump for step in steps[1:])
    return known[1] - timeline.period if is_wild else first


class PresentationClock:
    """Times the frames of one pass through a file, in presentation order.

    A jump in the file's times is a gap or a new clock only if the frames after it go on from
    there. If they go on from before it, the frames between have wild stamps, which are ignored.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._last: int | None = None
        self._step = 0
        self._shift = 0
        self.restarted = False
        """The file's clock began anew: from there on, times depend on what came before."""

    def timed(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        """Each frame with its ticks, which rise strictly. Holds back a few frames at a jump."""
        held: list[VideoFrame] = []
        for frame in frames:
            held.append(frame)
            if self._last is not None or len(held) >= FIRST_FRAMES:
                yield from self._release(held, at_end=False)
        yield from self._release(held, at_end=True)

    def _release(self, held: list[VideoFrame], *, at_end: bool) -> Iterator[tuple[int, VideoFrame]]:
        if held and self._last is None:
            yield self._first(held)
        unlikely = round(_UNLIKELY_GAP_S / self._timeline.time_base)
        while held:
            away = self._away(held[0])
            if away is None or -self._timeline.jump <= away <= max(
                self._timeline.jump, 4 * self._step
            ):
                yield self._after(held.pop(0), away)
                continue
            returned = next((at for at in range(1, len(held)) if self._goes_on(held[at], at)), 0)
            if returned:
                assert self._last is not None
                until = self._last + (self._away(held[returned]) or 0)
                gap = max(1, (until - self._last) // (returned + 1))
                for _ in range(returned):
                    yield self._after(held.pop(0), gap)
            elif len(held) > _LOOK_AHEAD or (at_end and (len(held) > 1 or away <= unlikely)):
                if away < 0:
                    self._shift += self._timeline.period - away
                    self.restarted = True
                    away = self._timeline.period
                yield self._after(held.pop(0), away)
            elif at_end:
                yield self._after(held.pop(0), None)  # nothing confirms so long a gap
            else:
                return

    def _away(self, frame: VideoFrame) -> int | None:
        """Ticks from the frame before to where the file puts this one; None if it does not say."""
        stamp = self._timeline.stamp(frame)
        if stamp is None or self._last is None:
            return None
        return stamp + self._shift - self._last

    def _goes_on(self, frame: VideoFrame, behind: int) -> bool:
        """Whether a frame that comes `behind` others goes on from the latest timed one."""
        away = self._away(frame)
        return away is not None and 0 < away <= self._timeline.jump + behind * max(
            self._step, self._timeline.period
        )

    def _first(self, held: list[VideoFrame]) -> tuple[int, VideoFrame]:
        stamps = [self._timeline.stamp(frame) for frame in held[:FIRST_FRAMES]]
        self._last = true_first(stamps, self._timeline)
        return self._last, held.pop(0)

    def _after(self, frame: VideoFrame, away: int | None) -> tuple[int, VideoFrame]:
        assert self._last is not None
        self._step = away if away is not None and away > 0 else self._timeline.period
        self._last += self._step
        return self._last, frame
