"""The part of `Library` that knows cameras: their names, their clocks, which videos are theirs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core.camera_clock import CameraClock
from app.core.entities import Camera
from app.core.errors import NotFoundError
from app.language import tr
from app.storage.library_part import LibraryPart, chunks
from app.storage.ordering import natural_key
from app.storage.tables import CameraRow, VideoRow


class CameraRows(LibraryPart):
    """Cameras with their clocks."""

    def cameras(self) -> list[Camera]:
        """Viewpoints that have videos, by name in natural order."""
        with self._database.reading() as session:
            rows = session.scalars(
                select(CameraRow).where(CameraRow.id.in_(select(VideoRow.camera_id)))
            )
            cameras = [camera_of(row) for row in rows]
        return sorted(cameras, key=lambda camera: natural_key(camera.name))

    def camera_called(self, name: str) -> Camera | None:
        """The camera to which footage of that name belongs; of a former name, too."""
        with self._database.reading() as session:
            row = _row_called(session, name)
            return None if row is None else camera_of(row)

    def set_clock(self, camera_id: int, clock: CameraClock) -> None:
        """Notes how a camera told the time.

        Raises:
            NotFoundError: there is no camera of that id.
        """
        with self._database.writing() as session:
            row = _camera_row(session, camera_id)
            row.zone, row.offset_s = clock.zone, clock.offset_s
            row.drift_s_per_day, row.reference_utc = clock.drift_s_per_day, clock.reference_utc

    def rename_camera(self, camera_id: int, name: str) -> None:
        """Gives a camera a name that no other one has; footage that names the old one joins it.

        Raises:
            NotFoundError: there is no camera of that id.
        """
        with self._database.writing() as session:
            row = _camera_row(session, camera_id)
            row.also_called = _without([*row.also_called, row.name], name)
            row.name = name

    def merge_cameras(self, camera_id: int, into_id: int) -> None:
        """Gives a camera's videos and names to another one, whose clock holds for them.

        Raises:
            NotFoundError: there is no camera of such an id.
        """
        with self._database.writing() as session:
            gone, stays = _camera_row(session, camera_id), _camera_row(session, into_id)
            session.execute(
                update(VideoRow).where(VideoRow.camera_id == gone.id).values(camera_id=stays.id)
            )
            stays.also_called = _without(
                [*stays.also_called, *gone.also_called, gone.name], stays.name
            )
            session.delete(gone)

    def split_camera(self, video_ids: Sequence[int], name: str) -> None:
        """Gives some videos to a camera of another name, made with their clock where there is none.

        Raises:
            NotFoundError: there is no video of such an id.
        """
        with self._database.writing() as session:
            rows = [row for some in chunks(video_ids) for row in _videos_of(session, some)]
            if len(rows) < len(video_ids):
                raise NotFoundError(tr("Some of these videos are not in the library any more."))
            target = session.scalar(select(CameraRow).where(CameraRow.name == name))
            if target is None:
                target = _new_camera(name, _camera_row(session, rows[0].camera_id))
                session.add(target)
                session.flush()
            for row in rows:
                row.camera_id = target.id
            session.flush()
            used = select(VideoRow.camera_id)
            session.execute(delete(CameraRow).where(CameraRow.id.not_in(used)))


def camera_of(row: CameraRow) -> Camera:
    """A row as the program knows it."""
    clock = CameraClock(row.zone, row.offset_s, row.drift_s_per_day, row.reference_utc)
    return Camera(row.id, row.name, clock)


def camera_id_of(session: Session, name: str, like_id: int | None = None) -> int:
    """The camera of a name or, where it was renamed or merged, of a former one; made if missing.

    Args:
        session: to look in.
        name: of the camera.
        like_id: the camera whose clock a new one gets.
    """
    row = _row_called(session, name)
    if row is None:
        row = _new_camera(name, None if like_id is None else session.get(CameraRow, like_id))
        session.add(row)
        session.flush()
    return row.id


def _row_called(session: Session, name: str) -> CameraRow | None:
    row = session.scalar(select(CameraRow).where(CameraRow.name == name))
    if row is None:
        every = session.scalars(select(CameraRow)).all()
        row = next((each for each in every if name in each.also_called), None)
    return row


def _new_camera(name: str, like: CameraRow | None) -> CameraRow:
    """A camera with the clock of another one."""
    row = CameraRow(name=name)
    if like is not None:
        row.zone, row.offset_s = like.zone, like.offset_s
        row.drift_s_per_day, row.reference_utc = like.drift_s_per_day, like.reference_utc
    return row


def _camera_row(session: Session, camera_id: int) -> CameraRow:
    row = session.get(CameraRow, camera_id)
    if row is None:
        raise NotFoundError(
            tr("There is no camera {camera_id} in this library.", camera_id=camera_id)
        )
    return row


def _videos_of(session: Session, video_ids: Sequence[int]) -> Sequence[VideoRow]:
    return session.scalars(select(VideoRow).where(VideoRow.id.in_(video_ids))).all()


def _without(names: Sequence[str], name: str) -> list[str]:
    return [each for each in dict.fromkeys(names) if each != name]
