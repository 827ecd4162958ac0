"""One pass through a video file: packets in, timed frames out, damaged packets left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any, cast

import av
import av.logging
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.core.errors import VideoError
from app.language import tr
from app.vision.containers import Traits, traits_of
from app.vision.presentation import FIRST_FRAMES, JUMP_S, PresentationClock, Timeline, true_first
from app.vision.unreadable import (
    no_pictures,
    not_a_file,
    nothing_decodable,
    pictures_taken_for_sound,
    unknown_codec,
    why_unreadable,
)

# A demuxer that fails this often in a row, without a packet in between, has nothing left to give.
_MAX_FAILURES = 16

# No camera has so many; a damaged header may announce any number, and each picture is held whole.
_MOST_PIXELS = 80_000_000

# What FFmpeg counts in where a stream has no times of its own.
_BARE_TIME_BASE = Fraction(1, 1_200_000)

# Numbers of the video streams of an MPEG program stream, as FFmpeg counts them.
_PICTURE_IDS = range(0x1E0, 0x1F0)

_STILL_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image

TimedFrame = tuple[int, VideoFrame]  # ticks of the timeline, frame
if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]  # generic for type checkers only


class Reading:
    """Reads a file once, from its start or from a key frame.

    Args:
        path: the file.
        timeline: how its frames are timed; not needed for `first_frame`.
        view: which of its video streams, from 0, the main one first.

    Raises:
        VideoError: the file cannot be opened or has no pictures.
    """

    def __init__(self, path: Path, timeline: Timeline | None = None, view: int = 0) -> None:
        self.path = path
        self.container = _open(path)
        try:
            streams = _video_streams(self.container, path)
            self.views = len(streams)
            self.stream = _view(streams, view, path)
        except BaseException:
            self.container.close()
            raise
        self.traits = traits_of(self.container.format.name)
        self.skipped_packets = 0
        self.problem = ""
        """Why the file could not be read to its end, or empty."""
        self.breaks_off = False
        """The file ends within a packet."""
        self.sound_until_s = 0.0
        """End of the sound that was passed, where the header tells one length for both."""
        self._timeline = timeline
        self._clock = PresentationClock(timeline) if timeline else None
        self._sound = (
            tuple(self.container.streams.audio)
            if self.stream.duration is None and "DURATION" not in self.stream.metadata
            else ()
        )

    @property
    def clock_restarted(self) -> bool:
        """Whether the file's clock began anew among the frames so far."""
        return self._clock is not None and self._clock.restarted

    def close(self) -> None:
        """Closes the file; frames that were handed out stay valid."""
        self.container.close()

    def first_frame(self, rate_fps: float | None = None) -> tuple[VideoFrame, Timeline]:
        """The first frame that can be decoded, and how it and the others are timed.

        Args:
            rate_fps: frames a second of a bare stream, which carries no times; None: as its
                headers say.

        Raises:
            VideoError: there is none.
        """
        key: VideoPacket | None = None
        first: VideoFrame | None = None
        timeline: Timeline | None = None
        stamps: list[int | None] = []
        packets: list[int] = []
        for packet in self._packets():
            if packet is not None and packet.dts is not None:
                packets.append(packet.dts)
            if key is None and packet is not None and packet.is_keyframe:
                key = packet
            for frame in self._decode(packet):
                if first is None or timeline is None:
                    first = frame
                    timeline = _timeline(frame, key, self.stream, self.traits, rate_fps)
                stamps.append(timeline.stamp(frame))
            if len(stamps) >= FIRST_FRAMES:
                break
        if first is None or timeline is None:
            raise nothing_decodable(self.path)
        if timeline.basis == "dts":
            # An AVI header may count in parts of frames, or frames that are not there.
            steps = [later - earlier for earlier, later in pairwise(packets)]
            usual = median_low(steps) if steps else timeline.period
            return first, replace(timeline, period=max(1, usual))
        began = true_first(stamps[:FIRST_FRAMES], timeline)
        return first, replace(timeline, first=began)

    def frames(self) -> Iterator[TimedFrame]:
        """All frames in presentation order."""
        assert self._clock is not None
        return self._clock.timed(
            frame for packet in self._packets() for frame in self._decode(packet)
        )

    def frames_from(self, ticks: int) -> Iterator[TimedFrame]:
        """The frames from a key frame at or before `ticks` on; none if seeking does not work.

        Frames that the key frame does not suffice for (those shown before it, those that the
        decoder marks as incomplete) are left out: what is yielded is what a pass from the start
        yields. The caller checks that the first one is early enough.
        """
        assert self._clock is not None
        return self._clock.timed(self._frames_from(ticks))

    def _frames_from(self, ticks: int) -> Iterator[VideoFrame]:
        try:
            self.container.seek(ticks, stream=self.stream)
        except av.FFmpegError:
            return
        key: VideoPacket | None = None
        settled = False
        partial = self.traits.is_joinable
        for packet in self._packets():
            if key is None:
                if packet is None or not packet.is_keyframe:
                    continue
                if partial:  # a byte stream may be entered within a key frame
                    partial = False
                    continue
                key = packet
            for frame in self._decode(packet):
                settled = settled or self._is_settled(frame, key)
                if settled:
                    yield frame

    def _is_settled(self, frame: VideoFrame, key: VideoPacket | None) -> bool:
        """Whether a frame after a seek is decoded and timed as in a pass from the start."""
        if frame.is_corrupt or self._timeline is None or key is None:
            return False
        if self._timeline.basis == "pts":
            return frame.pts is not None and key.pts is not None and frame.pts >= key.pts
        if frame.dts is None or key.dts is None or not frame.key_frame:
            return False
        return frame.dts - key.dts == self._timeline.delay

    def rising_until(self, ticks: int) -> int:
        """Up to which tick packets carry times that only rise, without a jump.

        Looks no further than `ticks`.
        """
        last, longest = 0, round(JUMP_S / (self.stream.time_base or 1))
        for number, packet in enumerate(self._packets()):
            if packet is None:
                break
            if packet.pts is None or packet.dts is None:
                return last
            if number and not 0 < packet.dts - last <= longest:
                return last
            last = packet.dts
            if last > ticks:
                break
        return ticks

    def _packets(self) -> Iterator[VideoPacket | None]:
        """The video's packets, then None: the decoder is to hand out what it still holds."""
        failures = 0
        while True:
            try:
                for packet in self.container.demux(self.stream, *self._sound):
                    if not packet.size:  # demux ends with empty packets
                        continue
                    if packet.stream.index != self.stream.index:
                        self._hear(packet)
                        continue
                    failures = 0
                    self.breaks_off = packet.is_corrupt and self.traits.has_whole_packets
                    if self.breaks_off:
                        self.skipped_packets += 1
                    else:
                        yield cast("VideoPacket", packet)
                break
            except IndexError:
                break  # PyAV, at the end of a file in which a stream turned up late
            except av.FFmpegError as error:
                failures += 1
                if failures >= _MAX_FAILURES or not isinstance(error, av.InvalidDataError):
                    self.problem = (error.strerror or type(error).__name__).lower()
                    break
        yield None

    def _hear(self, packet: Packet[Any]) -> None:
        if packet.pts is not None:
            until_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.sound_until_s = max(until_s, self.sound_until_s)

    def _decode(self, packet: VideoPacket | None) -> list[VideoFrame]:
        try:
            return self.stream.decode(packet)
        except av.FFmpegError:
            self.skipped_packets += 1
            return []


def _open(path: Path) -> InputContainer:
    # PyAV's default, but another part of the program may have turned the log on.
    av.logging.set_level(None)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise not_a_file(path)
    try:
        # A name such as "10:32.mp4" is no protocol, and a playlist must not reach the network.
        # Titles may be in any encoding.
        return av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.FFmpegError, OSError) as error:
        raise why_unreadable(path, error) from error


def _video_streams(container: InputContainer, path: Path) -> list[VideoStream]:
    """The file's moving pictures, the main ones first, cover art and thumbnails left aside."""
    moving = [
        stream for stream in container.streams.video if not stream.disposition & _STILL_PICTURES
    ]
    if not moving:
        if any(stream.id in _PICTURE_IDS for stream in container.streams.audio):
            raise pictures_taken_for_sound(path)
        raise no_pictures(path, has_sound=bool(container.streams.audio))
    best = container.streams.best("video")
    return sorted(moving, key=lambda stream: stream is not best)


def _view(streams: Sequence[VideoStream], view: int, path: Path) -> VideoStream:
    """One of a file's video streams, ready to be decoded."""
    if view >= len(streams):
        raise VideoError(
            tr(
                "{name} has {count} video streams, not {view}.",
                name=path.name,
                count=len(streams),
                view=view + 1,
            ),
            tr("Load it again."),
        )
    stream = streams[view]
    if stream.codec_context is None:
        raise unknown_codec(path)
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}
    return stream


def _timeline(
    first: VideoFrame,
    key: VideoPacket | None,
    stream: VideoStream,
    traits: Traits,
    rate_fps: float | None,
) -> Timeline:
    rate = frame_rate(stream)
    # A bare stream: of bare JPEG pictures FFmpeg makes up times, 25 a second.
    if (first.pts is None and first.dts is None) or stream.time_base == _BARE_TIME_BASE:
        rate = Fraction(rate_fps).limit_denominator(100_000) if rate_fps else rate
        return Timeline("count", 1 / rate, 0, 1, None)
    time_base = stream.time_base or 1 / rate
    period = max(1, round(1 / (rate * time_base)))
    delay = None
    if first.key_frame and first.dts is not None and key is not None and key.dts is not None:
        delay = first.dts - key.dts
    if first.pts is not None and not traits.counts_packets:
        return Timeline("pts", time_base, first.pts, period, None)
    assert first.dts is not None
    return Timeline("dts", time_base, first.dts, period, delay)


def frame_rate(stream: VideoStream) -> Fraction:
    """Nominal frames a second, 25 where the file does not say."""
    if stream.time_base == _BARE_TIME_BASE:  # FFmpeg makes up an average for bare streams
        return stream.codec_context.framerate or stream.guessed_rate or Fraction(25)
    return stream.average_rate or stream.guessed_rate or Fraction(25)
