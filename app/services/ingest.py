"""Folder of footage → stored tracklets, as a generator of events; closing it cancels."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.core.entities import ModelFile, Video, VideoInfo, VideoStatus
from app.core.errors import VideoError
from app.core.events import (
    IngestEvent,
    NetworksChosen,
    TrackletStored,
    VideoFailed,
    VideoFinished,
    VideoStarted,
)
from app.core.ports import FrameSource, Tracker
from app.services.ingest_progress import IngestRun, beating
from app.services.model_choice import LARGER_FINDS_MORE
from app.services.networks import Networks
from app.services.pipeline import BEAT_S
from app.services.registration import Registration, reason_to_skip
from app.services.search import Search
from app.services.sources import (
    SourceFile,
    find_sources,
    fingerprint,
    is_storable,
    reading,
    source_files,
)
from app.services.video_analysis import Analysed, EmbeddedTracks, VideoAnalysis
from app.settings import is_bundled
from app.storage.library import Library

logger = logging.getLogger(__name__)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How a folder is loaded.

    Attributes:
        camera_by: see `app.services.sources.find_sources`.
        fps: analysed frames per second of video.
        rate_fps: frame rate of footage without one (image sequences, bare streams), or None: as
            their names or streams say.
        zone: of the recorders' clocks, or None: the library's.
        detector: weights file or installed name, or None: see `app.services.model_choice`.
        embedder: likewise.
        device: "auto", "cpu", "cuda:0", …; None: from the settings.
        again: analyse finished videos anew.
    """

    camera_by: str = "auto"
    fps: float = 5.0
    rate_fps: float | None = None
    zone: tzinfo | None = None
    detector: str | None = None
    embedder: str | None = None
    device: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class IngestParts:
    """The concrete classes that an ingest works with.

    Attributes:
        open_source: (source, its frame rate if given, zone of its clock if given) → opened video;
            raises VideoError.
        make_tracker: analysed frames per second → a fresh tracker.
    """

    open_source: Callable[[SourceFile, float | None, tzinfo | None], FrameSource]
    make_tracker: Callable[[float], Tracker]


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
        self._registration = Registration(library, search)

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
        run = IngestRun()
        sources = yield from beating(
            run, f"Looking into {folder.name}", lambda: find_sources(folder, options.camera_by)
        )
        root = folder if folder.is_dir() else folder.parent
        detector, embedder = self._networks.choose_both(options.detector, options.embedder)
        readable = yield from self._probe(run, root, sources, options)
        for source, info in readable:
            try:
                yield from self._take(run, root, source, info, options, detector, embedder)
            except VideoError as error:
                yield self._failed(run, root, source, error)
            run.leave_video(info.duration_s)
        yield run.progress("Done")
        yield run.summary()

    # Videos -------------------------------------------------------------------------------------

    def _open(self, source: SourceFile, options: IngestOptions) -> FrameSource:
        with reading(source):
            return self._parts.open_source(source, options.rate_fps, options.zone)

    def _info(self, source: SourceFile, options: IngestOptions) -> VideoInfo:
        if not is_storable(source):
            name = os.fsencode(source.path.name).decode("utf-8", "replace")
            raise VideoError(
                f"{name} cannot be stored: its path is not written in UTF-8.",
                "Rename the file, or the folder it lies in, and load the folder again.",
            )
        opened = self._open(source, options)
        opened.close()
        return opened.info

    def _probe(
        self, run: IngestRun, root: Path, sources: list[SourceFile], options: IngestOptions
    ) -> Generator[IngestEvent, None, list[tuple[SourceFile, VideoInfo]]]:
        """Opens every video once: total length, and what cannot be read at all."""
        readable: list[tuple[SourceFile, VideoInfo]] = []
        for number, source in enumerate(sources, 1):
            step = f"Looking at video {number} of {len(sources)}"
            yield run.progress(step)
            try:
                info = yield from beating(run, step, partial(self._info, source, options))
            except VideoError as error:
                yield self._failed(run, root, source, error)
                continue
            run.total_s += info.duration_s or 0.0
            readable.append((source, info))
        return readable

    def _failed(
        self,
        run: IngestRun,
        root: Path,
        source: SourceFile,
        error: VideoError,
        video: Video | None = None,
    ) -> VideoFailed:
        logger.info("cannot read %s: %s", source.path, error)
        failed = VideoFailed(source.path, error)
        run.failed.append(failed)
        if video is None:
            path = next(iter(source_files(source)), None)
            if path is None or not is_storable(source):
                return failed
            known = self._library.video_at(path)
            if known is not None and known.tracklet_count:
                return failed  # the footage is out of reach now; its people stay
            info = VideoInfo(path, source.camera, 0, 0, 0.0, None, None)
            size_bytes, mtime_ns = fingerprint(source)
            video = self._library.add_video(root, info, "", size_bytes, mtime_ns)
        self._library.finish_video(video.id, VideoStatus.FAILED, problem=error.message)
        return failed

    def _take(
        self,
        run: IngestRun,
        root: Path,
        source: SourceFile,
        info: VideoInfo,
        options: IngestOptions,
        detector: ModelFile,
        embedder: ModelFile,
    ) -> Iterator[IngestEvent]:
        """One video: skipped, continued, or analysed from its start."""
        video, other = yield from self._registration.of(run, root, source, info, options)
        skipped = reason_to_skip(video, other, info, options, detector)
        if skipped is not None:
            run.skipped += 1
            run.current_s = info.duration_s or 0.0
            run.skipped_s += run.current_s
            if video.status is VideoStatus.PARTIAL and not other:
                run.partial.append(_as_finished(video))
            yield skipped
            return
        networks, device = self._networks, options.device
        finder = yield from beating(
            run, f"Loading {detector.path.name}", lambda: networks.detector(detector, device)
        )
        encoder = yield from beating(
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
        if run.analysing_since is None:
            run.analysing_since = time.monotonic()
            note = LARGER_FINDS_MORE if is_bundled(detector.path) else ""
            yield NetworksChosen(detector, embedder, note)
        run.current_s, run.skipped_s = start.time_s, run.skipped_s + start.time_s
        yield VideoStarted(video.path, video.camera.name, video.id, start.time_s)
        analysis = VideoAnalysis(
            lambda: self._open(source, options),
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

    # Analysis -----------------------------------------------------------------------------------

    def _follow(
        self, run: IngestRun, video: Video, analysis: VideoAnalysis, embedder_id: str
    ) -> Iterator[IngestEvent]:
        """Stores what the stages bring, and says so."""
        step = f"{video.camera.name}/{video.path.name}"
        people_before, last_beat = run.people, 0.0
        with analysis:
            for outcome in analysis.outcomes(BEAT_S):
                if isinstance(outcome, Analysed):
                    run.current_s = max(run.current_s, outcome.time_s)
                elif isinstance(outcome, EmbeddedTracks):
                    yield from self._store(run, video, outcome, embedder_id)
                elif outcome is not None:
                    run.current_s = outcome.duration_s
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
                if outcome is None or time.monotonic() - last_beat >= BEAT_S:
                    last_beat = time.monotonic()
                    yield run.progress(step)

    def _store(
        self, run: IngestRun, video: Video, outcome: EmbeddedTracks, embedder_id: str
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


def _as_finished(video: Video) -> VideoFinished:
    return VideoFinished(video.path, video.id, 0, video.status, video.problem)
