"""Random access to the frames of a video, exact to the frame in both directions."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType

from app.core.entities import Frame, VideoInfo
from app.core.errors import TruncatedVideoError, VideoError
from app.core.ports import DecodedFrame, FrameSource
from app.language import tr

CACHE_BYTES = 256 * 2**20
MIN_CACHED_FRAMES = 8
# How much footage is decoded at once before the cached frames, for smooth steps back.
STRETCH_S = 2.0
# Up to here decoding on is cheaper than a seek, which starts again at a key frame.
NEAR_S = 2.0
# A time that stands a rounding error before a frame means that frame, as it does to the sources.
TOLERANCE_S = 0.001


class _CachedFrame:
    """A decoded frame that is converted to RGB when it is shown, not when it is passed."""

    __slots__ = ("_decoded", "_frame", "time_s")

    def __init__(self, decoded: DecodedFrame) -> None:
        self.time_s = decoded.time_s
        self._decoded: DecodedFrame | None = decoded
        self._frame: Frame | None = None

    def frame(self) -> Frame:
        if self._decoded is not None:
            self._frame = Frame(self._decoded.index, self.time_s, self._decoded.image())
            self._decoded = None
        assert self._frame is not None
        return self._frame


class VideoReader:
    """Random access to the frames of one video, exact also with a variable frame rate.

    Keeps one unbroken run of frames around the current one. Two sources read the video: one goes
    on behind the run's last frame, the other fills in stretches before its first, so that stepping
    to and fro never throws away what a decoder has in progress. Not thread-safe. The `index` of
    its frames counts from where decoding last began; what identifies a frame is its `time_s`.
    """

    def __init__(
        self, open_source: Callable[[], FrameSource], cache_bytes: int = CACHE_BYTES
    ) -> None:
        """Opens the video.

        Args:
            open_source: opens the same video anew at each call.
            cache_bytes: limit of the cached frames, counted as RGB.

        Raises:
            VideoError: if it cannot be opened.
        """
        self._open_source = open_source
        self._source = open_source()
        self._source_behind: FrameSource | None = None
        self.info: VideoInfo = self._source.info
        frame_bytes = max(1, self.info.width_px * self.info.height_px * 3)
        self._capacity = max(MIN_CACHED_FRAMES, cache_bytes // frame_bytes)
        fps = self.info.fps if self.info.fps > 0 else 25.0
        self._stretch = max(2, min(self._capacity // 2, math.ceil(fps * STRETCH_S)))
        self._stretch_s = self._stretch / fps

        self._run: list[_CachedFrame] = []
        self._at = 0
        self._ahead: Iterator[DecodedFrame] | None = None
        self._behind: Iterator[DecodedFrame] | None = None
        self._gathered: deque[_CachedFrame] = deque(maxlen=self._stretch)
        self._has_first = False
        self._has_last = False
        self.end_s: float | None = None
        """Time of the last frame once it has been seen; headers lie."""

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def time_s(self) -> float:
        """Time of the current frame, 0 before the first was read."""
        return self._run[self._at].time_s if self._run else 0.0

    def frame_at(self, time_s: float) -> Frame:
        """The frame shown at a time: the last one at or before it; the last one after the end.

        Raises:
            VideoError: if nothing can be decoded.
        """
        time_s = max(0.0, time_s)
        if self.end_s is not None:
            time_s = min(time_s, self.end_s)
        target_s = time_s + TOLERANCE_S
        if not self._reach(target_s):
            self._seek(time_s)
        self._at = max(0, bisect_right(self._run, target_s, key=lambda cached: cached.time_s) - 1)
        return self._run[self._at].frame()

    def next_frame(self) -> Frame | None:
        """Steps to the following frame; None at the end of what can be decoded."""
        if self.next_time_s() is None:
            return None
        self._at += 1
        return self._run[self._at].frame()

    def previous_frame(self) -> Frame | None:
        """Steps to the frame before; None at the first."""
        if not self._run or (self._at == 0 and not self._prepend_stretch()):
            return None
        self._at -= 1
        return self._run[self._at].frame()

    def next_time_s(self) -> float | None:
        """Time of the following frame without stepping there; None at the end."""
        if not self._run:
            self.frame_at(0.0)
        if self._at + 1 == len(self._run) and not self._append():
            return None
        return self._run[self._at + 1].time_s

    def read_behind(self) -> bool:
        """Decodes one frame more before the cached ones, to be called while there is time.

        Returns:
            False if enough is cached for stepping back smoothly.
        """
        if not self._run or self._has_first or self._at > self._stretch // 2:
            return False
        return not self._gather()

    def close(self) -> None:
        """Releases the file."""
        self._forget()
        self._source.close()
        if self._source_behind is not None:
            self._source_behind.close()

    def _reach(self, time_s: float) -> bool:
        """Extends the run to a time close by; False where a seek is cheaper."""
        if not self._run:
            return False
        first_s = self._run[0].time_s
        if time_s < first_s:
            near = first_s - time_s <= self._stretch_s
            return near and (not self._prepend_stretch() or time_s >= self._run[0].time_s)
        while time_s >= self._run[-1].time_s and not self._has_last:
            if time_s - self._run[-1].time_s > NEAR_S:
                return False
            self._at = len(self._run) - 1
            self._append()
        return True

    def _seek(self, time_s: float) -> None:
        """Starts a new run with the frame shown at a time."""
        start_s, back_s = time_s, 1.0
        while True:
            self._forget()
            self._ahead = iter(self._source.frames(start_s))
            if self._append():
                break
            if start_s <= 0.0:
                raise VideoError(
                    tr("{name} contains no frame that can be decoded.", name=self.info.path.name),
                    tr("Copy the file again from the recorder."),
                )
            # The time lies in the missing part of a cut video: its last frame is before it.
            start_s, back_s = max(0.0, start_s - back_s), back_s * 4
        if time_s - self._run[-1].time_s > NEAR_S:
            self._append()  # a long still, or the end, which is then known
        if start_s < time_s:
            while self._run[-1].time_s <= time_s and self._append():
                self._at = len(self._run) - 1

    def _forget(self) -> None:
        """Empties the run and stops both decoders."""
        self._run.clear()
        self._at = 0
        self._ahead = None
        self._has_first = self._has_last = False
        self._stop_gathering()

    def _stop_gathering(self) -> None:
        self._behind = None
        self._gathered.clear()

    def _append(self) -> bool:
        """Decodes the frame after the run; False at the end of the video."""
        if self._has_last:
            return False
        last_s = self._run[-1].time_s if self._run else -math.inf
        if self._ahead is None:
            self._ahead = iter(self._source.frames(last_s))
        decoded = _next_after(self._ahead, last_s)
        if decoded is None:
            self._has_last = True
            self._ahead = None
            if self._run:
                self.end_s = last_s
            return False
        self._run.append(_CachedFrame(decoded))
        if len(self._run) > self._capacity and self._at > 0:
            del self._run[0]
            self._at -= 1
            self._has_first = False
            self._stop_gathering()  # it was meant to end at the frame that is gone
        return True

    def _prepend_stretch(self) -> bool:
        """Puts a whole stretch before the run; False if the run begins with the first frame."""
        before = self._at
        while not self._has_first and self._at == before:
            self._gather()
        return self._at > before

    def _gather(self) -> bool:
        """Decodes one frame before the run; True when the stretch is complete and joined to it."""
        first_s = self._run[0].time_s
        if self._behind is None:
            if self._source_behind is None:
                self._source_behind = self._open_source()
            start_s = max(0.0, first_s - self._stretch_s)
            self._behind = iter(self._source_behind.frames(start_s))
        decoded = _next_after(self._behind, -math.inf)
        if decoded is not None and decoded.time_s < first_s:
            self._gathered.append(_CachedFrame(decoded))
            return False
        self._has_first = not self._gathered
        self._run[:0] = self._gathered
        self._at += len(self._gathered)
        self._stop_gathering()
        surplus = min(len(self._run) - self._capacity, len(self._run) - 1 - self._at)
        if surplus > 0:
            del self._run[-surplus:]
            self._ahead = None
            self._has_last = False
        return True


def _next_after(frames: Iterator[DecodedFrame], time_s: float) -> DecodedFrame | None:
    """The next frame later than a time; None at the end, be it proper or where a file was cut."""
    try:
        return next((frame for frame in frames if frame.time_s > time_s), None)
    except TruncatedVideoError:
        return None
