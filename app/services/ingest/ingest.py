"""Folder of footage → stored tracklets, as a generator of events; closing it cancels."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.core.entities import ModelFile, Video, VideoInfo, VideoStatus
from app.core.errors import UsageError, UserFacingError, VideoError
from app.core.events import (
    IngestEvent,
    NetworksChosen,
    QueuePaused,
    TrackletStored,
    VideoFailed,
    VideoFinished,
    VideoStarted,
)
from app.core.networks import NamedModels
from app.core.ports import FrameSource
from app.language import tr
from app.services.footage.growth import Growth
from app.services.footage.sources import fingerprint, is_readable, reading
from app.services.footage.watching import changes
from app.services.ingest.chapter_store import store_chapter
from app.services.ingest.crash_note import CrashNote
from app.services.ingest.ingest_options import IngestOptions, IngestParts
from app.services.ingest.ingest_progress import IngestRun, beating
from app.services.ingest.ordering import Ordering
from app.services.ingest.registration import Registration, reason_to_skip
from app.services.ingest.turns import Turn, turn_of
from app.services.ingest.untangling import Untangled
from app.services.ingest.video_analysis import (
    Analysed,
    Chapter,
    Described,
    VideoAnalysis,
    can_resume,
)
from app.services.networks.model_choice import LARGER_FINDS_MORE
from app.services.networks.networks import Networks
from app.services.pipeline import BEAT_S
from app.services.search.search import Search
from app.settings import is_bundled
from app.storage.library import Library

logger = logging.getLogger(__name__)
_Note = Callable[[], None]
# Part of the work on a second of footage that the embedder does, where people are in view.
_DESCRIBING = 1 / 3


class Ingest:
    """Loads folders into one library.

    Attributes:
        ordering: puts footage into the queue; a running job takes it.

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
        self.ordering = Ordering(library, search)
        self._crash_note = CrashNote(library.folder)

    def run(self, folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        """Orders every video below `folder`, then takes what is in the queue until it is empty.

        A broken video is reported and the rest goes on; an interrupted one is continued where
        it was last stored; a finished one is left alone unless `options.again`. Yields at least
        every 0.3 s; closing the generator stops within a second and loses nothing: the rest stays
        in the queue. While the queue is paused, by whatever program, it waits.

        Raises:
            UsageError: the folder is missing or holds no footage.
            ModelError: no detector or embedder is known, or one cannot be loaded.
            LibraryError: the library can no longer be written to.
        """
        run = IngestRun()
        yield from self.ordering.order(folder, options, run=run)
        yield from self._take_queue(run, NamedModels())
        yield run.summary(self._library.excluded())

    def go_on(self, named: NamedModels | None = None) -> Iterator[IngestEvent]:
        """Takes what is in the queue until it is empty; like `run`, without ordering anything.

        Args:
            named: networks for videos whose order named none.
        """
        run = IngestRun()
        yield from self._take_queue(run, named or NamedModels())
        yield run.summary(self._library.excluded())

    def watch(self, folder: Path, options: IngestOptions) -> Iterator[IngestEvent]:
        """Ingests a folder and whatever is added to it, until it is closed; like `run`.

        Raises:
            UsageError: the folder is missing at the beginning.
        """
        run = IngestRun()
        folder = folder.expanduser().resolve()
        if not folder.is_dir():
            raise UsageError(
                tr("{folder} cannot be watched: it is not a folder.", folder=folder),
                tr("Check the path."),
            )
        was_paused = False
        for changed in changes([folder]):
            if changed:
                yield from self.ordering.order_new(run, folder, options)
            waiting, is_paused = self._library.queued_ids(), self._library.is_queue_paused
            if waiting and is_paused and not was_paused:
                yield QueuePaused(len(waiting))
            was_paused = bool(waiting) and is_paused
            if waiting and not is_paused:
                yield from self._take_queue(run, NamedModels(), waits=False)
            yield run.progress(
                tr("Watching {folder}, paused", folder=folder.name)
                if was_paused
                else tr("Watching {folder}", folder=folder.name)
            )

    # Queue --------------------------------------------------------------------------------------

    def _take_queue(
        self, run: IngestRun, named: NamedModels, *, waits: bool = True
    ) -> Iterator[IngestEvent]:
        """Takes what is in the queue.

        Args:
            run: the ingest that it is a part of.
            named: networks for videos whose order named none.
            waits: for files that are still being written, and while the queue is paused.
        """
        crashed_at = self._crash_note.take()
        if crashed_at is not None:
            self._library.count_crash(crashed_at)
        growth = Growth()
        looked_at: dict[int, VideoInfo] = {}
        while ids := self._library.queued_ids():
            for gone in looked_at.keys() - set(ids):
                run.forget_video(looked_at.pop(gone).duration_s)
            if self._library.is_queue_paused:
                if not waits:
                    return
                yield from self._rest(run, len(ids))
                continue
            yield from self._look_at_new(run, ids, looked_at, growth, named)
            settled = (each for each in self._queued(looked_at) if growth.is_settled(each.source))
            turn = next(settled, None)
            if turn is not None:
                yield from self._take_turn(run, turn, looked_at.pop(turn.video.id), named)
            elif not waits:
                return
            elif self._library.queued_ids():
                yield run.progress(tr("Waiting for files that are still being written"))
                time.sleep(BEAT_S)
        yield run.progress(tr("Done"))

    def _take_turn(
        self, run: IngestRun, turn: Turn, info: VideoInfo, named: NamedModels
    ) -> Iterator[IngestEvent]:
        try:
            turn.check_crashes()
            with self._crash_note.about(turn.video.id):
                yield from self._take(run, turn, info, named)
        except VideoError as error:
            yield self._failed(run, turn, error)
        except UserFacingError:
            raise
        except Exception:
            self._library.count_crash(turn.video.id)
            raise
        if self._library.is_queued(turn.video.id):
            run.interrupt_video(info.duration_s)
        else:
            run.leave_video(info.duration_s)

    def _rest(self, run: IngestRun, waiting: int) -> Iterator[IngestEvent]:
        """Waits until the queue is resumed, or nothing is left in it."""
        began = time.monotonic()
        yield QueuePaused(waiting)
        while self._library.is_queue_paused and self._library.queued_ids():
            yield run.progress(tr("Paused"))
            time.sleep(BEAT_S)
        run.rested(time.monotonic() - began)

    def _queued(self, looked_at: Collection[int]) -> Iterator[Turn]:
        """What waits and has been looked at, the next one first."""
        for video_id in self._library.queued_ids():
            queued = self._library.queued(video_id) if video_id in looked_at else None
            if queued is not None:
                yield turn_of(queued)

    def _look_at_new(
        self,
        run: IngestRun,
        ids: Sequence[int],
        looked_at: dict[int, VideoInfo],
        growth: Growth,
        named: NamedModels,
    ) -> Iterator[IngestEvent]:
        """Opens every video once that has joined the queue: its length, and what is unreadable."""
        fresh = [video_id for video_id in ids if video_id not in looked_at]
        for number, video_id in enumerate(fresh, 1):
            if self._library.is_queue_paused:
                return
            queued = self._library.queued(video_id)
            if queued is None:
                continue
            turn = turn_of(queued)
            self._choose(turn, named)  # nothing is read where no network can be had
            if not growth.is_settled(turn.source):
                continue
            step = tr("Looking at video {number} of {count}", number=number, count=len(fresh))
            yield run.progress(step)
            try:
                info = yield from beating(run, step, partial(self._info, turn))
            except VideoError as error:
                yield self._failed(run, turn, error)
                continue
            clocks_changed = False
            with self._library.transaction():
                if not turn.video.info.width_px:
                    self._library.set_info(video_id, info)
                if info.views > 1 and info.view == 0:
                    views = self._library.order_views(
                        video_id, info.views, {**queued.options, "camera": turn.source.camera}
                    )
                    clocks_changed = self.ordering.keep_zone(views, turn.options.zone)
            if clocks_changed:
                self._search.reset()
            run.total_s += info.duration_s or 0.0
            looked_at[video_id] = info

    def _choose(self, turn: Turn, named: NamedModels) -> tuple[ModelFile, ModelFile]:
        options = turn.options
        return self._networks.choose_both(
            options.detector or named.detector, options.embedder or named.embedder
        )

    # Videos -------------------------------------------------------------------------------------

    def _open(self, turn: Turn) -> FrameSource:
        with reading(turn.source):
            return self._parts.open_source(turn.source, turn.options.rate_fps, turn.options.zone)

    def _info(self, turn: Turn) -> VideoInfo:
        opened = self._open(turn)
        opened.close()
        return opened.info

    def _failed(self, run: IngestRun, turn: Turn, error: VideoError) -> VideoFailed:
        logger.info("cannot read %s: %s", turn.source.path, error)
        failed = VideoFailed(turn.source.path, error)
        run.failed.append(failed)
        video = self._library.video(turn.video.id)
        with self._library.transaction():
            if video.tracklet_count and video.status is not VideoStatus.INGESTING:
                # The footage is out of reach now; its people stay.
                self._library.leave_queue(video.id)
                return failed
            if not video.tracklet_count:
                view, camera = video.info.view, turn.source.camera
                info = VideoInfo(video.path, camera, 0, 0, 0.0, None, None, view=view)
                root = self._library.source_root_of(video.id)
                # What could not be reached may be, once the folder is loaded again.
                seen = fingerprint(turn.source) if is_readable(turn.source) else (0, 0)
                self._library.add_video(root, info, "", *seen)
            self._library.finish_video(video.id, VideoStatus.FAILED, problem=error.message)
        return failed

    def _take(
        self, run: IngestRun, turn: Turn, info: VideoInfo, named: NamedModels
    ) -> Iterator[IngestEvent]:
        """One video: skipped, continued, or analysed from its start."""
        options = turn.options
        detector, embedder = self._choose(turn, named)
        before = fingerprint(turn.source)
        video, other = yield from self._registration.of(run, turn.video, turn.source, info, options)
        skipped = reason_to_skip(video, other, info, options, detector)
        if skipped is not None:
            self._library.leave_queue(video.id)
            run.skipped += 1
            run.current_s = info.duration_s or 0.0
            run.skipped_s += run.current_s
            if video.status is VideoStatus.PARTIAL and not other:
                run.partial.append(_as_finished(video))
            yield skipped
            return
        networks, device = self._networks, options.device
        finder = yield from beating(
            run,
            tr("Loading {name}", name=detector.path.name),
            lambda: networks.detector(detector, device),
        )
        encoder = yield from beating(
            run,
            tr("Loading {name}", name=embedder.path.name),
            lambda: networks.embedder(embedder, device),
        )
        same_way = (video.analysed_fps, video.detector_id) == (options.fps, detector.id)
        to_start = options.again or not same_way or video.status is not VideoStatus.INGESTING
        with self._library.transaction():
            self._library.remember_model("detector", detector)
            self._library.remember_model("embedder", embedder)
            start = self._library.rewind_video(video.id, to_start=to_start)
            if not can_resume(start.state):
                start = self._library.rewind_video(video.id, to_start=True)
            self._library.begin_video(video.id, options.fps, detector.id)
            # What is begun anew is gone on with after an interruption.
            self._library.set_queue_options(video.id, turn.packed())
        if video.tracklet_count:
            self._search.reset()
        if run.analysing_since is None:
            run.analysing_since = time.monotonic()
            note = LARGER_FINDS_MORE if is_bundled(detector.path) else ""
            yield NetworksChosen(detector, embedder, note)
        run.current_s, run.skipped_s = start.time_s, run.skipped_s + start.time_s
        yield VideoStarted(video.path, video.camera.name, video.id, start.time_s)
        last_number, _ = self._library.last_tracklet(video.id)
        analysis = VideoAnalysis(
            lambda: self._open(turn),
            finder,
            self._parts.make_tracker(options.fps),
            encoder,
            video.camera.name,
            options.fps,
            start,
            first_number=1 + last_number,
        )
        try:
            yield from self._follow(run, video, analysis, embedder.id)
        except VideoError as error:
            yield self._failed(run, replace(turn, video=video), error)
        if fingerprint(turn.source) != before:
            # It went on growing while it was read.
            self._library.queue_videos([video.id], options.packed())

    # Analysis -----------------------------------------------------------------------------------

    def _follow(
        self, run: IngestRun, video: Video, analysis: VideoAnalysis, embedder_id: str
    ) -> Iterator[IngestEvent]:
        """Stores what the stages bring, and says so."""
        step = f"{video.camera.name}/{video.path.name}"
        people_before, last_beat = run.people, 0.0
        found_s = described_s = run.current_s
        with analysis:
            for outcome in analysis.outcomes(BEAT_S):
                if isinstance(outcome, Analysed):
                    found_s = outcome.time_s
                    if outcome.is_last:
                        step = tr(
                            "Computing features of the people in {camera}", camera=video.camera.name
                        )
                elif isinstance(outcome, Described):
                    described_s = outcome.time_s
                elif isinstance(outcome, Chapter):
                    note = partial(self._library.commit_video, video.id, outcome.settled)
                    yield from self._store(run, video, outcome.tracklets, embedder_id, note)
                elif outcome is not None:
                    run.current_s = outcome.duration_s
                    status = VideoStatus.PARTIAL if outcome.problem else VideoStatus.DONE
                    note = partial(
                        self._library.finish_video,
                        video.id,
                        status,
                        problem=outcome.problem,
                        frame_count=outcome.frame_count,
                        duration_s=outcome.duration_s,
                    )
                    yield from self._store(run, video, outcome.tracklets, embedder_id, note)
                    people = run.people - people_before
                    finished = VideoFinished(video.path, video.id, people, status, outcome.problem)
                    run.done += 1
                    if outcome.problem:
                        run.partial.append(finished)
                    yield finished
                through_s = found_s - _DESCRIBING * (found_s - described_s)
                run.current_s = max(run.current_s, through_s)
                if outcome is None or time.monotonic() - last_beat >= BEAT_S:
                    last_beat = time.monotonic()
                    yield run.progress(step)
                    if self._library.is_queue_paused or not self._library.is_queued(video.id):
                        return  # it is gone on with later, or the user has excluded it

    def _store(
        self, run: IngestRun, video: Video, tracklets: Sequence[Untangled], by: str, note: _Note
    ) -> Iterator[IngestEvent]:
        for new in store_chapter(self._library, self._search, video.id, tracklets, by, note):
            run.people += 1
            yield TrackletStored(new, video.id)


def _as_finished(video: Video) -> VideoFinished:
    return VideoFinished(video.path, video.id, 0, video.status, video.problem)
