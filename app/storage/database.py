"""SQLite through SQLAlchemy: pragmas, and one short session for each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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
        revision: another number after every transaction that wrote.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._revisions = count(1)
        self._open = _Open()
        self.revision = 0
        self._engine: Engine | None = sqlite_engine(path)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session of one transaction: all of it is stored at the end, or nothing.

        What the same thread reads or writes inside is part of it. If a write inside fails and the
        error is handled, only that write is taken back.

        Raises:
            LibraryError: the disk is full, read-only or broken.
        """
        outer = self._joined()
        if outer is not None:
            with database_faults(self._folder), outer.begin_nested():
                yield outer
            return
        # Taking the write lock at once makes writers queue; one that began by reading would fail.
        engine = self._live().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with (
            database_faults(self._folder),
            Session(engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            afterwards = self._open.afterwards = []
            self._open.session = session
            try:
                yield session
            finally:
                self._open.session = None
        # Not before it is stored: who sees the new number must see the new content.
        self.revision = next(self._revisions)
        for action in afterwards:
            action()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees the database as it is now, whatever is written meanwhile.

        Raises:
            LibraryError: the database is damaged or out of reach.
        """
        outer = self._joined()
        if outer is not None:
            with database_faults(self._folder):
                yield outer
            return
        with database_faults(self._folder), Session(self._live()) as session, session.begin():
            yield session

    def after_commit(self, action: Callable[[], object]) -> None:
        """Does something once this thread's transaction is stored; at once where it has none.

        For what cannot be taken back: files that are deleted with their rows.
        """
        if self._open.session is None:
            action()
        else:
            self._open.afterwards.append(action)

    def close(self) -> None:
        """Closes the file; SQLite then folds its journal into it."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _joined(self) -> Session | None:
        """The session of the transaction that this thread is in, if it is in one."""
        outer = self._open.session
        if outer is not None:
            # What SQL changed in a cascade is unknown to the objects that were read before.
            outer.flush()
            outer.expire_all()
        return outer

    def _live(self) -> Engine:
        if self._engine is None:
            raise RuntimeError(f"the library {self._folder} has been closed")
        return self._engine


class _Open(threading.local):
    """The transaction that a thread is in, and what is to be done once it is stored."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.afterwards: list[Callable[[], object]] = []
