"""One video through decode → detect → track → embed, in threads that overlap."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from types import TracebackType

import numpy as np

from app.core.clock import SamplingGrid
from app.core.entities import Detections, FinishedTrack, FloatArray, Frame, ResumePoint
from app.core.errors import TruncatedVideoError
from app.core.picture_area import within_picture
from app.core.ports import Detector, Embedder, FrameSource, Tracker
from app.services.mean_vectors import mean_vectors
from app.services.pipeline import Channel, Stage, StoppedError
from app.services.tracklet_builder import TrackletBuilder

# Decoded frames that may wait: 6 MB each at 1920 × 1080.
_WAITING_FRAMES = 4
# How long an incomplete batch waits for the next frame: less than it costs to run it incomplete.
_BATCH_WAIT_S = 0.1
# Crops embedded in one call; fewer when the stage would otherwise idle.
_EMBED_CROPS = 32
# A finished track waits no longer than this for others to be embedded with it.
_EMBED_WAIT_S = 1.0
# How long Cancel waits for a network that is in the middle of a call.
_JOIN_S = 0.8


@dataclass(frozen=True, slots=True)
class Analysed:
    """The frame at this time has been through the detector."""

    time_s: float


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedTracks:
    """Finished tracks, ready to be stored.

    Attributes:
        vectors: float32 (n, D), L2-normalised: the mean over each track's crops.
        settled: where a later ingest may start again once these are stored, or None.
    """

    tracks: tuple[FinishedTrack, ...]
    vectors: FloatArray
    settled: ResumePoint | None


@dataclass(frozen=True, slots=True)
class VideoEnd:
    """The last outcome.

    Attributes:
        frame_count: decoded frames of the whole video.
        duration_s: time of the last frame.
        problem: why the video ended early, or empty.
    """

    frame_count: int
    duration_s: float
    problem: str


Outcome = Analysed | EmbeddedTracks | VideoEnd
_Found = tuple[Frame, Detections]


class VideoAnalysis:
    """Runs the stages of one video; use as a context manager, leaving it stops the threads.

    Args:
        open_source: opens the video; called in the decoding thread.
        detector: finds people.
        tracker: a fresh one.
        embedder: makes vectors.
        camera: camera name, for embedders with camera side information.
        analysed_fps: frames per second of video that are looked at.
        start: where to begin.
        first_number: number of the first track that is finished.
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
        self._numbers = count(first_number)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._frames: Channel[Frame | VideoEnd] = Channel(_WAITING_FRAMES, self._stop)
        self._found: Channel[_Found | VideoEnd] = Channel(_WAITING_FRAMES, self._stop)
        self._tracks: Channel[FinishedTrack | ResumePoint | VideoEnd] = Channel(64, self._stop)
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
                self._found.put((frame, within_picture(frame.image, detections)))
            if end is not None:
                self._found.put(end)
                return

    def _track(self) -> None:
        builder = TrackletBuilder()
        while True:
            item = self._found.get()
            if isinstance(item, VideoEnd):
                for track in builder.close(self._tracker.finish()):
                    self._tracks.put(track)
                self._tracks.put(item)
                return
            if item is None:
                continue
            frame, detections = item
            step = self._tracker.update(detections, frame.time_s)
            for track in builder.add(frame, step):
                self._tracks.put(track)
            if step.alive == 0:
                # Nobody is followed: a fresh tracker starting here would do the same.
                self._tracks.put(ResumePoint(frame.time_s, frame.index))
            self._outcomes.put(Analysed(frame.time_s))

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
        waiting: list[FinishedTrack] = []
        settled: ResumePoint | None = None
        since = time.monotonic()
        while True:
            item = self._tracks.get(_EMBED_WAIT_S / 2)
            if not waiting and settled is None:
                since = time.monotonic()
            if isinstance(item, FinishedTrack):
                waiting.append(replace(item, track_id=next(self._numbers)))
            elif isinstance(item, ResumePoint):
                settled = item
            full = sum(len(track.crops) for track in waiting) >= _EMBED_CROPS
            late = time.monotonic() - since >= _EMBED_WAIT_S
            if (waiting or settled) and (full or late or isinstance(item, VideoEnd)):
                self._outcomes.put(EmbeddedTracks(tuple(waiting), self._vectors(waiting), settled))
                waiting, settled = [], None
            if isinstance(item, VideoEnd):
                self._outcomes.put(item)
                return

    def _vectors(self, tracks: list[FinishedTrack]) -> FloatArray:
        """Mean embedding of each track's crops, float32 (n, D), L2-normalised."""
        images = [crop.image for track in tracks for crop in track.crops]
        if not images:
            return np.zeros((0, self._embedder.dimension), np.float32)
        chunks = [
            self._embedder.embed(
                images[first : first + _EMBED_CROPS],
                [self._camera] * len(images[first : first + _EMBED_CROPS]),
            )
            for first in range(0, len(images), _EMBED_CROPS)
            if not self._stop.is_set()
        ]
        if self._stop.is_set():
            raise StoppedError
        qualities = [crop.quality for track in tracks for crop in track.crops]
        counts = [len(track.crops) for track in tracks]
        return mean_vectors(np.concatenate(chunks), counts, qualities)
