"""Ways between cameras: what was learnt is shown, what is typed is stored whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtWidgets import QDialogButtonBox, QWidget

from app.core.way_limits import WayLimits
from app.gui.tasks import TaskRunner
from app.gui.timeline.ways_dialog import WaysDialog
from app.gui.timeline.ways_flow import WaysFlow
from app.services.route.route import Routes
from app.storage.library import Library
from tests.unit.services.stored_people import add_video, make_search


class Desk:
    """The flow on a library of three cameras."""

    def __init__(self, library: Library, qtbot: Any) -> None:
        self.library, self.qtbot = library, qtbot
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.window.show()
        self.tasks = TaskRunner(self.window)
        self.flow = WaysFlow(self.tasks, self.window)
        self.saved: list[None] = []
        self.flow.saved.connect(lambda: self.saved.append(None))
        routes = Routes(library, make_search(library))
        self.flow.set_workspace(SimpleNamespace(library=library, routes=routes))  # type: ignore[arg-type]

    def ask(self) -> WaysDialog:
        self.flow.ask()
        self.settle()
        (dialog,) = [each for each in self.window.findChildren(WaysDialog) if each.isVisible()]
        return dialog

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.is_busy("ways"))
        self.qtbot.wait(1)

    def save(self, dialog: WaysDialog) -> None:
        box = dialog.findChild(QDialogButtonBox)
        box.button(QDialogButtonBox.StandardButton.Save).click()
        self.settle()


@pytest.fixture
def desk(tmp_path: Path, qtbot: Any) -> Iterator[Desk]:
    with Library.open(tmp_path / "library", create=True) as library:
        for name in ("door", "hall", "yard"):
            add_video(library, tmp_path / f"{name}.mp4", name, datetime(2024, 6, 1, tzinfo=UTC))
        made = Desk(library, qtbot)
        yield made
        made.flow.set_workspace(None)
        made.tasks.shutdown()


def texts(dialog: WaysDialog, column: int) -> list[str]:
    return [dialog.table.item(row, column).text() for row in range(dialog.table.rowCount())]


def test_what_is_typed_is_stored_and_shown_the_next_time(desk: Desk) -> None:
    dialog = desk.ask()
    assert texts(dialog, 0) == ["door – hall", "door – yard", "hall – yard"]
    dialog.table.item(0, 5).setText("0")
    dialog.table.item(1, 5).setText("1:30")
    dialog.table.item(1, 6).setText("600")
    desk.save(dialog)
    assert len(desk.saved) == 1
    door, hall, yard = (camera.id for camera in desk.library.cameras())
    assert desk.library.way_limits() == {
        frozenset((door, hall)): WayLimits(0, None),
        frozenset((door, yard)): WayLimits(90, 600),
    }
    dialog = desk.ask()
    assert texts(dialog, 0)[0] == "door – hall (views overlap)"
    assert (texts(dialog, 5), texts(dialog, 6)) == (["0", "90", ""], ["", "600", ""])
    desk.save(dialog)
    assert len(desk.saved) == 1  # nothing was changed
    dialog = desk.ask()
    dialog.table.item(0, 5).setText("")
    desk.save(dialog)
    assert list(desk.library.way_limits()) == [frozenset((door, yard))]


@pytest.mark.parametrize(("least", "most"), [("soon", ""), ("9", "8"), ("-4", "")])
def test_what_cannot_be_is_said_and_nothing_is_stored(desk: Desk, least: str, most: str) -> None:
    dialog = desk.ask()
    dialog.table.item(0, 5).setText("5")
    dialog.table.item(1, 5).setText(least)
    dialog.table.item(1, 6).setText(most)
    desk.save(dialog)
    assert dialog.problem.isVisible()
    assert desk.library.way_limits() == {}
    assert not desk.saved
