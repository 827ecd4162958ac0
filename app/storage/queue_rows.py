"""The part of `Library` that knows which videos are ordered: the queue of an ingest."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core.entities import StartSource, VideoStatus
from app.core.orders import Ordered, QueuedVideo, WatchedFolder, view_camera
from app.storage.camera_rows import camera_id_of
from app.storage.library_part import LibraryPart, absolute, chunks, video_row
from app.storage.tables import QueueRow, SettingRow, VideoRow
from app.storage.video_rows import root_id, video_rows_by_path, videos_where

_PAUSED, _WATCHED = "queue_paused", "watched_folders"
_STORED = (VideoStatus.DONE, VideoStatus.PARTIAL)


class QueueRows(LibraryPart):
    """The videos that wait to be ingested, in order."""

    def order_videos(
        self,
        root: Path,
        ordered: Sequence[Ordered],
        options: Mapping[str, Any],
        *,
        only_new: bool = False,
        excluded_too: bool = False,
    ) -> list[int]:
        """Registers videos and puts them at the end of the queue, all of them or none.

        One that waits already keeps its place and takes the new options.

        Args:
            root: folder that the paths are stored relative to.
            ordered: what was found, in the order in which it is to be ingested.
            options: plain values that say how; kept as they are, with the camera's name.
            only_new: leave out what waits or is stored already and has not changed since.
            excluded_too: whether videos that the user excluded wait again.

        Returns:
            Ids of the videos that wait now because of this order.
        """
        root = absolute(root)
        with self._database.writing() as session:
            known = video_rows_by_path(session)
            cameras: dict[str, int] = {}
            root_row_id: int | None = None
            queue = _Queue(session)
            taken: list[tuple[VideoRow, str]] = []
            for each in ordered:
                path = absolute(each.path)
                row = known.get((path, 0))
                if row is None:
                    if each.camera not in cameras:
                        cameras[each.camera] = camera_id_of(session, each.camera)
                    root_row_id = root_row_id or root_id(session, root)
                    row = _registered(path.relative_to(root), cameras[each.camera])
                    row.source_root_id = root_row_id
                    if each.left_out:
                        row.status, row.problem = VideoStatus.EXCLUDED, each.left_out
                    session.add(row)
                    known[path, 0] = row
                elif _stays_as_it_is(row, each, queue.waiting, only_new, excluded_too):
                    continue
                if each.left_out and row.status == VideoStatus.EXCLUDED:
                    continue
                taken.append((row, each.camera))
            session.flush()  # all new videos at once: they have ids now
            for row, camera in taken:
                queue.put(row, {**options, "camera": camera})
            return [row.id for row, _ in taken]

    def failed_before(self, ordered: Sequence[Ordered]) -> dict[Path, str]:
        """Why some videos failed that have not changed since and do not wait, by their path."""
        with self._database.reading() as session:
            known = video_rows_by_path(session)
            waiting = set(session.scalars(select(QueueRow.video_id)))
            rows = {each.path: known.get((absolute(each.path), 0)) for each in ordered}
            return {
                each.path: row.problem
                for each in ordered
                if (row := rows[each.path]) is not None
                and row.status == VideoStatus.FAILED
                and row.id not in waiting
                and _is_same(row, each)
            }

    def order_views(self, video_id: int, views: int, options: Mapping[str, Any]) -> list[int]:
        """Registers the other views of a video's file, and has them wait like it.

        A camera that is made for it gets the clock of the main view's: one recorder wrote both.

        Args:
            video_id: the main view.
            views: how many the file has.
            options: how they are to be ingested, with the main view's camera.

        Returns:
            Ids of those that wait now.
        """
        ids: list[int] = []
        with self._database.writing() as session:
            main = video_row(session, video_id)
            queue = _Queue(session)
            for view in range(1, views):
                row = session.scalar(
                    select(VideoRow).where(
                        VideoRow.source_root_id == main.source_root_id,
                        VideoRow.relative_path == main.relative_path,
                        VideoRow.view == view,
                    )
                )
                camera = view_camera(str(options["camera"]), view)
                if row is None:
                    its_camera = camera_id_of(session, camera, like_id=main.camera_id)
                    row = _registered(PurePosixPath(main.relative_path), its_camera)
                    row.source_root_id, row.view = main.source_root_id, view
                    session.add(row)
                    session.flush()
                elif _is_unwanted(row) or _failed_with(main, row):
                    continue
                ids.append(queue.put(row, {**options, "camera": camera}).video_id)
        return ids

    def queue_videos(
        self,
        video_ids: Sequence[int],
        usual: Mapping[str, Any],
        changed: Mapping[str, Any] | None = None,
    ) -> None:
        """Puts known videos at the end of the queue: to be tried again, or to be taken after all.

        They are ingested as they were ordered the last time. Crashes are counted from the
        beginning; unknown ids are left out.

        Args:
            video_ids: the videos.
            usual: options of those that were never ordered.
            changed: options that are different this time.
        """
        with self._database.writing() as session:
            queue = _Queue(session)
            rows: dict[int, VideoRow] = {}
            for some in chunks(list(video_ids)):
                found = session.scalars(select(VideoRow).where(VideoRow.id.in_(some)))
                rows |= {row.id: row for row in found}
            for video_id in video_ids:
                if video_id in rows:
                    row = rows[video_id]
                    options = usual if row.options is None else row.options
                    queue.put(row, {**options, **(changed or {})}).crashes = 0

    def count_crash(self, video_id: int) -> None:
        """The program crashed while it was reading a video."""
        with self._database.writing() as session:
            chosen = update(QueueRow).where(QueueRow.video_id == video_id)
            session.execute(chosen.values(crashes=QueueRow.crashes + 1))

    def queued(self, video_id: int) -> QueuedVideo | None:
        """A video that waits, or None if it does not."""
        with self._database.reading() as session:
            row = session.get(QueueRow, video_id)
            if row is None:
                return None
            video = videos_where(session, VideoRow.id == video_id)[0]
            return QueuedVideo(video, row.options, row.crashes)

    def queued_ids(self) -> list[int]:
        """Ids of the videos that wait, the next one first."""
        with self._database.reading() as session:
            return list(session.scalars(select(QueueRow.video_id).order_by(QueueRow.place)))

    def is_queued(self, video_id: int) -> bool:
        """Whether a video waits, or is being ingested."""
        with self._database.reading() as session:
            return session.get(QueueRow, video_id) is not None

    def leave_queue(self, video_id: int) -> None:
        """A video's turn is over."""
        with self._database.writing() as session:
            session.execute(delete(QueueRow).where(QueueRow.video_id == video_id))

    def set_queue_options(self, video_id: int, options: Mapping[str, Any]) -> None:
        """How a waiting video is to be ingested from now on."""
        with self._database.writing() as session:
            chosen = update(QueueRow).where(QueueRow.video_id == video_id)
            session.execute(chosen.values(options=dict(options)))
            video_row(session, video_id).options = _kept(options)

    def move_in_queue(self, video_ids: Sequence[int], *, to_front: bool) -> None:
        """Has videos taken next, or last; among themselves they keep the order given."""
        with self._database.writing() as session:
            waiting = _Queue(session).waiting
            moving = [waiting.pop(each) for each in dict.fromkeys(video_ids) if each in waiting]
            staying = sorted(waiting.values(), key=lambda row: row.place)
            for place, row in enumerate(moving + staying if to_front else staying + moving):
                row.place = place

    def exclude_videos(self, video_ids: Collection[int]) -> None:
        """Takes videos out of the queue; an order of their folder does not take them again.

        Videos that are stored already are left as they are. What was found in one that had been
        begun stays.
        """
        with self._database.writing() as session:
            for some in chunks(list(video_ids)):
                session.execute(delete(QueueRow).where(QueueRow.video_id.in_(some)))
                session.execute(
                    update(VideoRow)
                    .where(VideoRow.id.in_(some), VideoRow.status.not_in(_STORED))
                    .values(status=VideoStatus.EXCLUDED, problem="")
                )

    def excluded(self) -> tuple[Path, ...]:
        """Videos that the user has excluded; not those left out for a reason, such as copies."""
        unwanted = VideoRow.status == VideoStatus.EXCLUDED, VideoRow.problem == ""
        with self._database.reading() as session:
            return tuple(video.path for video in videos_where(session, *unwanted))

    def exclude_copy(
        self, video_id: int, reason: str, content_hash: str, size_bytes: int, mtime_ns: int
    ) -> None:
        """Notes that a video is not ingested because another has the same content.

        Args:
            video_id: the video.
            reason: which other one, as a sentence.
            content_hash: SHA-256 of the content, hex.
            size_bytes: size of the file.
            mtime_ns: when the file was last changed.
        """
        with self._database.writing() as session:
            row = video_row(session, video_id)
            row.status, row.problem = VideoStatus.EXCLUDED, reason
            row.content_hash, row.size_bytes, row.mtime_ns = content_hash, size_bytes, mtime_ns
            session.execute(delete(QueueRow).where(QueueRow.video_id == video_id))

    def watched_folders(self) -> list[WatchedFolder]:
        """Folders whose new recordings are ordered as they arrive, in the order they were named."""
        with self._database.reading() as session:
            row = session.get(SettingRow, _WATCHED)
            known: dict[str, dict[str, Any]] = json.loads(row.value) if row is not None else {}
        return [WatchedFolder(Path(folder), options) for folder, options in known.items()]

    def watch_folder(self, folder: Path, options: Mapping[str, Any] | None) -> None:
        """Notes that a folder is watched from now on, or with options None, no longer."""
        with self._database.writing() as session:
            known = {str(each.folder): each.options for each in self.watched_folders()}
            known.pop(str(folder), None)
            if options is not None:
                known[str(folder)] = dict(options)
            session.merge(SettingRow(key=_WATCHED, value=json.dumps(known)))

    @property
    def is_queue_paused(self) -> bool:
        """Whether the user wants the queue to stand still until told otherwise."""
        with self._database.reading() as session:
            return session.get(SettingRow, _PAUSED) is not None

    def pause_queue(self, paused: bool) -> None:
        """Notes whether the queue stands still, for the next start as well."""
        with self._database.writing() as session:
            if paused:
                session.merge(SettingRow(key=_PAUSED, value="yes"))
            else:
                session.execute(delete(SettingRow).where(SettingRow.key == _PAUSED))


def _registered(path: PurePath, its_camera_id: int) -> VideoRow:
    """The row of a video of which only the path is known yet."""
    return VideoRow(
        camera_id=its_camera_id,
        relative_path=path.as_posix(),
        content_hash="",
        size_bytes=0,
        mtime_ns=0,
        status=VideoStatus.PENDING,
        width_px=0,
        height_px=0,
        fps=0.0,
        start_source=StartSource.UNKNOWN,
    )


def _is_unwanted(row: VideoRow) -> bool:
    """Whether the user excluded it; what was excluded for a reason may have lost the reason."""
    return row.status == VideoStatus.EXCLUDED and not row.problem


def _failed_with(main: VideoRow, row: VideoRow) -> bool:
    """Whether another view failed in a file that has not changed since."""
    seen = (main.size_bytes, main.mtime_ns)
    return row.status == VideoStatus.FAILED and (row.size_bytes, row.mtime_ns) == seen


def _stays_as_it_is(
    row: VideoRow, ordered: Ordered, waiting: Collection[int], only_new: bool, excluded_too: bool
) -> bool:
    """Whether a known video does not wait because of this order."""
    if _is_unwanted(row) and not excluded_too:
        return True
    return only_new and (
        row.id in waiting or (row.status != VideoStatus.PENDING and _is_same(row, ordered))
    )


def _is_same(row: VideoRow, ordered: Ordered) -> bool:
    return (row.size_bytes, row.mtime_ns) == (ordered.size_bytes, ordered.mtime_ns)


class _Queue:
    """The queue in one transaction, whose changes are written together at its end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.waiting = {row.video_id: row for row in session.scalars(select(QueueRow))}
        self._last_place = max((row.place for row in self.waiting.values()), default=0)

    def put(self, row: VideoRow, options: Mapping[str, Any]) -> QueueRow:
        """Has a video wait at the end; one that waits already only takes the options."""
        if row.status == VideoStatus.EXCLUDED:
            row.status, row.problem = _status_before(row), ""
        self._last_place += 1
        queued = self.waiting.get(row.id)
        if queued is None:
            queued = QueueRow(video_id=row.id, place=self._last_place)
            self._session.add(queued)
            self.waiting[row.id] = queued
        queued.options = dict(options)
        if row.status not in _STORED:
            row.options = _kept(options)
        return queued


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options for another time: the camera is the video's, which the user may have renamed."""
    return {name: value for name, value in options.items() if name != "camera"}


def _status_before(row: VideoRow) -> VideoStatus:
    """What an excluded video was: begun, if an ingest has seen it."""
    return VideoStatus.PENDING if row.analysed_fps is None else VideoStatus.INGESTING
