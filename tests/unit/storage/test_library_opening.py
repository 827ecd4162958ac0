from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from storage_builders import EMBEDDER, files_below

from app.core.entities import ModelFile, Video
from app.core.errors import LibraryError, LibraryInUseError
from app.storage import library as library_module
from app.storage.crop_files import read_crop
from app.storage.library import Library
from tests.stored_vectors import all_vectors

CHECKOUT = Path(__file__).parents[3]


def test_a_folder_without_library_is_told_and_left_alone(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(LibraryError, match="There is no library in") as caught:
            Library.open(folder)
        assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_new_library_holds_nothing_but_database_and_lock(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with Library.open(folder, create=True) as library:
        assert library.folder == folder
        assert library.videos() == []
        assert library.cameras() == []
    assert files_below(folder) == {"library.sqlite", "library.lock"}
    with Library.open(folder, create=True) as library:  # creating again only opens
        assert library.videos() == []


def test_a_relative_folder_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Library.open(Path("somewhere/../here"), create=True) as library:
        assert library.folder == tmp_path / "here"


def test_pragmas(library: Library) -> None:
    with library._database.reading() as session:
        connection = session.connection()

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("foreign_keys") == 1
        assert pragma("synchronous") == 1
        assert pragma("page_size") == 16384
        assert pragma("busy_timeout") == 30_000


def test_timezone_is_the_one_of_the_day_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    Library.open(tmp_path / "l", create=True).close()
    monkeypatch.setenv("TZ", "Europe/Berlin")
    with Library.open(tmp_path / "l") as library:
        assert library.timezone.key == "Asia/Tokyo"


def test_an_unknown_timezone_is_told(tmp_path: Path) -> None:
    Library.open(tmp_path / "l", create=True).close()
    with sqlite3.connect(tmp_path / "l" / "library.sqlite") as connection:
        connection.execute("UPDATE settings SET value = 'Mars/Olympus' WHERE key = 'timezone'")
    connection.close()
    with pytest.raises(LibraryError, match="time zone Mars/Olympus"):
        Library.open(tmp_path / "l")


def test_models_are_remembered_by_role(library: Library, tmp_path: Path) -> None:
    assert library.model("detector") is None
    old = ModelFile("yolo-1", tmp_path / "yolo.onnx", "ab" * 32)
    new = ModelFile("yolo-2", tmp_path / "yolo2.onnx", "cd" * 32)
    embedder = ModelFile("osnet-1", tmp_path / "osnet.onnx", "ef" * 32)
    for role, model in (("detector", old), ("embedder", embedder), ("detector", new)):
        library.remember_model(role, model)
    assert library.model("detector") == new
    assert library.model("embedder") == embedder


def test_a_second_opening_in_the_same_process_is_refused(library: Library) -> None:
    for create in (False, True):
        with pytest.raises(LibraryInUseError, match="is open in another Retrace window") as caught:
            Library.open(library.folder, create=create)
        assert "Close it" in caught.value.remedy
    library.close()
    Library.open(library.folder).close()


def test_any_thread_may_close(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "l", create=True)
    thread = threading.Thread(target=library.close)
    thread.start()
    thread.join()
    Library.open(tmp_path / "l").close()


def test_a_killed_process_frees_the_library(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    code = (
        "import sys; from pathlib import Path; from app.storage.library import Library\n"
        "library = Library.open(Path(sys.argv[1]), create=True)\n"
        "library.create_identity('stored')\n"
        "sys.stdout.write('open'); sys.stdout.flush(); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"open"
        with pytest.raises(LibraryInUseError):
            Library.open(folder)
        process.kill()
    with Library.open(folder) as library:
        assert [person.name for person in library.identities()] == ["stored"]


def test_a_closed_library_refuses_work(library: Library) -> None:
    library.close()
    library.close()  # once more does no harm
    with pytest.raises(RuntimeError, match="has been closed"):
        library.videos()
    with pytest.raises(RuntimeError, match="has been closed"):
        library.create_identity("Ann")


def test_a_copied_folder_is_the_same_library(library, add_video, store, tmp_path: Path) -> None:
    tracklets = store(add_video(), (1, 0.0), (2, 1.0))
    library.close()
    copy = tmp_path / "Sicherung – копия 写し"
    shutil.copytree(library.folder, copy)
    shutil.rmtree(library.folder)
    with Library.open(copy) as opened:
        found = opened.tracklets([tracklet.id for tracklet in tracklets])
        assert [tracklet.number for tracklet in found] == [1, 2]
        for tracklet in found:
            assert tracklet.thumbnail.path.is_relative_to(copy)
            assert read_crop(tracklet.thumbnail.path).shape == (48, 24, 3)
        assert len(all_vectors(opened, EMBEDDER)) == 2


def damage_nothing_left(database: Path) -> None:
    database.write_bytes(b"")


def damage_foreign(database: Path) -> None:
    database.write_bytes(b"this is a shopping list, not a database\n" * 1000)


def damage_cut(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2)


def damage_other_program(database: Path) -> None:
    database.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()


def damage_no_version(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing_left, "not the database of a library"),
        (damage_foreign, "not one of SQLite"),
        (damage_cut, "damaged database"),
        (damage_other_program, "not the database of a library"),
        (damage_no_version, "which version"),
    ],
)
def test_what_is_no_library_is_told_and_kept(library: Library, damage, message: str) -> None:
    library.close()
    database = library.folder / "library.sqlite"
    damage(database)
    before = database.read_bytes()
    for _ in range(2):  # the second time shows that the lock was freed
        with pytest.raises(LibraryError, match=message) as caught:
            Library.open(library.folder)
        assert not isinstance(caught.value, LibraryInUseError)
        assert str(library.folder) in caught.value.message
        assert caught.value.remedy
    assert database.read_bytes() == before


def test_another_programs_database_is_not_taken_over(tmp_path: Path) -> None:
    damage_other_program_folder = tmp_path / "l"
    damage_other_program_folder.mkdir()
    database = damage_other_program_folder / "library.sqlite"
    database.touch()
    damage_other_program(database)
    with pytest.raises(LibraryError, match="not the database of a library"):
        Library.open(tmp_path / "l", create=True)


def test_a_creation_that_was_killed_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").touch()
    with Library.open(tmp_path, create=True) as library:
        assert library.videos() == []


def test_crops_without_database_are_not_adopted(tmp_path: Path) -> None:
    (tmp_path / "crops" / "1").mkdir(parents=True)
    (tmp_path / "crops" / "1" / "00001_0000001.jpg").write_bytes(b"precious")
    with pytest.raises(LibraryError, match="no database of a library"):
        Library.open(tmp_path, create=True)
    assert files_below(tmp_path) == {"crops/1/00001_0000001.jpg"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LibraryError, match="file is a file, and a library is a folder") as caught:
        Library.open(tmp_path / "file" / "library", create=True)
    assert caught.value.remedy


def test_the_database_named_in_place_of_its_folder_is_answered_with_the_folder(
    tmp_path: Path,
) -> None:
    Library.open(tmp_path / "library", create=True).close()
    with pytest.raises(LibraryError, match="is a file") as caught:
        Library.open(tmp_path / "library" / "library.sqlite")
    assert caught.value.remedy == f"Give {tmp_path / 'library'}."


def test_an_abandoned_library_is_gone_if_it_was_new_and_empty(
    library: Library, add_video: Callable[..., Video], store: Callable[..., object], tmp_path: Path
) -> None:
    Library.open(tmp_path / "new", create=True).abandon()
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    Library.open(tmp_path / "mine", create=True).abandon()
    assert files_below(tmp_path / "mine") == {"notes.txt"}
    Library.open(tmp_path / "known", create=True).close()
    Library.open(tmp_path / "known", create=True).abandon()
    assert "library.sqlite" in files_below(tmp_path / "known"), "this opening did not make it"
    store(add_video(), (1, 0.0))
    library.abandon()
    assert "library.sqlite" in files_below(library.folder), "somebody is stored in it"


def test_a_forgotten_model_is_no_longer_used(library: Library, tmp_path: Path) -> None:
    library.remember_model("aggregator", ModelFile("n-1", tmp_path / "n.safetensors", "0" * 64))
    library.forget_model("aggregator")
    library.forget_model("reranker")
    assert library.model("aggregator") is None


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    Library.open(folder, create=True).close()
    (folder / "library.lock").unlink()
    folder.chmod(0o500)
    try:
        with pytest.raises(LibraryError, match="cannot be read or written"):
            Library.open(folder)
    finally:
        folder.chmod(0o700)


def test_a_lock_file_that_may_not_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Library.open(tmp_path, create=True).close()

    class Forbidden(library_module.FileLock):
        def acquire(self, *arguments, **options):
            raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(library_module, "FileLock", Forbidden)
    with pytest.raises(LibraryError, match="cannot be read or written") as caught:
        Library.open(tmp_path)
    assert "permissions" in caught.value.remedy
