"""Footage that is named or arrives in watched folders is registered, and put into the queue."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

from app.core.clock import zone_text
from app.core.errors import UsageError, VideoError
from app.core.events import FootageOrdered, IngestEvent, VideoFailed
from app.language import tr
from app.services.footage.sources import SourceFile, find_sources, is_storable, ready
from app.services.footage.vehicles import told_from_stored
from app.services.footage.watching import changes
from app.services.ingest.ingest_options import IngestOptions
from app.services.ingest.ingest_progress import IngestRun, beating
from app.services.search.search import Search
from app.storage.library import Library

_RETRY = tr("Choose Try again in its menu, or run: queue --retry-failed.")


class Ordering:
    """Orders for one library.

    Args:
        library: where videos are registered.
        search: told when cameras have other clocks.
    """

    def __init__(self, library: Library, search: Search) -> None:
        self._library = library
        self._search = search

    def order(
        self,
        folder: Path,
        options: IngestOptions,
        *,
        only_new: bool = False,
        run: IngestRun | None = None,
    ) -> Iterator[IngestEvent]:
        """Registers every video below `folder` and puts it into the queue.

        One that failed before and has not changed is left out, unless it is named by itself, or
        with `options.again`.

        Args:
            folder: a folder, or one video.
            options: how its videos are to be ingested.
            only_new: leave out what waits or is stored already and has not changed since.
            run: the ingest that it is a part of.

        Raises:
            UsageError: the folder is missing or holds no footage.
            LibraryError: the library can no longer be written to.
        """
        run = run or IngestRun()
        folder = folder.expanduser().resolve()
        root = folder if folder.is_dir() else folder.parent
        found = yield from beating(
            run,
            tr("Looking into {folder}", folder=folder.name),
            lambda: self._look_into(folder, options),
        )
        for source in found:
            if not is_storable(source):
                lost = VideoFailed(source.path, _unstorable(source))
                run.failed.append(lost)
                yield lost
        ordered = ready(
            [source for source in found if is_storable(source)], sub_streams=options.sub_streams
        )
        failed: dict[Path, str] = {}
        if folder.is_dir() and not (options.again or only_new):
            failed = self._library.failed_before(ordered)
            ordered = [each for each in ordered if each.path not in failed]
            run.failed += [
                VideoFailed(path, VideoError(problem, _RETRY)) for path, problem in failed.items()
            ]
        with self._library.transaction():
            ids = self._library.order_videos(
                root, ordered, options.packed(), only_new=only_new, excluded_too=not folder.is_dir()
            )
            clocks_changed = self.keep_zone(ids, options.zone)
        if clocks_changed:
            self._search.reset()
        yield FootageOrdered(folder, len(ids), tuple(failed))

    def order_new(
        self, run: IngestRun, folder: Path, options: IngestOptions
    ) -> Iterator[IngestEvent]:
        """Orders what is new in a watched folder, which may be empty or out of reach."""
        with suppress(UsageError):
            yield from self.order(folder, options, only_new=True, run=run)

    def order_arrivals(self) -> Iterator[IngestEvent]:
        """Orders what arrives in the folders that the library watches, until it is closed.

        Ends at once where it watches none.
        """
        run = IngestRun()
        watched = {each.folder: each.options for each in self._library.watched_folders()}
        for changed in changes(list(watched)) if watched else ():
            for folder in changed:
                yield from self.order_new(run, folder, IngestOptions.unpacked(watched[folder]))
            yield run.progress(tr("Watching for new recordings"))

    def keep_zone(self, video_ids: Sequence[int], zone: tzinfo | None) -> bool:
        """Keeps the zone that was named with an order as that of its cameras' clocks.

        Returns:
            Whether a clock has changed: searches are to learn it once that is stored.
        """
        if zone is None:
            return False
        text, videos = zone_text(zone), self._library.videos_by_id(video_ids).values()
        others = {video.camera for video in videos if video.camera.clock.zone != text}
        for camera in others:
            self._library.set_clock(camera.id, replace(camera.clock, zone=text))
        return bool(others)

    def _look_into(self, folder: Path, options: IngestOptions) -> list[SourceFile]:
        found = find_sources(folder, options.camera_by)
        return told_from_stored(found, (), self._library) if options.camera_by == "auto" else found


def _unstorable(source: SourceFile) -> VideoError:
    name = os.fsencode(source.path.name).decode("utf-8", "replace")
    return VideoError(
        tr("{name} cannot be stored: its path is not written in UTF-8.", name=name),
        tr("Rename the file or its folder, and load the folder again."),
    )
