"""One video through decode → detect → track → embed, in threads that overlap."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType

import numpy as np

from app.core.array_file import Arrays, named, packed, those_of, unpacked
from app.core.boxes import cut_out
from app.core.chapters import ResumePoint, TrackPart
from app.core.clock import ROUNDING_S, SamplingGrid
from app.core.doubles import without_doubles
from app.core.entities import Detections, FloatArray, Frame
from app.core.errors import TruncatedVideoError
from app.core.picture_area import within_picture
from app.core.ports import Detector, Embedder, FrameSource, Tracker
from app.services.ingest.tracklet_builder import TrackletBuilder
from app.services.ingest.untangling import Untangled, Untangler
from app.services.pipeline import Channel, Stage, StoppedError

# Decoded frames that may wait: 6 MB each at 1920 × 1080.
_WAITING_FRAMES = 4
# How long an incomplete batch waits for the next frame: less than it costs to run it incomplete.
_BATCH_WAIT_S = 0.1
# Crops embedded in one call, so that Cancel need not wait long.
_EMBED_CROPS = 32
# Chapters that may wait for the embedder.
_WAITING_CHAPTERS = 2
# What is seen is stored so often at least: so much footage is analysed again after a kill, and so
# long it takes until somebody who stays can be searched. Tracks are untangled within a chapter.
CHAPTER_S = 20.0
# Of what `ResumePoint.state` holds; another version of it is not read.
_STATE_FORMAT = 2
# How long Cancel waits for a network that is in the middle of a call.
_JOIN_S = 0.8


@dataclass(frozen=True, slots=True)
class Analysed:
    """The frame at this time has been through the detector.

    Attributes:
        is_last: no further one comes; what remains is to describe who was found.
    """

    time_s: float
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """Who was found before this time has been through the embedder."""

    time_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Chapter:
    """What a stretch of the video added, ready to be stored.

    Attributes:
        tracklets: those that are new or go on.
        settled: where a later ingest may go on once these are stored.
    """

    tracklets: tuple[Untangled, ...]
    settled: ResumePoint


@dataclass(frozen=True, slots=True)
class VideoEnd:
    """The last outcome.

    Attributes:
        frame_count: decoded frames of the whole video.
        duration_s: time of the last frame.
        problem: why the video ended early, or empty.
        tracklets: what the last chapter added.
    """

    frame_count: int
    duration_s: float
    problem: str
    tracklets: tuple[Untangled, ...] = ()


Outcome = Analysed | Described | Chapter | VideoEnd
_Found = tuple[Frame, Detections]


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What the tracks added in a chapter.

    Attributes:
        until_s: when it ended.
        next_frame: number of the next analysed frame; None at the end of the video.
        state: of tracker and builder.
    """

    parts: list[TrackPart]
    until_s: float
    next_frame: int | None
    state: Arrays


def can_resume(state: bytes) -> bool:
    """Whether this version of the program can go on from what an earlier analysis knew."""
    if not state:
        return True
    try:
        return bool(unpacked(state)["format"] == _STATE_FORMAT)
    except (ValueError, KeyError):
        return False


class VideoAnalysis:
    """Runs the stages of one video; use as a context manager, leaving it stops the threads.

    Args:
        open_source: opens the video; called in the decoding thread.
        detector: finds people.
        tracker: a fresh one.
        embedder: makes vectors.
        camera: camera name, for embedders with camera side information.
        analysed_fps: frames per second of video that are looked at.
        start: where to begin; its state passes `can_resume`.
        first_number: number of the first tracklet, where that state is empty.
    """

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        detector: Detector,
        tracker: Tracker,
        embedder: Embedder,
        camera: str,
        analysed_fps: float,
        start: ResumePoint,
        first_number: int,
    ) -> None:
        self._open_source = open_source
        self._detector = detector
        self._tracker = tracker
        self._embedder = embedder
        self._camera = camera
        self._grid = SamplingGrid(analysed_fps)
        self._start = start
        self._builder = TrackletBuilder()
        self._untangler = Untangler(first_number)
        if start.state:
            state = unpacked(start.state)
            tracker.restore(those_of("tracker", state))
            self._builder.restore(those_of("builder", state))
            self._untangler.restore(those_of("untangler", state))
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._frames: Channel[Frame | VideoEnd] = Channel(_WAITING_FRAMES, self._stop)
        self._found: Channel[_Found | VideoEnd] = Channel(_WAITING_FRAMES, self._stop)
        self._parts: Channel[_Parts | VideoEnd] = Channel(_WAITING_CHAPTERS, self._stop)
        self._outcomes: Channel[Outcome] = Channel(64, self._stop)
        self._stages = [
            Stage("decode", self._decode, self._fail),
            Stage("detect", self._detect, self._fail),
            Stage("track", self._track, self._fail),
            Stage("embed", self._embed, self._fail),
        ]

    def __enter__(self) -> VideoAnalysis:
        for stage in self._stages:
            stage.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        deadline = time.monotonic() + _JOIN_S
        for stage in self._stages:
            stage.join(max(0.0, deadline - time.monotonic()))

    def outcomes(self, beat_s: float) -> Iterator[Outcome | None]:
        """What comes out, in order; None whenever nothing did for `beat_s` seconds.

        Raises:
            VideoError: the video cannot be decoded at all.
        """
        while True:
            try:
                outcome = self._outcomes.get(beat_s)
            except StoppedError:
                if self._error is not None:
                    raise self._error from None
                return
            yield outcome
            if isinstance(outcome, VideoEnd):
                return

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._stop.set()

    def _decode(self) -> None:
        source = self._open_source()
        problem, frame_count, last_s = "", self._start.frame_index, self._start.time_s
        try:
            for decoded in source.frames(self._start.time_s, self._start.frame_index):
                if self._stop.is_set():
                    return
                frame_count, last_s = decoded.index + 1, decoded.time_s
                if self._grid.wants(decoded.time_s):
                    self._frames.put(Frame(decoded.index, decoded.time_s, decoded.image()))
        except TruncatedVideoError as error:
            problem = error.message
        finally:
            source.close()
        self._frames.put(VideoEnd(frame_count, last_s, problem))

    def _detect(self) -> None:
        while True:
            batch, end = self._next_frames()
            found = self._detector.detect([frame.image for frame in batch]) if batch else []
            for frame, detections in zip(batch, found, strict=True):
                people = without_doubles(within_picture(frame.image, detections))
                self._found.put((frame, people))
            if end is not None:
                self._found.put(end)
                return

    def _track(self) -> None:
        builder = self._builder
        cell = math.floor((self._start.time_s + ROUNDING_S) / CHAPTER_S)
        last_s, is_quiet = self._start.time_s, False
        while True:
            item = self._found.get()
            if isinstance(item, VideoEnd):
                self._outcomes.put(Analysed(last_s, is_last=True))
                builder.close(self._tracker.finish())
                self._parts.put(_Parts(builder.chapter(), last_s, None, {}))
                self._parts.put(item)
                return
            if item is None:
                continue
            frame, detections = item
            now_cell = math.floor((frame.time_s + ROUNDING_S) / CHAPTER_S)
            if now_cell > cell or is_quiet:
                cell = now_cell
                self._parts.put(self._chapter_before(frame))
            step = self._tracker.update(
                detections, frame.time_s, partial(self._look, frame, detections)
            )
            builder.add(frame, step)
            last_s = frame.time_s
            # Nobody is followed: what there is can be stored at once.
            is_quiet = step.alive == 0 and builder.has_ended
            self._outcomes.put(Analysed(frame.time_s))

    def _look(self, frame: Frame, detections: Detections, rows: Sequence[int]) -> FloatArray:
        """Vectors of some people of a frame, float32 (n, D), for the tracker."""
        if self._stop.is_set():
            raise StoppedError
        images = [cut_out(frame.image, detections.boxes[row]) for row in rows]
        return self._embedder.embed(images, [self._camera] * len(images))

    def _chapter_before(self, frame: Frame) -> _Parts:
        """All that was seen since the chapter before, without this frame."""
        parts = self._builder.chapter()
        state = named("tracker", self._tracker.state()) | named("builder", self._builder.state())
        return _Parts(parts, frame.time_s, frame.index, state)

    def _next_frames(self) -> tuple[list[Frame], VideoEnd | None]:
        """The next frames, as many as the detector takes best unless they are slow to come."""
        batch: list[Frame] = []
        while len(batch) < self._detector.batch_size:
            item = self._frames.get(_BATCH_WAIT_S if batch else None)
            if isinstance(item, VideoEnd):
                return batch, item
            if item is None:
                break
            batch.append(item)
        return batch, None

    def _embed(self) -> None:
        last: tuple[Untangled, ...] = ()
        since_s = self._start.time_s
        while True:
            item = self._parts.get()
            if isinstance(item, VideoEnd):
                self._outcomes.put(replace(item, tracklets=last))
                return
            if item is None:
                continue
            vectors = self._vectors(item.parts, since_s, item.until_s)
            since_s = item.until_s
            tracklets = tuple(self._untangler.chapter(item.parts, vectors, item.until_s))
            if item.next_frame is None:
                last = tracklets
            else:
                state = packed(
                    {"format": np.array(_STATE_FORMAT)}
                    | item.state
                    | named("untangler", self._untangler.state())
                )
                settled = ResumePoint(item.until_s, item.next_frame, state)
                self._outcomes.put(Chapter(tracklets, settled))

    def _vectors(self, parts: list[TrackPart], since_s: float, until_s: float) -> list[FloatArray]:
        """Embeddings of each part's crops, float32 (n, D), L2-normalised.

        In the same calls in every run: the last bits may depend on what is in one call.
        """
        images = [crop.image for part in parts for crop in part.crops]
        chunks = []
        for first in range(0, len(images), _EMBED_CROPS):
            if self._stop.is_set():
                raise StoppedError
            some = images[first : first + _EMBED_CROPS]
            chunks.append(self._embedder.embed(some, [self._camera] * len(some)))
            share = (first + len(some)) / len(images)
            self._outcomes.put(Described(since_s + share * (until_s - since_s)))
        if not parts:
            self._outcomes.put(Described(until_s))
            return []
        ends = np.cumsum([len(part.crops) for part in parts])
        return np.split(np.concatenate(chunks), ends[:-1])
