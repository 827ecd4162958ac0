"""Errors of SQLite and of the disk, told as sentences that a user can act on."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from app.core.errors import LibraryError
from app.language import tr

_FREE_SPACE = tr("Free some space on that disk and try again; nothing incomplete was kept.")
_ALLOW_WRITING = tr(
    "Check the folder's permissions, or copy the library to a place where you may write."
)
_CHECK_DISK = tr("Check that the disk is connected and working, then try again.")
_RESTORE = tr("Restore the folder from a backup, or ingest the videos into a new library.")
_CLOSE_OTHERS = tr("Close other programs that read the library's database and try again.")

# Primary result code → what is wrong with the library, what to do.
_SQLITE_FAULTS = {
    sqlite3.SQLITE_FULL: (
        tr("The library {folder} cannot be written: the disk is full."),
        _FREE_SPACE,
    ),
    sqlite3.SQLITE_READONLY: (tr("The library {folder} cannot be written."), _ALLOW_WRITING),
    sqlite3.SQLITE_PERM: (tr("The library {folder} cannot be written."), _ALLOW_WRITING),
    sqlite3.SQLITE_CANTOPEN: (
        tr("The library {folder} has a database that cannot be opened."),
        _ALLOW_WRITING,
    ),
    sqlite3.SQLITE_IOERR: (
        tr("The library {folder} cannot be read or written: the disk reports an error."),
        _CHECK_DISK,
    ),
    sqlite3.SQLITE_CORRUPT: (tr("The library {folder} has a damaged database."), _RESTORE),
    sqlite3.SQLITE_NOTADB: (
        tr("The library {folder} has a damaged database: the file is not one of SQLite."),
        _RESTORE,
    ),
    sqlite3.SQLITE_BUSY: (
        tr("The library {folder} is being used by another program."),
        _CLOSE_OTHERS,
    ),
    sqlite3.SQLITE_LOCKED: (
        tr("The library {folder} is being used by another program."),
        _CLOSE_OTHERS,
    ),
}
_SHARED_MEMORY_BYTES = 32768  # what SQLite takes beside a database in use
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def disk_fault(folder: Path, error: OSError) -> LibraryError:
    """What a failed file operation in a library means to the user."""
    if error.errno in _FULL:
        return LibraryError(
            tr("The library {folder} cannot be written: the disk is full.", folder=folder),
            _FREE_SPACE,
        )
    if error.errno in _FORBIDDEN:
        return LibraryError(
            tr("The library {folder} cannot be read or written.", folder=folder), _ALLOW_WRITING
        )
    reason = error.strerror or str(error)
    return LibraryError(
        tr("The library {folder} cannot be used: {reason}.", folder=folder, reason=reason),
        _CHECK_DISK,
    )


@contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Turns an OSError of the body into a LibraryError."""
    try:
        yield
    except OSError as error:
        raise disk_fault(folder, error) from error


@contextmanager
def database_faults(folder: Path) -> Iterator[None]:
    """Turns what is wrong with the database file into a LibraryError; wrong SQL stays a bug."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        # The low byte is the primary code. Errors of the sqlite3 module itself carry none: bugs.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code not in _SQLITE_FAULTS:
            raise
        if code == sqlite3.SQLITE_IOERR and _is_full(folder):
            code = sqlite3.SQLITE_FULL  # SQLite's shared memory finds no room: it says IOERR
        text, remedy = _SQLITE_FAULTS[code]
        raise LibraryError(text.format(folder=folder), remedy) from error


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _SHARED_MEMORY_BYTES
    except OSError:
        return False


def damaged(folder: Path, what: str) -> LibraryError:
    """The database can be read, but something in it makes no sense."""
    return LibraryError(
        tr("The library {folder} is damaged: {what}.", folder=folder, what=what), _RESTORE
    )
