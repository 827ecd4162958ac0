"""What the player's worker does: opens videos, decodes, and paces, as orders come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
from PySide6.QtGui import QImage

from app.core.entities import Frame, Image, Video
from app.core.errors import UserFacingError
from app.services.footage.playback import PersonBox, Playback, VideoReader

# A cancellation acts between two events, so no wait is longer than this.
LONGEST_WAIT_S = 0.1
# Where decoding cannot keep up, playing gets slower instead of jumping farther and farther.
LONGEST_LAG_S = 0.25
# A gap in the footage (an image sequence, a recorder that sleeps) is not waited for in full.
LONGEST_STILL_S = 2.0
# Stretches before the frame are decoded once nothing was asked for this long.
CALM_S = 0.2
# Frames that the window has not taken yet; more would only be shown late.
MOST_IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class VideoOpened:
    """What follows is of this video; comes again when something about it may have changed."""

    video_id: int
    video: Video
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, eq=False)
class ShownFrame:
    """A frame to be shown, with everyone in it.

    Attributes:
        end_s: time of the video's last frame where it is known by now, else None.
        seek_number: which seek was the newest one when this frame was decoded.
        sighting_s: begin and end of the sighting that the user chose in this video, if any.
    """

    video_id: int
    time_s: float
    picture: QImage
    people: tuple[PersonBox, ...]
    end_s: float | None
    seek_number: int
    sighting_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class PlayStopped:
    """Playing came to the video's end, or backwards to its beginning."""

    video_id: int
    at_end: bool


@dataclass(frozen=True, slots=True)
class PlayerProblem:
    """A video cannot be shown."""

    video_id: int | None
    error: UserFacingError


PlayerEvent = VideoOpened | ShownFrame | PlayStopped | PlayerProblem | None


@dataclass(frozen=True, slots=True)
class _Order:
    """What the window wants by now; what it wanted before and is still open is overwritten.

    Attributes:
        video_id: which video is to be open, None for none.
        seek_s: where to go, None to stay.
        steps: how many frames to go on from there, one press after the other: at either end of
            the video their sum would mean something else. Negative backwards.
        rate: video seconds a second, negative backwards, 0 for a still picture.
        refresh: the frame is to be shown again, with the people known by now.
        seek_number: how many seeks there were.
        tracklet_id: the sighting that the user chose, or None.
    """

    video_id: int | None = None
    seek_s: float | None = None
    steps: tuple[int, ...] = ()
    rate: float = 0.0
    refresh: bool = False
    seek_number: int = 0
    tracklet_id: int | None = None


class PlayerSession:
    """The player's work on one library.

    Rules of the threads: The methods up to `work` belong to the GUI thread. They only write down,
    under the lock, what is wanted now; so of many seeks just the newest is decoded. `work` is a
    generator that runs in the lane "player" as long as there is something to do (an order, playing,
    a stretch to be decoded ahead of steps back) and then ends; the next order starts it anew, and
    nothing wakes up in between. `_start` is called for that, in the GUI thread. Reader, clock and
    everything else below `work` are touched by the lane's one thread alone. The reader stays open
    between two runs; it is closed by `close`, by another video, and when a run is cancelled.
    """

    def __init__(self, playback: Playback, start: Callable[[PlayerSession], object]) -> None:
        """Does nothing yet.

        Args:
            playback: footage and people of the library.
            start: puts `work` into the player's lane.
        """
        self._playback = playback
        self._start = start
        self._changed = threading.Condition()
        self._order = _Order()
        self._is_new = False
        self._is_working = False
        self._in_flight = 0

        self._reader: VideoReader | None = None
        self._open_id: int | None = None
        self._sighting_s: tuple[float, float] | None = None
        self._rate = 0.0
        self._seek_number = 0
        self._anchor_s = (0.0, 0.0)  # clock and video time from which playing is measured
        self._shown_s = 0.0  # clock time of the last frame
        self._may_read_behind = False

    # GUI thread ---------------------------------------------------------------------------------

    def show(self, video_id: int, time_s: float, tracklet_id: int | None = None) -> int:
        """Stands still at a frame of a video, or of a sighting; returns the number of this seek."""
        return self._post(
            lambda order: _Order(
                video_id, time_s, seek_number=order.seek_number + 1, tracklet_id=tracklet_id
            )
        )

    def seek(self, time_s: float) -> int:
        """Goes to the frame of a time; returns the number of this seek."""
        return self._post(
            lambda order: replace(order, seek_s=time_s, steps=(), seek_number=order.seek_number + 1)
        )

    def step(self, frames: int) -> None:
        """Stands still some frames further, negative: before."""
        self._post(lambda order: replace(order, steps=(*order.steps, frames), rate=0.0))

    def play(self, rate: float) -> None:
        """Plays at so many times real time, negative backwards; 0 stands still."""
        self._post(lambda order: replace(order, rate=rate))

    def refresh(self) -> None:
        """Shows the current frame again, with the people, names and times stored by now."""
        self._post(lambda order: replace(order, refresh=True))

    def close(self) -> None:
        """Closes the video, in the worker."""
        self._post(lambda order: _Order(seek_number=order.seek_number))

    def take_in(self) -> None:
        """To be called for each `ShownFrame` that has arrived: the next may come."""
        with self._changed:
            self._in_flight = max(0, self._in_flight - 1)
            self._changed.notify()

    def _post(self, change: Callable[[_Order], _Order]) -> int:
        with self._changed:
            self._order = change(self._order)
            self._is_new = True
            self._changed.notify()
            number = self._order.seek_number
            starts, self._is_working = not self._is_working, True
        if starts:
            self._start(self)
        return number

    # Worker -------------------------------------------------------------------------------------

    def work(self) -> Generator[PlayerEvent]:
        """Does what is wanted until nothing is left to do; None is yielded to be cancellable."""
        ran_to_end = False
        try:
            while (order := self._next_order()) is not None:
                try:
                    yield from self._obey(order)
                    while not self._is_new and self._rate != 0:
                        yield from self._play_on()
                    yield from self._read_behind()
                except UserFacingError as error:
                    self._halt()
                    yield PlayerProblem(self._open_id, error)
            ran_to_end = True
        finally:
            if not ran_to_end:
                self._close_reader()
                with self._changed:
                    self._is_working = False
                    self._in_flight = 0

    def _next_order(self) -> _Order | None:
        """Takes what is new; None if nothing is, and then this run is over."""
        with self._changed:
            if not self._is_new:
                self._is_working = False
                return None
            order = self._order
            self._order = replace(order, seek_s=None, steps=(), refresh=False)
            self._is_new = False
            return order

    def _obey(self, order: _Order) -> Generator[PlayerEvent]:
        if order.video_id is None:
            self._close_reader()
            return
        if order.video_id != self._open_id or self._reader is None:
            self._close_reader()
            self._open_id = order.video_id
            video = self._playback.video(order.video_id)
            yield VideoOpened(order.video_id, video, self._playback.timezone)
            self._reader = self._playback.reader(order.video_id)
        reader = self._reader
        self._seek_number = order.seek_number
        if order.seek_s is not None or order.refresh:
            chosen = order.tracklet_id
            self._sighting_s = (
                None if chosen is None else self._playback.span_of(chosen, order.video_id)
            )
        if order.refresh:
            self._playback.forget_people()
            video = self._playback.video(order.video_id)  # its camera may have another clock
            yield VideoOpened(order.video_id, video, self._playback.timezone)
        frame = None
        if order.seek_s is not None or order.refresh:
            frame = reader.frame_at(reader.time_s if order.seek_s is None else order.seek_s)
        for frames in order.steps:
            for _ in range(abs(frames)):
                stepped = reader.next_frame() if frames > 0 else reader.previous_frame()
                frame = stepped or frame
        if frame is not None:
            yield from self._show(reader, frame)
        self._rate = order.rate
        self._anchor_s = (time.monotonic(), reader.time_s)
        self._shown_s = self._anchor_s[0]
        self._may_read_behind = True

    def _play_on(self) -> Generator[PlayerEvent]:
        """Shows the next frame if it is due, else waits a little."""
        reader = self._reader
        assert reader is not None
        forward = self._rate > 0
        # Forwards a frame is due at its own time; backwards the one before takes the place of
        # this one when the clock runs past this one's time.
        turn_s = reader.next_time_s() if forward else reader.time_s
        if turn_s is None:
            yield from self._stop_playing()
            return
        started_s, from_s = self._anchor_s
        now_s = time.monotonic()
        due_s = started_s + (turn_s - from_s) / self._rate
        if due_s > self._shown_s + LONGEST_STILL_S:
            due_s = self._shown_s + LONGEST_STILL_S
            self._anchor_s = (due_s, turn_s)
        if now_s < due_s:
            if forward or not reader.read_behind():
                self._wait(due_s - now_s)
            yield None
            return
        late_s = min(now_s - due_s, LONGEST_LAG_S)
        if late_s == LONGEST_LAG_S:
            self._anchor_s = (now_s - late_s, turn_s)
        wanted_s = turn_s + late_s * self._rate
        frame = reader.frame_at(wanted_s) if forward else reader.previous_frame()
        if frame is None:
            yield from self._stop_playing()
            return
        if frame.time_s > wanted_s and not forward:
            frame = reader.frame_at(wanted_s)
        self._shown_s = now_s
        yield from self._show(reader, frame)

    def _stop_playing(self) -> Generator[PlayerEvent]:
        assert self._open_id is not None
        at_end = self._rate > 0
        self._halt()
        yield PlayStopped(self._open_id, at_end)

    def _read_behind(self) -> Generator[PlayerEvent]:
        """Makes steps back fast while nothing else is wanted."""
        if self._reader is None or not self._may_read_behind:
            return
        calm_s = time.monotonic() + CALM_S
        while (left_s := calm_s - time.monotonic()) > 0 and not self._is_new:
            self._wait(left_s)
            yield None
        yielded_s = time.monotonic()
        while not self._is_new:
            if not self._reader.read_behind():
                self._may_read_behind = False
                return
            if time.monotonic() - yielded_s > LONGEST_WAIT_S:
                yielded_s = time.monotonic()
                yield None

    def _show(self, reader: VideoReader, frame: Frame) -> Generator[PlayerEvent]:
        """Hands a frame over, and waits while the window has not taken the ones before."""
        assert self._open_id is not None
        people = tuple(self._playback.people_at(self._open_id, frame.time_s))
        with self._changed:
            self._in_flight += 1
        yield ShownFrame(
            self._open_id,
            frame.time_s,
            picture_of(frame.image),
            people,
            reader.end_s,
            self._seek_number,
            self._sighting_s,
        )
        while self._in_flight >= MOST_IN_FLIGHT:
            with self._changed:
                self._changed.wait_for(lambda: self._in_flight < MOST_IN_FLIGHT, LONGEST_WAIT_S)
            yield None

    def _wait(self, seconds: float) -> None:
        """Waits for an order, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_new, min(seconds, LONGEST_WAIT_S))

    def _halt(self) -> None:
        """Stands still, unless the window has meanwhile wanted something else."""
        self._rate = 0.0
        with self._changed:
            if not self._is_new:
                self._order = replace(self._order, rate=0.0)

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        self._rate = 0.0
        self._open_id = None
        if reader is not None:
            reader.close()


def picture_of(image: Image) -> QImage:
    """RGB uint8 (H, W, 3) as a picture of its own, in the format that is painted fastest."""
    pixels = np.ascontiguousarray(image)
    height_px, width_px = pixels.shape[:2]
    shared = QImage(pixels.data, width_px, height_px, 3 * width_px, QImage.Format.Format_RGB888)
    return shared.convertToFormat(QImage.Format.Format_RGB32)
