"""The timeline: what is seen of which time, and what mouse and keys do with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.core.entities import VideoStatus
from app.core.queries import Hit, TrackletQuery
from app.gui.results.results_panel import ResultsPanel
from app.gui.results.search_flow import SearchFlow
from app.gui.tasks import TaskRunner
from app.gui.timeline.lane_painter import columns_of, people_of, shown_marks
from app.gui.timeline.route_dialog import RouteDialog
from app.gui.timeline.route_flow import RouteFlow
from app.gui.timeline.time_axis import TimeAxis
from app.gui.timeline.time_painter import AXIS_PX, NAMES_PX
from app.gui.timeline.timeline_flow import TimelineFlow
from app.gui.timeline.timeline_panel import TimelinePanel
from app.services.people.catalog import Catalog
from app.services.people.people import People
from app.services.route.route import Routes
from app.services.route.timeline import Density, Mark
from app.storage.library import Library
from tests.unit.services.stored_people import add_people, add_video, make_search, unit

ZONE = ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()


class Player(QObject):
    """Notes where it is to go."""

    position_changed = Signal(int, float)

    def __init__(self) -> None:
        super().__init__()
        self.went: list[tuple[Any, ...]] = []

    def show(self, *wish: Any) -> None:
        self.went.append(wish)

    def position(self) -> None:
        return None


class Desk:
    """The timeline with its flow, beside results, on a real library."""

    def __init__(self, library: Library, qtbot: Any) -> None:
        self.library, self.qtbot = library, qtbot
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.tasks = TaskRunner(self.window)
        self.results = ResultsPanel(self.tasks, self.window)
        self.search = SearchFlow(self.results, self.tasks, self.window)
        self.panel = TimelinePanel(self.window)
        self.panel.head.setParent(self.window)
        self.view = self.panel.view
        self.panel.resize(NAMES_PX + 600, 130)
        self.window.show()
        self.player = Player()
        flow_of = (self.player, self.search, self.results, self.window)
        self.flow = TimelineFlow(self.panel, self.tasks, *flow_of)  # type: ignore[arg-type]
        self.problems: list[Exception] = []
        self.flow.problem.connect(self.problems.append)

    def open(self) -> None:
        self.results.set_zone(self.library.timezone)
        routes = Routes(self.library, make_search(self.library))
        workspace = SimpleNamespace(
            library=self.library, catalog=Catalog(self.library), routes=routes
        )
        self.flow.set_workspace(workspace)  # type: ignore[arg-type]
        self.settle()

    def settle(self) -> None:
        lanes = ("timeline", "timeline-density", "timeline-marks")
        timers = (self.view._settled, self.flow._ranking)
        self.qtbot.waitUntil(
            lambda: (
                not any(self.tasks.is_busy(lane) for lane in lanes)
                and not any(timer.isActive() for timer in timers)
            )
        )
        assert not self.problems

    def place(self, time_s: float, row: int = 0) -> QPoint:
        return QPoint(round(NAMES_PX + self.view.axis.x_of(time_s)), AXIS_PX + 22 * row + 10)

    def click(self, time_s: float, row: int = 0) -> None:
        at = self.place(time_s, row)
        QTest.mouseClick(self.view.viewport(), Qt.MouseButton.LeftButton, pos=at)

    def drag(self, first_s: float, last_s: float, *keys: Qt.Key) -> None:
        port, left = self.view.viewport(), Qt.MouseButton.LeftButton
        QTest.mousePress(port, left, pos=self.place(first_s))
        QTest.mouseMove(port, self.place(last_s))
        for key in keys:
            QTest.keyClick(self.view, key)
        QTest.mouseRelease(port, left, pos=self.place(last_s))

    def wheel(self, time_s: float, turned: int, held: Qt.KeyboardModifier) -> None:
        at = QPointF(self.place(time_s))
        event = QWheelEvent(
            at, self.view.viewport().mapToGlobal(at), QPoint(), QPoint(0, turned),
            Qt.MouseButton.NoButton, held, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.view.viewport(), event)

    def chips(self) -> str:
        return self.results.filters.words()


@pytest.fixture
def desk(tmp_path: Path, qtbot: Any) -> Iterator[Desk]:
    """Two cameras, ten minutes each, the second an hour later."""
    with Library.open(tmp_path / "library", create=True) as library:
        for name, hours in (("door", 0), ("hall", 1)):
            start = NOON + timedelta(hours=hours)
            video = add_video(library, tmp_path / f"{name}.mp4", name, start)
            library.finish_video(video.id, VideoStatus.DONE, duration_s=600.0)
            add_people(library, video, [unit(1, 0)], times=[[5.0, 5.2, 9.0]])
        made = Desk(library, qtbot)
        made.open()
        yield made
        made.tasks.shutdown()


# Time ---------------------------------------------------------------------------------------------


def test_what_is_under_the_pointer_stays_there_while_zooming() -> None:
    axis = TimeAxis.over(NOON_S, NOON_S + 86_400, 800)
    at = axis.x_of(NOON_S + 5000)
    for _ in range(60):
        axis = axis.zoomed(0.8, at)
    assert axis.x_of(NOON_S + 5000) == pytest.approx(at, abs=0.5)
    assert axis.last_s - axis.first_s == pytest.approx(4)  # from a day to seconds
    assert axis.moved(800).first_s == pytest.approx(axis.last_s)


def test_round_times_are_those_of_the_zone_also_when_the_clock_changes() -> None:
    winter = datetime(2024, 3, 30, 0, tzinfo=ZONE).timestamp()
    axis = TimeAxis.over(winter, winter + 4 * 86_400 - 7200, 800, margin=0.0)
    ticks = axis.ticks(ZONE, 100)
    days = [tick for tick in ticks if tick.text.endswith("Mar") or tick.text.endswith("Apr")]
    assert [tick.text for tick in days] == ["30 Mar", "31 Mar", "1 Apr", "2 Apr"]
    assert [tick.time_s - winter for tick in days] == [
        0,
        86_400,
        2 * 86_400 - 3600,
        3 * 86_400 - 3600,
    ]
    close = TimeAxis.over(NOON_S, NOON_S + 60, 800, margin=0.0).ticks(ZONE, 100)
    assert [tick.text for tick in close][:3] == ["14:00:00", "14:00:10", "14:00:20"]
    hours = TimeAxis.over(NOON_S, NOON_S + 7200, 800, margin=0.0).ticks(ZONE, 100)
    assert [tick.text for tick in hours][:3] == ["14:00", "14:15", "14:30"]


# Painting -----------------------------------------------------------------------------------------


def test_thousands_of_things_become_one_for_each_column() -> None:
    axis = TimeAxis(0.0, 10.0, 100)
    stretches = np.array([[0.0, 30.0], [40.0, 45.0], [990.0, 5000.0], [-50.0, -1.0]])
    columns = np.flatnonzero(columns_of(stretches, axis)).tolist()
    assert columns == [0, 1, 2, 3, 4, 99]
    first = np.arange(0, 1000, 0.1)
    people = np.ones(len(first), np.int64)
    people[5005] = 7
    found = people_of(Density(first, first + 0.1, people), axis)
    assert found.tolist() == [1] * 50 + [7] + [1] * 49
    marks = [Mark(n, 1, 1, 0.0, n / 100, n / 100 + 1, n == 777) for n in range(10_000)]
    shown = shown_marks(marks, axis)
    assert len(shown) <= 100
    assert shown[-1][1].tracklet_id == 777  # a confirmed one is never hidden behind others


# Mouse and keys -----------------------------------------------------------------------------------


def test_a_click_takes_the_player_to_that_moment_of_that_camera(desk: Desk) -> None:
    assert desk.view.axis.first_s < NOON_S and desk.view.axis.last_s > NOON_S + 4200
    door, hall = (video.id for video in desk.library.videos())
    desk.click(NOON_S + 300)
    desk.click(NOON_S + 3900, row=1)
    (first, second) = desk.player.went
    assert (first[0], second[0]) == (door, hall)
    assert first[1] == pytest.approx(300, abs=10) and second[1] == pytest.approx(300, abs=10)
    desk.click(NOON_S + 2000, row=1)
    assert len(desk.player.went) == 2
    assert desk.panel.legend.whole().startswith("hall has no footage at 1 Jun 2024 ")


def test_dragging_narrows_the_search_and_escape_gives_up(desk: Desk) -> None:
    desk.drag(NOON_S + 60, NOON_S + 600, Qt.Key.Key_Escape)
    assert desk.chips() == ""
    desk.drag(NOON_S + 600, NOON_S + 60)
    where = desk.results.filters.chosen()
    assert where.from_utc is not None and where.to_utc is not None
    assert where.from_utc.timestamp() == pytest.approx(NOON_S + 60, abs=10)
    assert where.to_utc.timestamp() == pytest.approx(NOON_S + 600, abs=10)
    assert desk.view._filter == (where.from_utc.timestamp(), where.to_utc.timestamp())
    desk.results.filters.clear()
    assert desk.view._filter == (None, None)
    assert not desk.player.went


def test_the_wheel_zooms_at_the_pointer_and_moves_with_shift(desk: Desk) -> None:
    before = desk.view.axis
    desk.wheel(NOON_S + 3700, 120, Qt.KeyboardModifier.NoModifier)
    zoomed = desk.view.axis
    assert zoomed.s_per_px < before.s_per_px
    assert zoomed.x_of(NOON_S + 3700) == pytest.approx(before.x_of(NOON_S + 3700), abs=1)
    desk.wheel(NOON_S + 3700, -120, Qt.KeyboardModifier.ShiftModifier)
    assert desk.view.axis.first_s > zoomed.first_s
    assert desk.view.axis.s_per_px == zoomed.s_per_px
    QTest.keyClick(desk.view, Qt.Key.Key_Home)
    assert desk.view.axis.first_s == pytest.approx(before.first_s)
    QTest.keyClick(desk.view, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert desk.view.axis.first_s < before.first_s


def test_keys_alone_reach_a_camera_a_moment_and_a_sighting(desk: Desk) -> None:
    desk.view.show_span(NOON_S + 3600, NOON_S + 3660)
    QTest.keyClick(desk.view, Qt.Key.Key_Down)
    QTest.keyClick(desk.view, Qt.Key.Key_Return)
    hall = desk.library.videos()[1]
    assert desk.player.went == [(hall.id, pytest.approx(30))]
    tracklet = desk.library.tracklets_of(hall.id)[0]
    desk.results.model.show([Hit(tracklet.id, 0.9, 0.9)])
    desk.settle()
    QTest.keyClick(desk.view, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert desk.results.gallery.chosen_id() == tracklet.id
    desk.results.model.show([])
    desk.settle()
    assert "0 undecided" in desk.view.accessibleDescription()


def test_a_double_click_selects_a_hit_or_shows_what_is_no_hit(desk: Desk) -> None:
    door, hall = desk.library.videos()
    one, other = (desk.library.tracklets_of(video.id)[0] for video in (door, hall))
    People(desk.library).confirm(one.id, other.id)
    desk.view.set_marks([Mark(one.id, door.camera.id, door.id, 5.0, NOON_S + 5, NOON_S + 9, True)])
    desk.flow._marks = desk.view._marks
    at = desk.place(NOON_S + 5)
    QTest.mouseDClick(desk.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert desk.player.went[-1] == (door.id, 5.0, one.id)


def test_the_player_s_moment_is_drawn_and_followed(desk: Desk) -> None:
    door = desk.library.videos()[0]
    desk.view.show_span(NOON_S, NOON_S + 60)
    before = desk.view.grab().toImage()
    desk.player.position_changed.emit(door.id, 30.0)
    assert desk.view.grab().toImage() != before
    first_s = desk.view.axis.first_s
    for time_s in (60.0, 61.0, 62.0):
        desk.player.position_changed.emit(door.id, time_s)
    assert desk.view.axis.first_s > first_s
    assert desk.view.axis.x_of(NOON_S + 62) > 0


def test_a_library_without_times_says_so(tmp_path: Path, qtbot: Any) -> None:
    with Library.open(tmp_path / "library", create=True) as library:
        add_video(library, tmp_path / "a.mp4", "door", None)
        desk = Desk(library, qtbot)
        desk.open()
        assert desk.view._words_at(0, 10).startswith("door")
        assert "1 video without a recording time is not shown." in desk.view._words_at(0, -5)
        assert desk.panel.legend.whole().endswith("1 video without a recording time is not shown.")
        desk.click(0)
        assert desk.panel.legend.whole().startswith("door has no footage")
        desk.tasks.shutdown()


def test_the_route_of_the_person_sought_is_a_list_from_which_the_player_is_sent(
    desk: Desk,
) -> None:
    one, other = (desk.library.tracklets_of(video.id)[0] for video in desk.library.videos())
    flow = RouteFlow(desk.player, desk.search, desk.tasks, desk.window)  # type: ignore[arg-type]
    routes = Routes(desk.library, make_search(desk.library))
    flow.set_workspace(SimpleNamespace(library=desk.library, routes=routes))  # type: ignore[arg-type]

    def asked() -> RouteDialog:
        flow.ask()
        desk.qtbot.waitUntil(lambda: not desk.tasks.is_busy("route"))
        (dialog,) = [each for each in desk.window.findChildren(RouteDialog) if each.isVisible()]
        return dialog

    assert "Nobody is sought" in asked().problem.text()
    People(desk.library).confirm(one.id, other.id)
    desk.search.here = lambda: SimpleNamespace(  # type: ignore[method-assign, assignment, return-value]
        sought=SimpleNamespace(query=TrackletQuery(other.id))
    )
    dialog = asked()
    items = [dialog.list.topLevelItem(row) for row in range(dialog.list.topLevelItemCount())]
    assert [item.text(0) for item in items] == ["door", "hall"]
    assert items[1].text(3) == "+60 min"
    assert dialog.windowTitle() == "Route of Person 1"
    dialog.list.itemActivated.emit(items[1], 0)
    assert desk.player.went[-1] == (other.video_id, 5.2, other.id)
    flow.set_workspace(None)
