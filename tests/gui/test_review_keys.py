"""Going through sightings by keys, wherever the focus is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QTreeWidget, QTreeWidgetItem
from results_fakes import START, a_result
from search_window import Window

from app.core.errors import UsageError
from app.core.queries import SearchResult, SearchStage
from app.gui.results.gallery_rows import Shown
from app.gui.results.sightings_flow import SightingsFlow
from app.gui.results.split_flow import SplitFlow
from app.gui.shell import Shell
from app.gui.tasks import TaskRunner
from app.gui.widgets.window_keys import WindowKeys


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def window(tasks: TaskRunner, qtbot: Any) -> Window:
    return Window(tasks, qtbot)


def test_arrows_select_hits_from_anywhere_but_text_fields_and_rows_that_fold(
    shell: Shell, qtbot: Any
) -> None:
    shell.window.show_first_run(False)
    shell.window.show()
    qtbot.waitActive(shell.window)
    gallery = shell.results.panel.gallery
    shell.results.panel.show_result(a_result(5, 6, 7))
    player = shell.player.panel.view
    player.setFocus()
    for key, chosen in (
        (Qt.Key.Key_Right, 5),
        (Qt.Key.Key_Right, 6),
        (Qt.Key.Key_Right, 7),
        (Qt.Key.Key_Right, 7),
        (Qt.Key.Key_Left, 6),
    ):
        QTest.keyClick(player, key)
        assert gallery.chosen_id() == chosen
    assert shell.window.findChild(QTreeWidget, "sources_tree").findChild(WindowKeys)
    tree = QTreeWidget(shell.window)
    WindowKeys(tree)
    tree.show()
    branch = QTreeWidgetItem(tree, ["cam1"])
    leaf = QTreeWidgetItem(branch, ["10-30.mp4"])
    tree.setFocus()
    tree.setCurrentItem(branch)
    QTest.keyClick(tree, Qt.Key.Key_Right)
    assert branch.isExpanded() and gallery.chosen_id() == 6
    tree.setCurrentItem(leaf)
    QTest.keyClick(tree, Qt.Key.Key_Right)
    assert gallery.chosen_id() == 7
    with qtbot.waitSignal(shell.player.panel.play_toggled):
        shell.player.panel._enable(True)
        QTest.keyClick(tree, Qt.Key.Key_Space)
    field = QLineEdit("text", shell.window)
    field.show()
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Left)
    assert field.cursorPosition() == 3 and gallery.chosen_id() == 7


class FakePlayer:
    """A player that goes where it is sent at once."""

    def __init__(self) -> None:
        self.chosen_id: int | None = None
        self.place: tuple[int, float] | None = None
        self.hints: list[str] = []

    def position(self) -> tuple[int, float] | None:
        return self.place

    def show_hint(self, text: str, *, lasting: bool = False) -> None:
        self.hints.append(text)

    def pause(self) -> None:
        pass

    def show(self, hit: Any) -> None:
        self.chosen_id, self.place = hit.tracklet_id, (hit.video_id, hit.box_time_s)


@pytest.fixture
def player(window: Window, tasks: TaskRunner) -> FakePlayer:
    made = FakePlayer()
    flow = SightingsFlow(window.panel, window.flow, made, tasks)  # type: ignore[arg-type]
    workspace = window.workspace
    people: dict[int, int | None] = {}
    workspace.person_of = people
    workspace.library.tracklet = lambda id_: SimpleNamespace(identity_id=people.get(id_))
    workspace.playback = SimpleNamespace(
        video=lambda _: SimpleNamespace(moment=lambda time_s: START + timedelta(seconds=time_s))
    )
    flow.set_workspace(workspace)
    flow.shown.connect(made.show)
    window.flow.hit_selected.connect(made.show)
    window.go = flow.go  # type: ignore[attr-defined]
    return made


def go(window: Window, *ways: int) -> None:
    for way in ways:
        window.go(way)  # type: ignore[attr-defined]
    window.qtbot.waitUntil(lambda: not window.tasks.is_busy("sightings"))
    window.settle()


def test_hits_come_in_order_of_time_until_somebody_is_confirmed(
    window: Window, player: FakePlayer
) -> None:
    go(window, 1)
    assert player.chosen_id is None  # nobody is sought
    window.search(1, 6, 4, 5, 9)
    go(window, 1)
    assert player.chosen_id == 4 and window.panel.gallery.chosen_id() == 4
    go(window, 1, 1)  # both, though the second comes before the first is there
    assert player.chosen_id == 6
    player.place = (2, 60.0 * 8)  # the user goes elsewhere
    go(window, 1)
    assert player.chosen_id == 9
    go(window, 1)
    assert player.chosen_id == 9 and player.hints == ["There is no later sighting."]
    go(window, -1)
    assert player.chosen_id == 6
    window.choose(window.panel.model.row_of(6))
    window.panel.actions_by_name["reject"].trigger()
    window.settle()
    player.place = (2, 60.0 * 7)
    go(window, -1)
    assert player.chosen_id == 5


def test_confirmed_sightings_are_shown_even_if_they_have_no_tile(
    window: Window, player: FakePlayer
) -> None:
    workspace = window.workspace
    workspace.person_of[2] = 3
    workspace.catalog.sightings = lambda person: workspace.catalog.in_time_order_of(2, 8, 12)
    window.search(2, 8, 5)
    window.choose(0)
    window.settle()
    go(window, -1)
    assert player.chosen_id == 2
    assert window.panel.gallery.chosen_id() is None  # a verdict would be about another one
    assert not window.panel.actions_by_name["confirm"].isEnabled()
    go(window, 1)
    assert player.chosen_id == 8 and window.panel.gallery.chosen_id() == 8
    go(window, 1)
    assert player.chosen_id == 12


def test_x_says_that_a_hit_is_a_thing_and_goes_on(window: Window) -> None:
    window.search(8, 5, 6, 7)
    window.choose(0)
    window.workspace.search.results = [a_result(6, 7)]
    thing = window.panel.actions_by_name["not-a-person"]
    thing.trigger()
    assert not window.panel.model.is_person(5) and window.panel.gallery.chosen_id() == 6
    window.settle()
    assert window.workspace.people.calls == [("thing", 5)]
    assert window.panel.model.row_of(5) is None
    window.workspace.search.results = [a_result(5)]
    window.panel.filters.verdicts.setCurrentIndex(
        window.panel.filters.verdicts.findData(Shown.THINGS)
    )
    window.settle()
    assert window.workspace.search.asked[-1][1].things
    window.choose(0)
    assert thing.text() == "A person after all"
    assert not window.panel.actions_by_name["confirm"].isEnabled()
    assert "not a person" in window.panel.model.data(window.panel.model.index(0))
    window.workspace.search.results = [SearchResult(SearchStage.RETRIEVED, (), 0, 0.1)]
    thing.trigger()
    window.settle()
    assert window.workspace.people.calls[-1] == ("person", 5)
    assert window.panel.empty.title.text() == "Nobody said to be no person"
    window.panel.filters.clear()
    window.settle()
    assert not window.workspace.search.asked[-1][1].things
    assert window.panel.filters.shown() is Shown.ALL


def test_s_splits_the_sighting_in_the_player_at_its_frame(
    window: Window, player: FakePlayer, tasks: TaskRunner
) -> None:
    made: list[tuple[int, float]] = []

    def run(tracklet_id: int, time_s: float) -> Iterator[tuple[int, int] | None]:
        if time_s > 1000:
            raise UsageError("Not there.", "Elsewhere.")
        yield None
        made.append((tracklet_id, time_s))
        yield tracklet_id, 99

    window.workspace.splitting = SimpleNamespace(run=run)
    flow = SplitFlow(player, tasks, window.panel)  # type: ignore[arg-type]
    problems: list[Exception] = []
    flow.problem.connect(problems.append)
    flow.set_workspace(window.workspace)
    flow.split()
    assert player.hints[-1].startswith("Select a sighting")
    player.chosen_id, player.place = 5, (1, 12.4)
    with window.qtbot.waitSignal(flow.done):
        flow.split()
    assert made == [(5, 12.4)]
    assert player.hints[-1].startswith("Split.")
    player.place = (1, 2000.0)
    flow.split()
    window.settle()
    assert [str(each) for each in problems] == ["Not there. Elsewhere."] and player.hints[-1] == ""
