"""Why a hit looks like the person sought: the dialog and the way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget
from results_fakes import details_of, hits_of

from app.core.errors import ModelError
from app.core.queries import TrackletQuery
from app.gui.results.results_panel import ResultsPanel
from app.gui.results.why_dialog import WhyDialog
from app.gui.results.why_flow import WhyFlow
from app.gui.tasks import TaskRunner
from app.services.search.why import Explanation, Side


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


def an_explanation() -> Explanation:
    """White pictures, which agree in the upper half."""
    picture = np.full((40, 20, 3), 255, np.uint8)
    half = np.array([[1, 1], [0, 0]], np.float32)
    return Explanation(Side(picture, half, "cam1"), Side(picture, half, ""))


def test_what_does_not_agree_is_dark(qtbot) -> None:
    dialog = WhyDialog(["cam1: possible match 1"])
    qtbot.addWidget(dialog)
    assert "Comparing" in dialog.captions[0].text()
    dialog.show_explanation(an_explanation())
    assert [each.text() for each in dialog.captions] == ["person sought · cam1", "this hit"]
    image = dialog.pictures[0].pixmap().toImage()
    middle = image.width() // 2
    assert image.pixelColor(middle, 5).lightness() > 240
    assert image.pixelColor(middle, image.height() - 5).lightness() < 90
    assert dialog.pictures[0].accessibleName() == "50% of the picture agrees"
    dialog.highlight.setChecked(False)
    plain = dialog.pictures[0].pixmap().toImage()
    assert plain.pixelColor(middle, plain.height() - 5).lightness() > 240


def test_pictures_leave_room_for_what_is_said_below_them(qtbot) -> None:
    dialog = WhyDialog(["A long line about the hit, which wraps in a narrow dialog"] * 6)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.show_explanation(an_explanation())
    qtbot.wait(10)
    for picture, caption in zip(dialog.pictures, dialog.captions, strict=True):
        assert picture.height() >= picture.pixmap().height()
        assert caption.geometry().top() >= picture.geometry().bottom()
    assert dialog.highlight.geometry().top() > dialog.captions[0].geometry().bottom()


class Asked:
    def __init__(self, tasks: TaskRunner, qtbot, answer: Callable[[], Explanation]) -> None:
        self.pairs: list[tuple[object, int]] = []
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.panel = ResultsPanel(tasks, self.window)
        self.flow = WhyFlow(self.panel, tasks, self.window)

        def explain(query: object, hit_id: int) -> Explanation:
            self.pairs.append((query, hit_id))
            return answer()

        self.flow.set_workspace(SimpleNamespace(explain=explain))  # type: ignore[arg-type]
        self.panel.model.show(hits_of(7, 3))
        self.panel.model.add_details([details_of(3)])
        self.window.show()

    def dialog(self) -> WhyDialog | None:
        return self.window.findChild(WhyDialog)


def test_a_hit_is_explained_by_the_query_that_found_it(tasks: TaskRunner, qtbot) -> None:
    asked = Asked(tasks, qtbot, an_explanation)
    asked.panel.why_wanted.emit(3)
    assert asked.dialog() is None, "nobody is sought yet"
    query = TrackletQuery(1)
    asked.flow.set_query(query)
    asked.panel.why_wanted.emit(7)
    assert asked.dialog() is None, "nothing is known of it yet"
    asked.panel.why_wanted.emit(3)
    qtbot.waitUntil(lambda: asked.dialog().highlight.isEnabled())
    assert asked.pairs == [(query, 3)]
    assert "possible match 2" in asked.dialog().facts.text()
    asked.flow.set_query(TrackletQuery(2))
    qtbot.waitUntil(lambda: asked.dialog() is None or not asked.dialog().isVisible())


def test_a_network_that_cannot_explain_is_told_in_the_dialog(tasks: TaskRunner, qtbot) -> None:
    def refuse() -> Explanation:
        raise ModelError("It cannot say.", "Use another one.")

    asked = Asked(tasks, qtbot, refuse)
    asked.flow.set_query(TrackletQuery(1))
    asked.panel.why_wanted.emit(3)
    qtbot.waitUntil(lambda: asked.dialog().problem.isVisible())
    assert asked.dialog().problem.text() == "It cannot say. Use another one."
    assert asked.dialog().captions[0].text() == ""
    asked.flow.set_workspace(None)
