"""A photo in the middle of the window: its people are boxed, and whoever is chosen is searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from results_fakes import a_result
from search_window import Window

from app.core.entities import Detections
from app.gui.results.search_history import read, written
from app.gui.tasks import TaskRunner

SCENE = Path("/pictures/scene.jpg")
LEFT, RIGHT = (20, 40, 80, 200), (300, 30, 380, 230)


@pytest.fixture
def tasks(qapp) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def window(tasks: TaskRunner, qtbot) -> Window:
    made = Window(tasks, qtbot)
    made.photo.resize(600, 400)
    made.photo.show()
    return made


@pytest.fixture
def open_photo(window: Window) -> Callable[..., None]:
    def run(*boxes: tuple[int, ...], score: float = 0.8) -> None:
        found = np.array(boxes, np.float32).reshape(-1, 4)
        window.workspace.scene = Detections(found, np.full(len(boxes), score, np.float32))
        window.workspace.search.results = [a_result(5, 6)]
        window.photos.open(SCENE)
        window.settle()

    return run


def at(window: Window, x_px: float, y_px: float) -> QPoint:
    return (
        window.photo.view.widget_rect(np.array([x_px, y_px, x_px + 1, y_px + 1]))
        .topLeft()
        .toPoint()
    )


def click(window: Window, x_px: float, y_px: float) -> None:
    QTest.mouseClick(window.photo.view, Qt.MouseButton.LeftButton, pos=at(window, x_px, y_px))
    window.settle()


def heights_searched(window: Window) -> list[int]:
    return [query.image.shape[0] for query, _ in window.workspace.search.asked]


def test_of_several_people_nobody_is_searched_before_one_is_clicked(
    window: Window, open_photo: Callable[..., None]
) -> None:
    open_photo(LEFT, RIGHT)
    assert window.workspace.search.asked == []
    assert len(window.photo.view.people) == 2
    assert "Click the person to search for" in window.photo.view.hint
    click(window, 340, 100)
    assert heights_searched(window) == [200]
    assert window.photo.view.highlighted_id == 1
    assert window.panel.head.caption.whole() == "Person of scene.jpg"
    click(window, 50, 100)
    assert heights_searched(window) == [200, 160]
    assert window.photo.view.highlighted_id == 0


def test_one_clear_person_is_searched_at_once(
    window: Window, open_photo: Callable[..., None]
) -> None:
    open_photo(LEFT)
    assert heights_searched(window) == [160]
    assert window.photo.view.highlighted_id == 0


def test_a_doubtful_box_waits_for_a_click(window: Window, open_photo: Callable[..., None]) -> None:
    open_photo(LEFT, score=0.2)
    assert window.workspace.search.asked == []


def test_a_click_beside_the_boxes_only_hints(
    window: Window, open_photo: Callable[..., None]
) -> None:
    open_photo(LEFT, RIGHT)
    click(window, 200, 100)
    assert window.workspace.search.asked == []
    assert "Shift-drag" in window.photo.view.hint


def test_a_drawn_box_is_searched_and_stays(window: Window, open_photo: Callable[..., None]) -> None:
    open_photo()
    assert "Nobody was found" in window.photo.view.hint
    view, shift = window.photo.view, Qt.KeyboardModifier.ShiftModifier
    QTest.mousePress(view, Qt.MouseButton.LeftButton, shift, at(window, 100, 50))
    QTest.mouseMove(view, at(window, 160, 200))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, shift, at(window, 160, 200))
    window.settle()
    (height_px,) = heights_searched(window)
    assert abs(height_px - 150) <= 2
    click(window, 130, 100)
    assert len(window.workspace.search.asked) == 2


def test_back_marks_whose_search_is_shown(window: Window, open_photo: Callable[..., None]) -> None:
    open_photo(LEFT, RIGHT)
    click(window, 50, 100)
    click(window, 340, 100)
    window.flow.go(-1)
    window.settle()
    assert window.photo.view.highlighted_id == 0


def test_a_crop_is_searched_without_being_shown(window: Window, qtbot) -> None:
    shown: list[bool] = []
    window.photos.shown.connect(shown.append)
    window.photos.open(QImage(30, 60, QImage.Format.Format_RGB888))
    window.settle()
    assert True not in shown
    assert heights_searched(window) == [60]


def test_a_search_in_a_photo_is_made_again_in_another_run(
    window: Window, open_photo: Callable[..., None]
) -> None:
    open_photo(LEFT, RIGHT)
    click(window, 340, 100)
    kept = written(window.flow.here())
    find, _, _ = read(window.workspace, kept)
    assert find().query.image.shape == (200, 80, 3)


def test_in_the_window_a_photo_takes_the_place_of_the_video_and_gives_it_back(shell, qtbot) -> None:
    player = shell.player
    shell.results.photos.offered.emit(True)
    shell.results.photos.shown.emit(True)
    assert player.photo.isVisible() and not player.panel.isVisible()
    assert not player.actions["play"].isEnabled() and player.actions["draw-box"].isEnabled()
    QTest.keyClick(shell.window, Qt.Key.Key_Escape)
    assert player.panel.isVisible() and not player.photo.isVisible()
    assert player.panel.photo_button.isVisible()
    shell.results.photos.shown.emit(True)
    player.flow.video_wanted.emit()
    assert player.panel.isVisible()
    shell.results.photos.shown.emit(True)
    player.photo.back.click()
    assert player.panel.isVisible()
