"""Folder of footage → stored tracklets, as a generator of events; closing it cancels."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.core.entities import ModelFile, Video, VideoInfo, VideoStatus
from app.core.errors import VideoError
from app.core.events import (
    IngestEvent,
    IngestSummary,
    Progress,
    TrackletStored,
    VideoFailed,
    VideoFinished,
    VideoSkipped,
    VideoStarted,
)
from app.core.ports import FrameSource, Tracker
from app.services.networks import Networks
from app.services.pipeline import in_background
from app.services.search import Search
from app.services.sources import SourceFile, find_sources, source_files
from app.services.video_analysis import Analysed, EmbeddedTracks, VideoAnalysis
from app.storage.library import Library

logger = logging.getLogger(__name__)
R = TypeVar("R")

# A generator that is silent for longer than 0.3 s cannot be cancelled in time.
_BEAT_S = 0.2
_HASH_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How a folder is loaded.

    Attributes:
        camera_by: see `app.services.sources.find_sources`.
        fps: analysed frames per second of video.
        sequence_fps: frame rate of image sequences, or None: from their names.
        detector: weights file or installed name, or None: see `app.services.model_choice`.
        embedder: likewise.
        device: "auto", "cpu", "cuda:0", …; None: from the settings.
        again: analyse finished videos anew.
    """

    camera_by: str = "auto"
    fps: float = 5.0
    sequence_fps: float | None = None
    detector: str | None = None
    embedder: str | None = None
    device: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class IngestParts:
    """The concrete classes that an ingest works with.

    Attributes:
        open_source: (source, its frame rate if given) → opened video; raises VideoError.
        make_tracker: analysed frames per second → a fresh tracker.
    """

    open_source: Callable[[SourceFile, float | None], FrameSource]
    make_tracker: Callable[[float], Tracker]


@dataclass(slots=True)
class _Run:
    """How one call stands."""

    began: float = field(default_factory=time.monotonic)
    analysing_since: float | None = None
    total_s: float = 0.0
    behind_s: float = 0.0  # footage of videos that are through
    current_s: float = 0.0  # footage of the current video that is through
    skipped_s: float = 0.0  # part of the above that was not analysed by this call
    people: int = 0
    done: int = 0
    skipped: int = 0
    failed: list[VideoFailed] = field(default_factory=list)
    partial: list[VideoFinished] = field(default_factory=list)

    def progress(self, step: str) -> Progress:
        done_s = self.behind_s + self.current_s
        analysed_s = done_s - self.skipped_s
        rate = None
        if self.analysing_since is not None and analysed_s > 0:
            rate = analysed_s / max(time.monotonic() - self.analysing_since, 1e-6)
        left_s = max(0.0, self.total_s - done_s)
        eta_s = left_s / rate if rate else None
        return Progress(step, done_s, self.total_s or None, self.people, rate, eta_s)

    def summary(self) -> IngestSummary:
        return IngestSummary(
            done=self.done,
            skipped=self.skipped,
            people=self.people,
            footage_s=self.behind_s - self.skipped_s,
            elapsed_s=time.monotonic() - self.began,
            failed=tuple(self.failed),
            partial=tuple(self.partial),
        )


class Ingest:
    """Loads folders into one library.

    Args:
        library: where people are stored.
        search: told of what is stored and removed, so that it is found at once.
        networks: the library's detector and embedder.
        parts: the concrete classes to work with.
    """

    def __init__(
        self, library: Library, search: Search, networks: Networks, parts: IngestParts
    ) -> None:
        self._library = library
        self._search = search
        self._networks = networks
        self._parts = parts

    def run(self, folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        """Loads every video below `folder` that is not stored yet.

        A broken video is reported and the rest goes on; an interrupted one is continued where
        nobody was followed; a finished one is left alone unless `options.again`. Yields at least
        every 0.3 s; closing the generator stops within a second and loses nothing.

        Raises:
            UsageError: the folder is missing or holds no footage.
            ModelError: no detector or embedder is known, or one cannot be loaded.
            LibraryError: the library can no longer be written to.
        """
        folder = folder.expanduser().resolve()
        sources = find_sources(folder, options.camera_by)
        root = folder if folder.is_dir() else folder.parent
        detector = self._networks.choose("detector", options.detector)
        embedder = self._networks.choose("embedder", options.embedder)
        run = _Run()
        readable = yield from self._probe(run, root, sources, options)
        for source, info in readable:
            try:
                yield from self._take(run, root, source, info, options, detector, embedder)
            except OSError as error:
                gone = VideoError(
                    f"{source.path.name} can no longer be read: {error.strerror}.",
                    "Make it readable and load the folder again.",
                )
                yield self._failed(run, root, source, gone)
            run.behind_s += info.duration_s or run.current_s
            run.current_s = 0.0
        yield run.progress("Done")
        yield run.summary()

    # Videos -------------------------------------------------------------------------------------

    def _open(self, source: SourceFile, fps: float | None) -> VideoInfo:
        opened = self._parts.open_source(source, fps)
        opened.close()
        return opened.info

    def _probe(
        self, run: _Run, root: Path, sources: list[SourceFile], options: IngestOptions
    ) -> Generator[IngestEvent, None, list[tuple[SourceFile, VideoInfo]]]:
        """Opens every video once: total length, and what cannot be read at all."""
        readable: list[tuple[SourceFile, VideoInfo]] = []
        for number, source in enumerate(sources, 1):
            step = f"Looking at video {number} of {len(sources)}"
            yield run.progress(step)
            try:
                opening = partial(self._open, source, options.sequence_fps)
                info = yield from _beating(run, step, opening)
            except VideoError as error:
                yield self._failed(run, root, source, error)
                continue
            run.total_s += info.duration_s or 0.0
            readable.append((source, info))
        return readable

    def _failed(
        self,
        run: _Run,
        root: Path,
        source: SourceFile,
        error: VideoError,
        video: Video | None = None,
    ) -> VideoFailed:
        logger.info("cannot read %s: %s", source.path, error)
        failed = VideoFailed(source.path, error)
        run.failed.append(failed)
        if video is None:
            path = _stored_path(source)
            if any(known.path == path and known.tracklet_count for known in self._library.videos()):
                return failed  # the footage is out of reach now; its people stay
            info = VideoInfo(source.path, source.camera, 0, 0, 0.0, None, None)
            size_bytes, mtime_ns = _fingerprint(source)
            video = self._library.add_video(root, info, "", size_bytes, mtime_ns)
        self._library.finish_video(video.id, VideoStatus.FAILED, problem=error.message)
        return failed

    def _take(
        self,
        run: _Run,
        root: Path,
        source: SourceFile,
        info: VideoInfo,
        options: IngestOptions,
        detector: ModelFile,
        embedder: ModelFile,
    ) -> Iterator[IngestEvent]:
        """One video: skipped, continued, or analysed from its start."""
        video, other = yield from self._register(run, root, source, info)
        skipped = self._reason_to_skip(video, other, options, detector)
        if skipped is not None:
            run.skipped += 1
            run.skipped_s += info.duration_s or 0.0
            if video.status is VideoStatus.PARTIAL and not other:
                run.partial.append(_as_finished(video))
            yield skipped
            return
        networks, device = self._networks, options.device
        finder = yield from _beating(
            run, f"Loading {detector.path.name}", lambda: networks.detector(detector, device)
        )
        encoder = yield from _beating(
            run, f"Loading {embedder.path.name}", lambda: networks.embedder(embedder, device)
        )
        self._library.remember_model("detector", detector)
        self._library.remember_model("embedder", embedder)
        same_way = (video.analysed_fps, video.detector_id) == (options.fps, detector.id)
        to_start = options.again or not same_way or video.status is not VideoStatus.INGESTING
        start = self._library.rewind_video(video.id, to_start=to_start)
        if video.tracklet_count:
            self._search.reset()
        self._library.begin_video(video.id, options.fps, detector.id)
        run.analysing_since = run.analysing_since or time.monotonic()
        run.current_s, run.skipped_s = start.time_s, run.skipped_s + start.time_s
        yield VideoStarted(video.path, video.camera.name, video.id, start.time_s)
        analysis = VideoAnalysis(
            lambda: self._parts.open_source(source, options.sequence_fps),
            finder,
            self._parts.make_tracker(options.fps),
            encoder,
            video.camera.name,
            options.fps,
            start,
            first_number=1 + len(self._library.tracklets_of(video.id)),
        )
        try:
            yield from self._follow(run, video, analysis, embedder.id)
        except VideoError as error:
            yield self._failed(run, root, source, error, video)

    def _register(
        self, run: _Run, root: Path, source: SourceFile, info: VideoInfo
    ) -> Generator[IngestEvent, None, tuple[Video, Video | None]]:
        """The video's row, and another video with the same content if there is one."""
        content_hash = yield from self._hash(run, source)
        size_bytes, mtime_ns = _fingerprint(source)
        twins = self._library.videos_with_content(content_hash)
        for twin in twins:
            if twin.path == info.path:
                return twin, None
        for twin in twins:
            if not twin.path.exists():
                moved = self._library.move_video(twin.id, root, info.path, size_bytes, mtime_ns)
                return moved, None
        for twin in twins:
            if twin.status in (VideoStatus.DONE, VideoStatus.PARTIAL):
                return twin, twin
        return self._library.add_video(root, info, content_hash, size_bytes, mtime_ns), None

    def _hash(self, run: _Run, source: SourceFile) -> Generator[IngestEvent, None, str]:
        """SHA-256 of the content; of an image sequence: of its names and contents in order."""
        known = self._library.known_hash(_stored_path(source), *_fingerprint(source))
        if known:
            return known
        digest = hashlib.sha256()
        last_beat = time.monotonic()
        for path in source_files(source):
            if source.kind == "sequence":
                digest.update(path.name.encode())
            with path.open("rb") as file:
                while chunk := file.read(_HASH_CHUNK_BYTES):
                    digest.update(chunk)
                    if time.monotonic() - last_beat >= _BEAT_S:
                        last_beat = time.monotonic()
                        yield run.progress(f"Checking {source.path.name}")
        return digest.hexdigest()

    @staticmethod
    def _reason_to_skip(
        video: Video, other: Video | None, options: IngestOptions, detector: ModelFile
    ) -> VideoSkipped | None:
        if other is not None:
            reason = f"It has the same content as {other.path}, which is stored already."
            return VideoSkipped(video.path, video.id, reason, differs=False)
        if options.again or video.status not in (VideoStatus.DONE, VideoStatus.PARTIAL):
            return None
        if (video.analysed_fps, video.detector_id) == (options.fps, detector.id):
            return VideoSkipped(video.path, video.id, "It is stored already.", differs=False)
        reason = (
            f"It was analysed at {video.analysed_fps:g} frames per second with "
            f"{video.detector_id}, not at {options.fps:g} with {detector.id}; "
            "add --again to have it done anew."
        )
        return VideoSkipped(video.path, video.id, reason, differs=True)

    # Analysis -----------------------------------------------------------------------------------

    def _follow(
        self, run: _Run, video: Video, analysis: VideoAnalysis, embedder_id: str
    ) -> Iterator[IngestEvent]:
        """Stores what the stages bring, and says so."""
        step = f"{video.camera.name}/{video.path.name}"
        people_before, last_beat = run.people, 0.0
        with analysis:
            for outcome in analysis.outcomes(_BEAT_S):
                if isinstance(outcome, Analysed):
                    run.current_s = max(run.current_s, outcome.time_s)
                elif isinstance(outcome, EmbeddedTracks):
                    yield from self._store(run, video, outcome, embedder_id)
                elif outcome is not None:
                    status = VideoStatus.PARTIAL if outcome.problem else VideoStatus.DONE
                    self._library.finish_video(
                        video.id,
                        status,
                        problem=outcome.problem,
                        frame_count=outcome.frame_count,
                        duration_s=outcome.duration_s,
                    )
                    people = run.people - people_before
                    finished = VideoFinished(video.path, video.id, people, status, outcome.problem)
                    run.done += 1
                    if outcome.problem:
                        run.partial.append(finished)
                    yield finished
                if outcome is None or time.monotonic() - last_beat >= _BEAT_S:
                    last_beat = time.monotonic()
                    yield run.progress(step)

    def _store(
        self, run: _Run, video: Video, outcome: EmbeddedTracks, embedder_id: str
    ) -> Iterator[IngestEvent]:
        stored = self._library.store_tracklets(
            video.id, outcome.tracks, outcome.vectors, embedder_id
        )
        if outcome.settled is not None:
            self._library.commit_video(
                video.id, outcome.settled.time_s, outcome.settled.frame_index
            )
        self._search.stored([tracklet.id for tracklet in stored])
        run.people += len(stored)
        for tracklet in stored:
            yield TrackletStored(tracklet.id, video.id)


def _beating(run: _Run, step: str, work: Callable[[], R]) -> Generator[IngestEvent, None, R]:
    """Runs `work` in the background and yields progress until it is through."""
    waiting = in_background(work, _BEAT_S)
    while True:
        try:
            next(waiting)
        except StopIteration as end:
            result: R = end.value
            return result
        yield run.progress(step)


def _as_finished(video: Video) -> VideoFinished:
    return VideoFinished(video.path, video.id, 0, video.status, video.problem)


def _stored_path(source: SourceFile) -> Path:
    """The path under which the library knows a source: of a sequence, its first frame."""
    return source.path if source.kind == "file" else source_files(source)[0]


def _fingerprint(source: SourceFile) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns, over all files of the source."""
    stats = [path.stat() for path in source_files(source) if path.exists()]
    return sum(stat.st_size for stat in stats), max((stat.st_mtime_ns for stat in stats), default=0)
