"""What is known of a hit, and of the footage, makes a filter quick to set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from results_fakes import CAMERAS, START, a_result, details_of

from app.core.entities import Camera
from app.core.queries import SearchFilter
from app.gui.results.results_panel import ResultsPanel
from app.gui.tasks import TaskRunner


@pytest.fixture
def panel(qapp: object, qtbot) -> Iterator[ResultsPanel]:
    runner = TaskRunner()
    made = ResultsPanel(runner)
    qtbot.addWidget(made)
    made.show()
    made.set_zone(ZoneInfo("Europe/Berlin"))
    made.filters.set_cameras([Camera(at, name) for at, name in enumerate(CAMERAS, 1)])
    yield made
    runner.shutdown()


def test_a_hit_narrows_the_search_to_its_time_and_camera(panel: ResultsPanel) -> None:
    panel.show_result(a_result(1, 2, 3))
    panel.model.add_details([details_of(each) for each in (1, 2, 3)])
    panel.gallery.setCurrentIndex(panel.model.index(0, 0))
    asked: list[SearchFilter] = []
    panel.filter_changed.connect(asked.append)
    actions = panel.actions_by_name
    assert actions["narrow-time"].text() == "Only 10 minutes before and after"
    actions["narrow-time"].trigger()
    taken = START + timedelta(minutes=1, seconds=1)
    either_way = timedelta(minutes=10)
    (chosen,) = asked  # one search, not one for each end
    assert (chosen.from_utc, chosen.to_utc) == (taken - either_way, taken + either_way)
    assert actions["narrow-camera"].text() == "Only cam2"
    actions["narrow-camera"].trigger()
    assert asked[-1].camera_ids == frozenset({2})


def test_days_with_footage_stand_out_in_the_calendars(panel: ResultsPanel) -> None:
    panel.filters.mark_days({date(2024, 5, 14)})
    for bound in (panel.filters.earliest, panel.filters.latest):
        formats = bound.edit.calendarWidget().dateTextFormat()
        assert [day.toPython() for day in formats] == [date(2024, 5, 14)]
    panel.filters.mark_days({date(2024, 5, 16)})
    formats = panel.filters.latest.edit.calendarWidget().dateTextFormat()
    assert [day.toPython() for day in formats] == [date(2024, 5, 16)]
