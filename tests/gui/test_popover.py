"""A popover opens beside its button, whole on the screen, and closes without a second click."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QToolButton, QVBoxLayout, QWidget

from app.gui.widgets.popover import Popover

pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing)")


@pytest.fixture
def button(qtbot) -> Iterator[QToolButton]:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(400, 300)
    made = QToolButton(window)
    window.show()
    yield made
    window.close()


def popover_of(button: QToolButton) -> Popover:
    popover = Popover(button)
    box = QCheckBox("inside", popover)
    QVBoxLayout(popover).addWidget(box)
    return popover


def test_it_opens_below_its_button_with_the_focus_inside_and_closes_at_esc(button, qtbot) -> None:
    popover = popover_of(button)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert popover.isVisible() and button.isChecked()
    assert popover.y() >= button.mapToGlobal(QPoint(0, button.height())).y()
    qtbot.waitUntil(lambda: popover.focusWidget() is not None)
    qtbot.keyClick(popover, Qt.Key.Key_Escape)
    assert not popover.isVisible() and not button.isChecked()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert popover.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not popover.isVisible()


def test_it_opens_above_and_to_the_left_where_the_screen_ends(button, qtbot) -> None:
    room = button.screen().availableGeometry()
    button.window().move(room.right() - 60, room.bottom() - 40)
    popover = popover_of(button)
    button.setChecked(True)
    assert room.contains(popover.geometry())
    assert popover.geometry().bottom() < button.mapToGlobal(QPoint(0, 0)).y()
    button.setChecked(False)
