"""Brings a library's database to the schema of this program: backup first, newer ones refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import LibraryError, LibraryTooNewError
from app.language import tr
from app.storage.database import sqlite_engine
from app.storage.faults import damaged, database_faults, disk_faults

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
# The newest migration. Stated here, because Alembic takes 0.3 s to import and is rarely needed.
REVISION = "0011"


def bring_up_to_date(
    path: Path, *, create: bool, migrations: Path = MIGRATIONS, wanted: str = REVISION
) -> Path | None:
    """Checks the database, and upgrades it where it is older than this program.

    Args:
        path: the database file.
        create: whether a missing or empty database becomes a new library.
        migrations: the Alembic folder.
        wanted: the newest revision in it.

    Returns:
        The backup that was made before the upgrade, or None where there was nothing to upgrade.

    Raises:
        LibraryTooNewError: a newer version of the program has upgraded it.
        LibraryError: it is damaged, not a library's, or cannot be written.
    """
    with database_faults(path.parent):
        revision = _revision(path, create=create)
        if revision == wanted:
            return None
        config = _config(migrations)
        if revision is None:
            _upgrade(path, config)
            return None
        if revision not in _known(config):
            raise LibraryTooNewError(
                tr(
                    "The library {folder} was last opened by a newer version of Retrace "
                    "(its database is of version {version}, this program's of {own}).",
                    folder=path.parent,
                    version=revision,
                    own=wanted,
                ),
                tr("Update Retrace, or restore the backup that the newer version made next to it."),
            )
        backup = _back_up(path, revision)
        _upgrade(path, config)
        return backup


def is_up_to_date(path: Path) -> bool:
    """Whether the database has the schema of this program; raises LibraryError if it is damaged."""
    with database_faults(path.parent):
        return _revision(path, create=False) == REVISION


def _config(migrations: Path) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config


def _known(config: Config) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _revision(path: Path, *, create: bool) -> str | None:
    """The schema's revision, None for a database that is yet to be made."""
    if create and not path.exists():
        return None
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "alembic_version" in tables:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            if len(rows) != 1:
                raise damaged(path.parent, tr("its database does not say which version it is"))
            return str(rows[0][0])
    if create and not tables:
        return None
    raise LibraryError(
        tr("{path} is not the database of a library.", path=path),
        tr("Choose the folder of a library, or create a new one in an empty folder."),
    )


def _back_up(path: Path, revision: str) -> Path:
    """A copy beside the database; it bears its name only when it is complete."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    backup = path.with_name(f"{path.name}.backup-{revision}-{stamp}")
    unfinished = backup.with_name(f"{backup.name}.unfinished")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)
        with disk_faults(path.parent):
            unfinished.replace(backup)
    finally:
        unfinished.unlink(missing_ok=True)
    return backup


def _upgrade(path: Path, config: Config) -> None:
    """Runs the missing migrations in one transaction."""
    from alembic import command

    engine = sqlite_engine(path, foreign_keys=False)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if dangling:
                raise RuntimeError(f"the migration left rows that refer to nothing: {dangling[:5]}")
    finally:
        engine.dispose()
