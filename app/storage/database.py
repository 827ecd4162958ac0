"""SQLite through SQLAlchemy: pragmas, and one short session for each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from app.storage.faults import database_faults

# Vectors and trajectories take 1 to 4 kB. With SQLite's usual 4096 bytes a page holds but one
# vector of 512 numbers: 100 000 of them take 418 MB instead of 241 MB.
PAGE_BYTES = 16384
BUSY_TIMEOUT_MS = 30_000
_BEGIN = "retrace_begin"


def sqlite_engine(path: Path, *, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions are SQLite's own, schema changes included.

    Args:
        path: the database file; made if it is missing.
        foreign_keys: off only while migrating, where a table that is rebuilt must not take along
            the rows that refer to it.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)))

    def set_up(connection: Any, _record: Any) -> None:
        # Transactions begin below and nowhere else; the driver would do it late, before a write.
        connection.isolation_level = None
        for pragma in (
            f"page_size={PAGE_BYTES}",  # no effect on a database that has pages
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(str(connection.get_execution_options().get(_BEGIN, "BEGIN")))

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)
    return engine


class Database:
    """The open database of one library. Thread-safe: threads share the pool, never a session.

    Attributes:
        revision: another number after every transaction of `writing`.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._revisions = count(1)
        self.revision = 0
        self._engine: Engine | None = sqlite_engine(path)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees the database as it is now, whatever is written meanwhile.

        Raises:
            LibraryError: the database is damaged or out of reach.
        """
        with database_faults(self._folder), Session(self._live()) as session, session.begin():
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session of one transaction: all of it is stored at the end, or nothing.

        Raises:
            LibraryError: the disk is full, read-only or broken.
        """
        # Taking the write lock at once makes writers queue; one that began by reading would fail.
        engine = self._live().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with (
            database_faults(self._folder),
            Session(engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
        # Not before it is stored: who sees the new number must see the new content.
        self.revision = next(self._revisions)

    def close(self) -> None:
        """Closes the file; SQLite then folds its journal into it."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _live(self) -> Engine:
        if self._engine is None:
            raise RuntimeError(f"the library {self._folder} has been closed")
        return self._engine
