"""Pictures of crops: read in the background, bounded, only those that are still wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage

from app.gui.results.thumbnails import LANE, READ_SIZE_PX, Thumbnails, read_picture
from app.gui.tasks import TaskRunner

ROOM = QSize(80, 160)


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


def a_picture(path: Path, width: int = 40, height: int = 100, colour: str = "#c03020") -> Path:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    assert image.save(str(path))
    return path


def test_reads_in_the_background_and_fits_without_stretching(
    tasks: TaskRunner, tmp_path: Path, qtbot
) -> None:
    thumbnails = Thumbnails(tasks)
    path = a_picture(tmp_path / "a.png")
    assert thumbnails.pixmap(path, ROOM) is None
    with qtbot.waitSignal(thumbnails.loaded) as loaded:
        thumbnails.want([path])
    assert loaded.args == [path]
    fitted = thumbnails.pixmap(path, ROOM)
    assert fitted is not None
    assert fitted.size() == QSize(64, 160)
    assert fitted.toImage().pixelColor(32, 80) == QColor("#c03020")
    assert thumbnails.pixmap(path, ROOM / 2).size() == QSize(32, 80)


def test_a_large_crop_is_scaled_down_while_it_is_read(tmp_path: Path) -> None:
    image = read_picture(a_picture(tmp_path / "large.jpg", 1000, 2000))
    assert (image.width(), image.height()) == (240, 480)
    assert image.height() == READ_SIZE_PX.height()


def test_a_file_that_cannot_be_read_is_null_and_not_read_again(
    tasks: TaskRunner, tmp_path: Path, qtbot
) -> None:
    thumbnails = Thumbnails(tasks)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    missing = tmp_path / "missing.jpg"
    with qtbot.waitSignals([thumbnails.loaded] * 2):
        thumbnails.want([broken, missing])
    for path in (broken, missing):
        pixmap = thumbnails.pixmap(path, ROOM)
        assert pixmap is not None
        assert pixmap.isNull()
    qtbot.waitUntil(lambda: not tasks.is_busy(LANE))
    thumbnails.want([broken])
    assert not tasks.is_busy(LANE)


def test_what_is_no_longer_wanted_is_not_read(tasks: TaskRunner, tmp_path: Path, qtbot) -> None:
    thumbnails = Thumbnails(tasks)
    old = [a_picture(tmp_path / f"old{number}.png") for number in range(20)]
    new = a_picture(tmp_path / "new.png")
    go_on = threading.Event()
    tasks.start(LANE, (go_on.wait(10) for _ in range(1)))
    thumbnails.want(old)
    thumbnails.want([new, old[3]])
    go_on.set()
    qtbot.waitUntil(lambda: not tasks.is_busy(LANE))
    assert thumbnails.pixmap(new, ROOM) is not None
    assert thumbnails.pixmap(old[3], ROOM) is not None
    assert len(thumbnails) == 2


def test_the_longest_unused_is_forgotten_first(tasks: TaskRunner, tmp_path: Path, qtbot) -> None:
    one = 40 * 100 * 4
    thumbnails = Thumbnails(tasks, budget_bytes=3 * one)
    paths = [a_picture(tmp_path / f"{number}.png") for number in range(4)]
    same_size = QSize(40, 100)
    with qtbot.waitSignals([thumbnails.loaded] * 2):
        thumbnails.want(paths[:2])
    qtbot.waitUntil(lambda: not tasks.is_busy(LANE))
    thumbnails.want(paths[2:3])
    qtbot.waitUntil(lambda: not tasks.is_busy(LANE))
    assert len(thumbnails) == 3
    thumbnails.pixmap(paths[0], QSize(4, 10))  # touched, hence younger than the other two
    thumbnails.want(paths[3:])
    qtbot.waitUntil(lambda: not tasks.is_busy(LANE))
    assert thumbnails.pixmap(paths[0], same_size) is not None
    assert thumbnails.pixmap(paths[1], same_size) is None
    assert thumbnails.pixmap(paths[3], same_size) is not None
