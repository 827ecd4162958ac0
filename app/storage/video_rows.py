"""The part of `Library` that knows videos and the folders they lie in."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from app.core.chapters import ResumePoint
from app.core.entities import StartSource, Video, VideoInfo, VideoStatus
from app.core.errors import NotFoundError
from app.language import tr
from app.storage.camera_rows import camera_id_of, camera_of
from app.storage.library_part import LibraryPart, absolute, chunks, video_row
from app.storage.ordering import natural_key
from app.storage.tables import (
    AnalysisStateRow,
    CameraRow,
    QueueRow,
    SourceRootRow,
    TrackletRow,
    VideoRow,
)

# A time that went through a computation or two is still the same time.
_SAME_TIME_S = 1e-6
_ENDED = frozenset({VideoStatus.DONE, VideoStatus.PARTIAL, VideoStatus.FAILED})


class VideoRows(LibraryPart):
    """Videos, source roots."""

    def videos(self) -> list[Video]:
        """All videos, by camera name, then path, in natural order."""
        with self._database.reading() as session:
            return videos_where(session)

    def video(self, video_id: int) -> Video:
        """One video.

        Raises:
            NotFoundError: there is none of that id.
        """
        with self._database.reading() as session:
            found = videos_where(session, VideoRow.id == video_id)
        if not found:
            raise NotFoundError(
                tr("There is no video {video_id} in this library.", video_id=video_id)
            )
        return found[0]

    def videos_by_id(self, video_ids: Collection[int]) -> dict[int, Video]:
        """Some videos; unknown ids are left out."""
        found: dict[int, Video] = {}
        with self._database.reading() as session:
            for some in chunks(sorted(video_ids)):
                found |= {each.id: each for each in videos_where(session, VideoRow.id.in_(some))}
        return found

    def source_root_of(self, video_id: int) -> Path:
        """The folder that a video's path is stored relative to.

        Raises:
            NotFoundError: there is no video of that id.
        """
        with self._database.reading() as session:
            row = video_row(session, video_id)
            return Path(session.get_one(SourceRootRow, row.source_root_id).path)

    def videos_with_content(self, content_hash: str) -> list[Video]:
        """Videos whose content has this SHA-256 (hex), in the order of `videos`."""
        with self._database.reading() as session:
            return videos_where(session, VideoRow.content_hash == content_hash)

    def known_hash(self, path: Path, size_bytes: int, mtime_ns: int, view: int = 0) -> str | None:
        """Content hash of a file that has not changed since it was added, else None."""
        with self._database.reading() as session:
            row = _row_at(session, absolute(path), view)
            if row is None or (row.size_bytes, row.mtime_ns) != (size_bytes, mtime_ns):
                return None
            return row.content_hash

    def add_video(
        self, root: Path, info: VideoInfo, content_hash: str, size_bytes: int, mtime_ns: int
    ) -> Video:
        """Adds a video that is to be ingested, with its camera and source root.

        A path that is known already keeps its row: if the content is another one, what was found
        in the old content is deleted and the video is pending again; if it is the same, the
        status stays.

        Args:
            root: folder that the path is stored relative to.
            info: what the video says of itself; its path lies below `root`.
            content_hash: SHA-256 of the content, hex; empty where it cannot be read.
            size_bytes: size of the file.
            mtime_ns: when the file was last changed.
        """
        path = absolute(info.path)
        with self._database.writing() as session:
            row = _row_at(session, path, info.view)
            if row is None:
                row = VideoRow(view=info.view)
                row.source_root_id = root_id(session, absolute(root))
                row.relative_path = path.relative_to(absolute(root)).as_posix()
            other_content = row.content_hash != content_hash  # a new row's is None
            if other_content:
                _forget_people(session, row)
                row.content_hash = content_hash
                row.status, row.problem = VideoStatus.PENDING, ""
                row.analysed_fps = row.detector_id = None
            row.camera_id = camera_id_of(session, info.camera)
            row.size_bytes, row.mtime_ns = size_bytes, mtime_ns
            _set_info(row, info)
            session.add(row)
            session.flush()
            video_id = row.id
        if other_content:
            self._sweep_crops(video_id)
        return self.video(video_id)

    def set_info(self, video_id: int, info: VideoInfo) -> None:
        """What a video says of itself, before its content has been looked at."""
        with self._database.writing() as session:
            _set_info(video_row(session, video_id), info)

    def move_video(
        self, video_id: int, root: Path, path: Path, size_bytes: int, mtime_ns: int
    ) -> Video:
        """Notes that a video's content lies elsewhere now; what was found in it stays.

        A video that was known at the new path is gone, because its file has been replaced: its
        row and what was found in it are deleted.

        Raises:
            NotFoundError: there is no video of that id.
        """
        root, path = absolute(root), absolute(path)
        with self._database.writing() as session:
            row = video_row(session, video_id)
            replaced = _row_at(session, path, row.view)
            if replaced is not None and replaced is not row:
                _hand_over_turn(session, replaced.id, row.id)
                session.delete(replaced)
                session.flush()
            row.source_root_id = root_id(session, root)
            row.relative_path = path.relative_to(root).as_posix()
            row.size_bytes, row.mtime_ns = size_bytes, mtime_ns
            session.flush()
            _drop_unused_roots(session)
        if replaced is not None and replaced is not row:
            self._sweep_crops(replaced.id)
        return self.video(video_id)

    def begin_video(self, video_id: int, analysed_fps: float, detector_id: str) -> None:
        """Notes that a video is being ingested, and how."""
        with self._database.writing() as session:
            row = video_row(session, video_id)
            row.status = VideoStatus.INGESTING
            row.problem = ""
            row.analysed_fps, row.detector_id = analysed_fps, detector_id

    def commit_video(self, video_id: int, settled: ResumePoint) -> None:
        """Notes that everything before a frame is stored for good, and what the stages knew."""
        with self._database.writing() as session:
            row = video_row(session, video_id)
            row.committed_s, row.committed_frame = settled.time_s, settled.frame_index
            session.merge(AnalysisStateRow(video_id=video_id, data=settled.state))
            # What got further since is not what the program crashes at.
            session.execute(update(QueueRow).where(QueueRow.video_id == video_id).values(crashes=0))

    def rewind_video(self, video_id: int, *, to_start: bool = False) -> ResumePoint:
        """Deletes what an ingest would find again, and says where it has to start.

        Tracklets that begin at or after the committed time are deleted, files last. A video that
        was finished is pending again.

        Args:
            video_id: the video.
            to_start: forget the committed time, and all tracklets with it.
        """
        with self._database.writing() as session:
            row = video_row(session, video_id)
            if row.status in _ENDED:
                row.status = VideoStatus.PENDING
            if to_start:
                _forget_people(session, row)
            else:
                session.execute(
                    delete(TrackletRow).where(
                        TrackletRow.video_id == video_id,
                        TrackletRow.first_time_s >= row.committed_s - _SAME_TIME_S,
                    )
                )
            state = session.get(AnalysisStateRow, video_id)
            data = b"" if state is None else state.data
            resume = ResumePoint(row.committed_s, row.committed_frame, data)
        self._sweep_crops(video_id)
        return resume

    def finish_video(
        self,
        video_id: int,
        status: VideoStatus,
        *,
        problem: str = "",
        frame_count: int | None = None,
        duration_s: float | None = None,
    ) -> None:
        """Notes how the ingest of a video ended; it leaves the queue.

        Args:
            video_id: the video.
            status: done, partial or failed.
            problem: why it is partial or failed, as a sentence.
            frame_count: frames that were decoded, where the header is known to be wrong or silent.
            duration_s: length of what was decoded, likewise.
        """
        if status not in _ENDED:
            raise ValueError(f"a finished video cannot be {status}")
        with self._database.writing() as session:
            row = video_row(session, video_id)
            row.status, row.problem = status, problem
            session.execute(delete(AnalysisStateRow).where(AnalysisStateRow.video_id == video_id))
            if frame_count is not None:
                row.frame_count = frame_count
            if duration_s is not None:
                row.duration_s = duration_s
            session.execute(delete(QueueRow).where(QueueRow.video_id == video_id))

    def source_roots(self) -> list[Path]:
        """Folders that the videos' paths are relative to, in natural order."""
        with self._database.reading() as session:
            paths = session.scalars(select(SourceRootRow.path)).all()
        return [Path(path) for path in sorted(paths, key=natural_key)]

    def repoint_source(self, old: Path, new: Path) -> int:
        """Notes that footage was moved from one folder to another.

        Args:
            old: where it was: a source root, or a folder above or below one.
            new: where it is.

        Returns:
            How many videos were below `old` and now resolve below `new`. One whose new path is
            that of another known video stays where it was.
        """
        old, new = absolute(old), absolute(new)
        moved = 0
        with self._database.writing() as session:
            by_path = video_rows_by_path(session)
            taken = set(by_path)
            roots = {row.id: Path(row.path) for row in session.scalars(select(SourceRootRow))}
            for (path, view), row in list(by_path.items()):
                if not path.is_relative_to(old):
                    continue
                moved_path = new / path.relative_to(old)
                if by_path.get((moved_path, view)) not in (None, row):
                    continue
                root = roots[row.source_root_id]
                new_root = new / root.relative_to(old) if root.is_relative_to(old) else new
                new_id = next((each for each, at in roots.items() if at == new_root), None)
                if new_id is None:
                    new_id = root_id(session, new_root)
                    roots[new_id] = new_root
                row.source_root_id = new_id
                row.relative_path = moved_path.relative_to(new_root).as_posix()
                del by_path[path, view]
                by_path[moved_path, view] = row
                moved += 1
                if (moved_path, view) in taken:
                    session.flush()  # one after the other: no two may have the same path
            session.flush()
            _drop_unused_roots(session)
        return moved


def videos_where(session: Session, *conditions: ColumnElement[bool]) -> list[Video]:
    """Videos as others see them, in the order of `VideoRows.videos`."""
    people = (
        select(func.count())
        .where(TrackletRow.video_id == VideoRow.id, TrackletRow.is_person)
        .correlate(VideoRow)
        .scalar_subquery()
    )
    rows = session.execute(
        select(VideoRow, CameraRow, SourceRootRow.path, people)
        .join(CameraRow, VideoRow.camera_id == CameraRow.id)
        .join(SourceRootRow, VideoRow.source_root_id == SourceRootRow.id)
        .where(*conditions)
    )
    videos = [_entity(row, camera, Path(root), count) for row, camera, root, count in rows]
    return sorted(videos, key=lambda it: (natural_key(it.camera.name), natural_key(str(it.path))))


def _entity(row: VideoRow, camera: CameraRow, root: Path, tracklet_count: int) -> Video:
    path = root / row.relative_path
    info = VideoInfo(
        path=path,
        camera=camera.name,
        width_px=row.width_px,
        height_px=row.height_px,
        fps=row.fps,
        frame_count=row.frame_count,
        duration_s=row.duration_s,
        start_utc=row.start_utc,
        start_source=StartSource(row.start_source),
        start_local=row.start_local,
        view=row.view,
    )
    return Video(
        id=row.id,
        camera=camera_of(camera),
        path=path,
        content_hash=row.content_hash,
        status=VideoStatus(row.status),
        problem=row.problem,
        info=info,
        analysed_fps=row.analysed_fps,
        detector_id=row.detector_id,
        committed_s=row.committed_s,
        tracklet_count=tracklet_count,
    )


def _set_info(row: VideoRow, info: VideoInfo) -> None:
    row.width_px, row.height_px, row.fps = info.width_px, info.height_px, info.fps
    row.start_utc, row.start_source = info.start_utc, info.start_source
    row.start_local = info.start_local
    # What was counted while decoding is better than what a header announces.
    if row.status not in (VideoStatus.DONE, VideoStatus.PARTIAL):
        row.frame_count, row.duration_s = info.frame_count, info.duration_s


def _forget_people(session: Session, row: VideoRow) -> None:
    """The video as if no one had been found in it yet."""
    row.committed_s, row.committed_frame = 0.0, 0
    if row.id is not None:
        session.execute(delete(TrackletRow).where(TrackletRow.video_id == row.id))
        session.execute(delete(AnalysisStateRow).where(AnalysisStateRow.video_id == row.id))


def video_rows_by_path(session: Session) -> dict[tuple[Path, int], VideoRow]:
    """Every video by its absolute path and view, in two statements."""
    roots = {row.id: Path(row.path) for row in session.scalars(select(SourceRootRow))}
    rows = session.scalars(select(VideoRow)).all()
    return {(roots[row.source_root_id] / row.relative_path, row.view): row for row in rows}


def _row_at(session: Session, path: Path, view: int) -> VideoRow | None:
    """The video at an absolute path, whichever root it is stored relative to."""
    for root in session.scalars(select(SourceRootRow)).all():
        if not path.is_relative_to(root.path):
            continue
        row = session.scalar(
            select(VideoRow).where(
                VideoRow.source_root_id == root.id,
                VideoRow.relative_path == path.relative_to(root.path).as_posix(),
                VideoRow.view == view,
            )
        )
        if row is not None:
            return row
    return None


def root_id(session: Session, root: Path) -> int:
    """The id of a source root, which is added where it is new."""
    row = session.scalar(select(SourceRootRow).where(SourceRootRow.path == str(root)))
    if row is None:
        row = SourceRootRow(path=str(root))
        session.add(row)
        session.flush()
    return row.id


def _hand_over_turn(session: Session, old_id: int, new_id: int) -> None:
    """The place in the queue of a video whose file turned out to be another one."""
    if session.get(QueueRow, new_id) is None:
        chosen = update(QueueRow).where(QueueRow.video_id == old_id)
        session.execute(chosen.values(video_id=new_id))


def _drop_unused_roots(session: Session) -> None:
    session.execute(
        delete(SourceRootRow).where(SourceRootRow.id.not_in(select(VideoRow.source_root_id)))
    )
