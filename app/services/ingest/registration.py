"""Which stored video a source is: one that is known, has moved, a copy of another, or new."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from app.core.entities import ModelFile, Video, VideoInfo, VideoStatus
from app.core.events import IngestEvent, VideoSkipped
from app.language import sentences, tr
from app.services.footage.sources import SourceFile, fingerprint, reading, source_files, source_of
from app.services.ingest.ingest_options import IngestOptions
from app.services.ingest.ingest_progress import IngestRun, beating
from app.services.pipeline import paced
from app.services.search.search import Search
from app.storage.library import Library

_STORED = (VideoStatus.DONE, VideoStatus.PARTIAL)
_HASH_CHUNK_BYTES = 1 << 22


class Registration:
    """Finds or adds the rows of videos.

    Args:
        library: where they are.
        search: told when people leave the library with footage that was replaced.
    """

    def __init__(self, library: Library, search: Search) -> None:
        self._library = library
        self._search = search

    def of(
        self,
        run: IngestRun,
        video: Video,
        source: SourceFile,
        info: VideoInfo,
        options: IngestOptions,
    ) -> Generator[IngestEvent, None, tuple[Video, Video | None]]:
        """The video's row, brought up to date, and another video that it is a copy of, if any.

        Raises:
            VideoError: the footage can no longer be read.
        """
        # Before it is read: what is written meanwhile shows next time.
        seen = yield from beating(
            run, tr("Checking {name}", name=info.path.name), lambda: fingerprint(source)
        )
        seen_before = self._library.known_hash(info.path, *seen, info.view)
        hashed = seen_before or (yield from self._hash(run, source, info.path))
        root = self._library.source_root_of(video.id)
        before = video if video.content_hash else None
        known = video if video.content_hash == hashed else None
        if known is None or known.status is VideoStatus.PENDING:
            twins = self._library.videos_with_content(hashed)
            twins = [
                twin
                for twin in twins
                if twin.id != video.id and twin.status is not VideoStatus.EXCLUDED
            ]
            moved = next((twin for twin in twins if not self._is_in_place(twin)), None)
            stored = next((twin for twin in twins if twin.status in _STORED), None)
            if moved is None and stored is not None:
                reason = _copy_reason(stored)
                self._library.exclude_copy(video.id, reason, hashed, *seen)
                return video, stored
            known = moved or known
        with self._library.transaction():
            current = known
            if current is not None:
                if not seen_before or current.id != video.id:
                    current = self._library.move_video(current.id, root, info.path, *seen)
                if _rate_differs(current, info) and current.status is VideoStatus.INGESTING:
                    # Its times mean other frames.
                    self._library.rewind_video(current.id, to_start=True)
                info = _info_to_keep(current, info, options)
            if current is None or current.info != info:
                current = self._library.add_video(root, info, hashed, *seen)
        if before not in (None, current) or known not in (None, current):
            self._search.reset()
        return current, None

    def _is_in_place(self, video: Video) -> bool:
        """Whether a stored video's footage still lies where it was, unchanged."""
        known_hash = self._library.known_hash(
            video.path, *fingerprint(source_of(video)), video.info.view
        )
        return known_hash == video.content_hash

    def _hash(
        self, run: IngestRun, source: SourceFile, first: Path
    ) -> Generator[IngestEvent, None, str]:
        return (
            yield from paced(
                hashing(source, first),
                lambda: run.progress(tr("Checking {name}", name=first.name)),
            )
        )


def hashing(source: SourceFile, first: Path) -> Generator[None, None, str]:
    """SHA-256 of the content, hex; of an image sequence: of its names and contents in order.

    Yields after every few megabytes, so that it can be stopped.

    Raises:
        VideoError: it cannot be read.
    """
    digest = hashlib.sha256()
    for path in source_files(source) or [first]:
        if source.kind == "sequence":
            digest.update(path.name.encode())
        with reading(source), path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
                yield
    if source.view:  # the views of a file are not copies of each other
        digest.update(f"view {source.view}".encode())
    return digest.hexdigest()


def reason_to_skip(
    video: Video,
    copy_of: Video | None,
    info: VideoInfo,
    options: IngestOptions,
    detector: ModelFile,
) -> VideoSkipped | None:
    """Why a video is not analysed, or None if it is to be.

    Args:
        video: its row.
        copy_of: the stored video that has the same content, if it is another file.
        info: what the video says of itself now.
        options: how it would be analysed.
        detector: with what.
    """
    if copy_of is not None:
        return VideoSkipped(info.path, copy_of.id, _copy_reason(copy_of), differs=False)
    if options.again or video.status not in _STORED:
        return None
    differences = []
    if video.analysed_fps != options.fps:
        differences.append(
            tr(
                "It was analysed at {then:g} frames per second, not at {now:g}.",
                then=video.analysed_fps,
                now=options.fps,
            )
        )
    if video.detector_id != detector.id:
        differences.append(
            tr(
                "It was analysed with {then}, not with {now}.",
                then=video.detector_id,
                now=detector.id,
            )
        )
    if _rate_differs(video, info):
        differences.append(
            tr(
                "It was analysed as {then:g} pictures a second, not as {now:g}.",
                then=video.info.fps,
                now=info.fps,
            )
        )
    if not differences:
        return VideoSkipped(video.path, video.id, "", differs=False)
    return VideoSkipped(video.path, video.id, sentences(*differences), differs=True)


def _copy_reason(stored: Video) -> str:
    return tr("It has the same content as {path}, which is already stored.", path=stored.path)


def _rate_differs(video: Video, info: VideoInfo) -> bool:
    """Whether an image sequence is to be read at another frame rate than before."""
    return source_of(video).kind == "sequence" and video.info.fps != info.fps


def _info_to_keep(known: Video, info: VideoInfo, options: IngestOptions) -> VideoInfo:
    """What a video says of itself now; of a stored one, only its camera, if a rule is given."""
    if options.again or known.status not in _STORED:
        return info
    renamed = options.camera_by != "auto"  # which depends on the folder that is loaded
    return replace(known.info, camera=info.camera if renamed else known.camera.name)
