"""The list of people: searched by a click, renamed, merged, marked, deleted, and undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QColorDialog,
    QInputDialog,
    QMessageBox,
    QPushButton,
    QTreeWidget,
    QWidget,
)

from app.gui.people.people_flow import PeopleFlow
from app.gui.people.people_panel import PeoplePanel
from app.gui.tasks import TaskRunner
from app.services.people.people import People
from app.storage.library import Library
from tests.unit.services.stored_people import add_people, add_video, unit


class Desk:
    """The list with its flow, on a real library."""

    def __init__(self, library: Library, qtbot: Any) -> None:
        self.library, self.qtbot = library, qtbot
        self.people = People(library)
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.tasks = TaskRunner(self.window)
        self.panel = PeoplePanel(self.window)
        self.panel.resize(300, 300)
        self.window.show()
        self.flow = PeopleFlow(self.panel, self.tasks, self.window)
        self.problems: list[Exception] = []
        self.flow.problem.connect(self.problems.append)
        self.tree = self.panel.findChild(QTreeWidget, "people_list")

    def open(self) -> None:
        self.flow.set_workspace(SimpleNamespace(people=self.people))  # type: ignore[arg-type]
        self.settle()

    def settle(self) -> None:
        lanes = ("people", "decisions")
        self.qtbot.waitUntil(lambda: not any(self.tasks.is_busy(lane) for lane in lanes))
        self.qtbot.wait(1)

    def rows(self) -> list[tuple[str, str]]:
        items = [self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount())]
        return [(item.text(0), item.text(1)) for item in items if not item.isHidden()]

    def choose(self, *rows: int) -> None:
        self.tree.clearSelection()
        self.tree.setCurrentItem(self.tree.topLevelItem(rows[0]))
        for row in rows:
            self.tree.topLevelItem(row).setSelected(True)

    def run(self, action: str) -> None:
        self.panel.actions_by_name[action].trigger()
        self.settle()


@pytest.fixture
def desk(tmp_path: Path, qtbot: Any) -> Iterator[Desk]:
    """Ann with three sightings, Bert with two; the last of each are in one frame."""
    with Library.open(tmp_path / "library", create=True) as library:
        video = add_video(library, tmp_path / "cam1.mp4")
        times = [(0.0, 0.2), (1.0, 1.2), (2.0, 2.2), (3.0, 3.2), (2.0, 2.2)]
        ids = [each.id for each in add_people(library, video, [unit(1, 0)] * 5, times=times)]
        made = Desk(library, qtbot)
        ann = made.people.confirm(ids[0], ids[1])
        made.people.confirm(ids[0], ids[2])
        bert = made.people.confirm(ids[3], ids[4])
        made.people.name(ann.id, "Ann")
        made.people.name(bert.id, "Bert")
        made.open()
        yield made
        made.tasks.shutdown()


def test_a_click_searches_for_a_person_and_names_are_filtered(desk: Desk) -> None:
    assert desk.rows() == [("Ann", "3"), ("Bert", "2")]
    opened: list[int] = []
    desk.panel.opened.connect(opened.append)
    place = desk.tree.visualItemRect(desk.tree.topLevelItem(1)).center()
    QTest.mouseClick(desk.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened == [desk.people.find("Bert").id]
    desk.panel._filter.setText("an")
    assert desk.rows() == [("Ann", "3")]


def test_a_person_is_renamed_in_place_and_an_empty_name_is_refused(desk: Desk) -> None:
    item = desk.tree.topLevelItem(0)
    item.setText(0, "Anna")
    desk.settle()
    assert desk.rows() == [("Anna", "3"), ("Bert", "2")]
    desk.tree.topLevelItem(0).setText(0, "  ")
    desk.settle()
    assert "cannot be empty" in str(desk.problems[0])
    assert desk.rows() == [("Anna", "3"), ("Bert", "2")]


def test_people_are_merged_after_a_question_where_a_frame_shows_both(desk: Desk) -> None:
    desk.choose(0)
    assert not desk.panel.actions_by_name["merge-people"].isEnabled()
    desk.choose(1, 0)
    desk.run("merge-people")
    assert desk.rows() == [("Ann", "3"), ("Bert", "2")]
    question = desk.window.findChild(QMessageBox, "question")
    assert "cam1.mp4 shows both at once" in question.text()
    question.findChild(QPushButton, "question_agree").click()
    desk.settle()
    assert desk.rows() == [("Bert", "5")], "who has the focus stays"
    desk.people.undo()
    desk.flow.refresh()
    desk.settle()
    assert desk.rows() == [("Ann", "3"), ("Bert", "2")]
    assert desk.problems == []


def test_colour_and_notes_are_kept(desk: Desk) -> None:
    desk.choose(0)
    desk.run("colour-person")
    dialog = desk.window.findChild(QColorDialog, "person_colour")
    dialog.setCurrentColor("#c03060")
    dialog.accept()
    desk.settle()
    desk.choose(0)
    desk.run("note-person")
    notes = desk.window.findChild(QInputDialog, "person_notes")
    notes.setTextValue("red hat")
    notes.accept()
    desk.settle()
    ann = desk.people.find("Ann")
    assert (ann.colour, ann.notes) == ("#c03060", "red hat")
    assert desk.tree.topLevelItem(0).toolTip(0) == "3 sightings\nred hat"


def test_a_deleted_person_leaves_the_list_and_the_sightings_stay(desk: Desk) -> None:
    told: list[bool] = []
    desk.flow.changed.connect(lambda: told.append(True))
    desk.choose(0, 1)
    desk.run("delete-person")
    assert desk.rows() == [] and told == [True]
    assert desk.panel.findChild(QWidget, "people_empty").isVisible()
    assert len(desk.library.tracklets_of(1)) == 5
    desk.people.undo()
    desk.people.undo()
    desk.flow.refresh()
    desk.settle()
    assert desk.rows() == [("Ann", "3"), ("Bert", "2")]
