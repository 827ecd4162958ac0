"""`Library`: the only API of storage. A library is a folder: database, crops, lock file."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from filelock import FileLock, Timeout
from sqlalchemy import delete, select

from app.core.entities import ModelFile, VideoStatus
from app.core.errors import LibraryError, LibraryInUseError
from app.core.library_files import CROPS, DATABASE, HOST, LOCK
from app.core.networks import ModelRole
from app.core.time_zone import system_zone, zone_named
from app.language import tr
from app.storage.camera_rows import CameraRows
from app.storage.check_rows import CheckRows, CropFault
from app.storage.database import Database
from app.storage.faults import disk_faults
from app.storage.library_part import absolute
from app.storage.people_rows import PeopleRows
from app.storage.queue_rows import QueueRows
from app.storage.schema import bring_up_to_date, is_up_to_date
from app.storage.sighting_rows import SightingRows
from app.storage.tables import ModelRow, SettingRow, VideoRow
from app.storage.tracklet_rows import TrackletRows
from app.storage.vector_rows import VectorRows
from app.storage.video_rows import VideoRows
from app.storage.way_rows import WayRows

__all__ = ["CropFault", "Library"]

_TIMEZONE = "timezone"


class Library(
    CameraRows,
    WayRows,
    VideoRows,
    QueueRows,
    TrackletRows,
    SightingRows,
    VectorRows,
    PeopleRows,
    CheckRows,
):
    """Everything that is known about some footage. Thread-safe.

    Every call is a transaction, or part of the one that the thread is in (`transaction`).

    Attributes:
        folder: the library's folder, absolute.
    """

    def __init__(self, folder: Path, database: Database, lock: FileLock | None) -> None:
        super().__init__(folder, database)
        self._lock = lock
        self._is_new = False
        self._timezone = self._remembered_timezone()

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Library:
        """Opens a library, and keeps every other program from opening it.

        A library of an older version is upgraded; a backup of its database is left beside it.
        Crop files that a killed ingest left without a row are deleted.

        Args:
            folder: the library's folder.
            create: whether a library is made where there is none.

        Raises:
            LibraryInUseError: it is open elsewhere, or already here.
            LibraryTooNewError: a newer version of the program has upgraded it.
            LibraryError: there is none, or it is damaged or cannot be written.
        """
        folder = absolute(folder)
        with disk_faults(folder):
            is_new = _check_folder(folder, create=create)
        lock = _locked(folder)
        database = Database(folder / DATABASE)
        try:
            bring_up_to_date(folder / DATABASE, create=create)
            library = cls(folder, database, lock)
            library._is_new = is_new
            library._sweep_unfinished()
        except BaseException:
            database.close()
            lock.release()
            raise
        return library

    @classmethod
    def open_beside(cls, folder: Path) -> Library:
        """Opens a library even if another program on this computer has it open.

        Beside another program, only the queue may be changed: everything else is kept in memory
        there, too.

        Raises:
            LibraryInUseError: it is open on another computer, with which SQLite cannot share it.
            LibraryError: as `open`.
        """
        try:
            return cls.open(folder)
        except LibraryInUseError:
            folder = absolute(folder)
            with disk_faults(folder):
                if not is_up_to_date(folder / DATABASE) or not _is_open_here(folder):
                    raise
        return cls(folder, Database(folder / DATABASE), None)

    @property
    def is_beside(self) -> bool:
        """Whether another program has it open, too."""
        return self._lock is None

    def close(self) -> None:
        """Closes the database and lets others open the library. Calls after it are a bug."""
        self._database.close()
        if self._lock is not None:
            with suppress(OSError):
                (self.folder / HOST).unlink(missing_ok=True)
            self._lock.release()

    def abandon(self) -> None:
        """Closes the library, and deletes it if this opening made it and nobody is stored in it."""
        unused = self._is_new and not any(video.tracklet_count for video in self.videos())
        self.close()
        if not unused:
            return
        with disk_faults(self.folder):
            for name in (DATABASE, LOCK):
                (self.folder / name).unlink(missing_ok=True)
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that this thread reads and writes inside is one transaction: stored whole or not.

        Other threads read the state before until it ends, and wait with writing.

        Raises:
            LibraryError: the disk is full, read-only or broken.
        """
        with self._database.writing():
            yield

    @property
    def timezone(self) -> ZoneInfo:
        """The zone that file names and --from/--to mean: the system's when the library was made."""
        return self._timezone

    @property
    def revision(self) -> int:
        """Another number after everything that was written: what was read before may be stale.

        Read it before what is to be kept, never after: what is written in between changes it.
        """
        return self._database.revision

    def model(self, role: ModelRole) -> ModelFile | None:
        """The weights that were last used in a role, or None."""
        with self._database.reading() as session:
            row = session.get(ModelRow, role)
            return None if row is None else ModelFile(row.model_id, Path(row.path), row.sha256)

    def remember_model(self, role: ModelRole, model: ModelFile) -> None:
        """Notes which weights are used in a role."""
        path = str(absolute(model.path))
        with self._database.writing() as session:
            session.merge(ModelRow(role=role, model_id=model.id, path=path, sha256=model.sha256))

    def forget_model(self, role: ModelRole) -> None:
        """No weights are used in a role any more."""
        with self._database.writing() as session:
            session.execute(delete(ModelRow).where(ModelRow.role == role))

    def remembered(self, key: str) -> str | None:
        """What was kept under a key by `remember`, or None."""
        with self._database.reading() as session:
            row = session.get(SettingRow, key)
            return None if row is None else row.value

    def remember(self, key: str, value: str) -> None:
        """Keeps something that was found out about the library and takes long to find again."""
        with self._database.writing() as session:
            session.merge(SettingRow(key=key, value=value))

    def _remembered_timezone(self) -> ZoneInfo:
        with self._database.writing() as session:
            row = session.get(SettingRow, _TIMEZONE)
            if row is None:
                row = SettingRow(key=_TIMEZONE, value=system_zone().key)
                session.add(row)
            name = row.value
        zone = zone_named(name)
        if zone is None:
            raise LibraryError(
                tr(
                    "The library {folder} was made in the time zone {name}, which "
                    "this computer does not know.",
                    folder=self.folder,
                    name=name,
                ),
                tr("Install the Python package tzdata."),
            )
        return zone

    def _sweep_unfinished(self) -> None:
        """Deletes crops without rows, where an ingest may have been killed."""
        finished = [VideoStatus.DONE, VideoStatus.PARTIAL]
        with self._database.reading() as session:
            whole = set(session.scalars(select(VideoRow.id).where(VideoRow.status.in_(finished))))
        for video_id in self._crop_files.video_ids():
            if video_id not in whole:
                self._sweep_crops(video_id)


def _check_folder(folder: Path, *, create: bool) -> bool:
    """Makes the folder of a new library, and says so; refuses one where a library cannot be."""
    file = next((each for each in (folder, *folder.parents) if each.is_file()), None)
    if file is not None:
        raise LibraryError(
            tr("{file} is a file, and a library is a folder.", file=file),
            tr("Give {parent}.", parent=file.parent)
            if file.name == DATABASE
            else tr(
                "Give the library's folder, or one that does not exist yet to create a library."
            ),
        )
    if (folder / DATABASE).exists():
        return False
    if not create:
        raise LibraryError(
            tr("There is no library in {folder}.", folder=folder),
            tr("Check the folder, or ingest a folder of videos to create a library."),
        )
    if (folder / CROPS).exists():
        raise LibraryError(
            tr(
                '{folder} contains a folder "{name}", but no database of a library.',
                folder=folder,
                name=CROPS,
            ),
            tr("Choose another folder, or put back the library's {file}.", file=DATABASE),
        )
    folder.mkdir(parents=True, exist_ok=True)
    return True


def _locked(folder: Path) -> FileLock:
    # Released by any thread: the window closes a library in another one than opened it.
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    with disk_faults(folder):
        try:
            lock.acquire()
        except Timeout as error:
            raise LibraryInUseError(
                tr("{folder} is open in another Retrace window or command.", folder=folder),
                tr("Close it there, then try again."),
            ) from error
        (folder / HOST).write_text(platform.node(), "utf-8")
    return lock


def _is_open_here(folder: Path) -> bool:
    """Whether the program that has a library open runs on this computer."""
    try:
        return (folder / HOST).read_text("utf-8") == platform.node()
    except FileNotFoundError:
        return False
