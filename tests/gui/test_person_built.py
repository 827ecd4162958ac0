"""A search builds a person: what is judged is searched for at once, whatever it began with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton, QToolButton
from search_window import Window

from app.core.errors import SeenTogetherError
from app.core.queries import CropQuery, PersonQuery, TrackletQuery
from app.gui.tasks import TaskRunner


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def window(tasks: TaskRunner, qtbot) -> Window:
    return Window(tasks, qtbot)


def test_a_picture_is_searched_and_a_person_begins_with_the_first_hit_confirmed(
    window: Window, qtbot
) -> None:
    with qtbot.waitSignal(window.flow.query_changed) as changed:
        window.panel.picture_wanted.emit(Path("/pictures/me.jpg"))
    assert isinstance(changed.args[0], CropQuery)
    window.settle()
    assert window.panel.head.caption.whole() == "Person of me.jpg"
    assert not window.panel.head.picture.pixmap().isNull()
    people, (one, two, three) = window.workspace.people, window.ids()[:3]
    window.choose(1)
    window.panel.actions_by_name["reject"].trigger()
    window.choose(2)
    window.panel.actions_by_name["maybe"].trigger()
    window.settle()
    assert people.calls == []  # nobody is known yet to whom that could be said
    assert window.panel.model.verdict_of(two) == "different"
    window.choose(0)
    window.panel.actions_by_name["confirm"].trigger()
    window.settle()
    assert people.calls == [("begin", one), ("reject", one, two), ("doubt", one, three)]
    query, _ = window.workspace.search.asked[-1]
    assert isinstance(query, PersonQuery)
    assert isinstance(query.shown[0], CropQuery) and query.shown[1] == TrackletQuery(one)
    assert query.rejected == (two,)


def test_what_was_judged_is_searched_for_at_once(window: Window) -> None:
    window.search(8, 5, 6, 7)
    window.choose(0)
    window.panel.actions_by_name["confirm"].trigger()
    window.settle()
    window.choose(1)
    window.panel.actions_by_name["reject"].trigger()
    window.settle()
    query, _ = window.workspace.search.asked[-1]
    assert query.shown == (TrackletQuery(8), TrackletQuery(5))
    assert query.rejected == (6,)
    strip = window.panel.head.judged
    assert strip.isVisible()
    assert strip.findChild(QToolButton, "judged_5") and strip.findChild(QToolButton, "judged_6")
    window.panel.head.example_left.emit(6)
    window.settle()
    assert window.workspace.people.calls[-1] == ("reopen", 8, 6)
    assert window.workspace.search.asked[-1][0].rejected == ()
    assert window.panel.model.verdict_of(6) is None


def test_two_boxes_of_a_frame_are_one_person_only_after_a_question(window: Window) -> None:
    window.search(8, 5, 6)
    people = window.workspace.people
    people.error = SeenTogetherError("cam1.mp4 shows both at once.", "")
    window.choose(0)
    window.panel.actions_by_name["confirm"].trigger()
    window.settle()
    question = window.panel.findChild(QMessageBox, "question")
    assert "shows both at once" in question.text()
    assert window.panel.model.verdict_of(5) is None
    people.error = None
    question.findChild(QPushButton, "question_agree").click()
    window.settle()
    assert people.calls == [("confirm", 8, 5, "anyway")]
    assert window.panel.model.verdict_of(5) == "same"


def test_after_a_verdict_the_next_undecided_hit_is_selected(window: Window) -> None:
    window.search(8, 5, 6, 7)
    window.choose(1)
    window.panel.actions_by_name["reject"].trigger()
    assert window.panel.gallery.chosen_id() == 7
    window.settle()
    window.panel.actions_by_name["maybe"].trigger()
    window.settle()
    assert window.panel.gallery.chosen_id() == 7, "there is no other one after it"


def test_a_box_that_was_drawn_is_searched(window: Window) -> None:
    box = np.array([10, 10, 50, 90], np.float32)
    window.flow.search_box(3, 72.0, box)
    window.settle()
    query, _ = window.workspace.search.asked[-1]
    assert isinstance(query, CropQuery) and query.camera_id == 3
    assert window.panel.head.caption.whole() == "Box drawn at 01:12"
