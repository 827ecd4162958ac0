"""Older libraries are upgraded behind a backup, newer ones are refused."""

from __future__ import annotations

import functools
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.core.chapters import TrackletPart
from app.core.entities import Crop, Trajectory, VideoInfo
from app.core.errors import LibraryError, LibraryTooNewError
from app.storage import library as library_module
from app.storage.database import sqlite_engine
from app.storage.library import Library
from app.storage.schema import MIGRATIONS, REVISION, bring_up_to_date
from app.storage.tables import Base
from tests.stored_vectors import all_vectors

# Rebuilds the table that most others refer to: if foreign keys were on, they would lose their rows.
NEXT_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade():
    with op.batch_alter_table("tracklets", recreate="always") as tracklets:
        tracklets.add_column(sa.Column("remark", sa.String(), server_default="none"))
    {more}
"""


def rows(database: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("library.sqlite.backup-*"))


@pytest.fixture
def newer_migrations(tmp_path: Path) -> Callable[..., Path]:
    """The program's migrations and one more, as a later version would have."""

    def make(more: str = "pass") -> Path:
        folder = tmp_path / "100 % newer"
        shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        text = NEXT_MIGRATION.format(before=REVISION, more=more)
        (folder / "versions" / "v9999_remarks.py").write_text(text)
        return folder

    return make


@pytest.fixture
def old_library(tmp_path: Path) -> Path:
    """A library of this version with one tracklet in it."""
    folder = tmp_path / "Bibliothek 図書館"
    time_s = np.arange(3) * 0.2
    boxes = np.ones((3, 4), np.float32)
    trajectory = Trajectory(np.arange(3, dtype=np.int32), time_s, boxes, np.ones(3, np.float32))
    crop = Crop(np.zeros((8, 4, 3), np.uint8), 0, 0.0, boxes[0], 0.5)
    with Library.open(folder, create=True) as library:
        info = VideoInfo(tmp_path / "a.mp4", "cam1", 10, 10, 25.0, None, None)
        video = library.add_video(tmp_path, info, "hash", 1, 1)
        track = TrackletPart(1, trajectory, (crop,))
        library.store_tracklets(video.id, [track], np.ones((1, 4), np.float32), "osnet")
    return folder


def test_the_migrations_make_the_tables_of_this_program(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    assert bring_up_to_date(path, create=True) is None
    engine = sqlite_engine(path)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
    finally:
        engine.dispose()
    assert rows(path, "SELECT version_num FROM alembic_version") == [(REVISION,)]


def test_deletes_cascade_as_the_tables_say(tmp_path: Path) -> None:
    """What Alembic's comparison does not see."""
    path = tmp_path / "library.sqlite"
    bring_up_to_date(path, create=True)
    for table in Base.metadata.sorted_tables:
        wanted = {
            (key.parent.name, key.column.table.name, key.ondelete or "NO ACTION")
            for key in table.foreign_keys
        }
        found = {
            (column, target, on_delete)
            for _, _, target, column, _, _, on_delete, _ in rows(
                path, f"PRAGMA foreign_key_list({table.name})"
            )
        }
        assert found == wanted
    sequences = rows(path, "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
    assert {name for (name,) in sequences} == {"videos", "tracklets"}


def test_the_revision_named_in_the_program_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_an_up_to_date_library_is_left_alone(old_library: Path) -> None:
    before = (old_library / "library.sqlite").read_bytes()
    assert bring_up_to_date(old_library / "library.sqlite", create=False) is None
    assert (old_library / "library.sqlite").read_bytes() == before
    assert backups(old_library) == []


def test_an_older_library_is_backed_up_then_upgraded(
    old_library: Path, newer_migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = functools.partial(bring_up_to_date, migrations=newer_migrations(), wanted="9999")
    monkeypatch.setattr(library_module, "bring_up_to_date", upgrade)
    with Library.open(old_library) as library:
        (video,) = library.videos()
        (tracklet,) = library.tracklets_of(video.id)
        assert len(library.trajectory(tracklet.id)) == 3
        assert len(library.crops(tracklet.id)) == 1
        assert len(all_vectors(library, "osnet")) == 1
    database = old_library / "library.sqlite"
    assert rows(database, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert rows(database, "SELECT remark FROM tracklets") == [("none",)]
    assert rows(database, "PRAGMA foreign_key_check") == []

    (backup,) = backups(old_library)
    assert backup.name.startswith(f"library.sqlite.backup-{REVISION}-2")
    assert rows(backup, "SELECT version_num FROM alembic_version") == [(REVISION,)]
    monkeypatch.undo()
    database.unlink()
    backup.rename(database)  # what the remedy tells the user of an older program
    with Library.open(old_library) as library:
        assert library.videos()[0].tracklet_count == 1


def test_an_upgrade_that_fails_changes_nothing(old_library: Path, newer_migrations) -> None:
    database = old_library / "library.sqlite"
    migrations = newer_migrations('raise ArithmeticError("half way")')
    with pytest.raises(ArithmeticError, match="half way"):
        bring_up_to_date(database, create=False, migrations=migrations, wanted="9999")
    assert rows(database, "SELECT version_num FROM alembic_version") == [(REVISION,)]
    with Library.open(old_library) as library:
        assert library.videos()[0].tracklet_count == 1
    assert len(backups(old_library)) == 1


def test_an_upgrade_that_leaves_dangling_rows_is_undone(
    old_library: Path, newer_migrations
) -> None:
    database = old_library / "library.sqlite"
    migrations = newer_migrations('op.execute("DELETE FROM videos")')
    with pytest.raises(RuntimeError, match="refer to nothing"):
        bring_up_to_date(database, create=False, migrations=migrations, wanted="9999")
    assert rows(database, "SELECT count(*) FROM videos") == [(1,)]


def test_no_upgrade_without_a_backup(
    old_library: Path, newer_migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    database = old_library / "library.sqlite"
    with pytest.raises(LibraryError, match="the disk is full"):
        bring_up_to_date(database, create=False, migrations=newer_migrations(), wanted="9999")
    assert rows(database, "SELECT version_num FROM alembic_version") == [(REVISION,)]
    assert backups(old_library) == []  # an unfinished one is not left either


def test_a_newer_library_is_refused_and_left_alone(old_library: Path, newer_migrations) -> None:
    database = old_library / "library.sqlite"
    bring_up_to_date(database, create=False, migrations=newer_migrations(), wanted="9999")
    for backup in backups(old_library):
        backup.unlink()
    before = database.read_bytes()
    for create in (False, True):
        with pytest.raises(LibraryTooNewError, match="newer version of Retrace") as caught:
            Library.open(old_library, create=create)
        assert "9999" in caught.value.message
        assert REVISION in caught.value.message
        assert "Update Retrace" in caught.value.remedy
    assert database.read_bytes() == before
    assert backups(old_library) == []
