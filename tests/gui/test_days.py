"""The days with footage: counted by the clock of the library, listed, shown and searched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.core.entities import VideoStatus
from app.gui.tasks import TaskRunner
from app.gui.timeline.days_dialog import DaysDialog
from app.gui.timeline.days_flow import DaysFlow
from app.gui.timeline.timeline_view import TimelineView
from app.services.people.catalog import Catalog
from app.services.route.days import Day, days_of
from app.services.route.timeline import lanes_of
from app.storage.library import Library
from tests.unit.services.stored_people import add_people, add_video, unit

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """Two hours around midnight in Tokyo, with people on both days, and an hour a week later."""
    with Library.open(tmp_path / "library", create=True) as opened:
        monkeypatch.setattr(Library, "timezone", TOKYO)
        night = datetime(2024, 6, 1, 23, tzinfo=TOKYO).astimezone(UTC)
        later = datetime(2024, 6, 8, 12, tzinfo=TOKYO).astimezone(UTC)
        for name, start, length_s, firsts in (
            ("a", night, 7200.0, (0, 100, 3599, 3601)),
            ("b", later, 3600.0, (5,)),
        ):
            video = add_video(opened, tmp_path / f"{name}.mp4", "door", start)
            opened.finish_video(video.id, VideoStatus.DONE, duration_s=length_s)
            times = [np.array([first, first + 0.2]) for first in firsts]
            add_people(opened, video, [unit(1, 0)] * len(firsts), times=[t.tolist() for t in times])
        yield opened


EXPECTED = [
    Day(date(2024, 6, 1), 3600.0, 3),
    Day(date(2024, 6, 2), 3600.0, 1),
    Day(date(2024, 6, 8), 3600.0, 1),
]


def test_days_end_at_midnight_where_the_library_is(library: Library) -> None:
    assert days_of(library, lanes_of(Catalog(library).cameras())) == EXPECTED
    first, last = EXPECTED[1].span(TOKYO)
    assert (first, (last - first).total_seconds()) == (datetime(2024, 6, 2, tzinfo=TOKYO), 86_400)


def test_a_day_is_chosen_with_keys_and_shown_or_searched(library: Library, qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    tasks, view = TaskRunner(window), TimelineView(window)
    view.resize(700, 120)
    catalog = Catalog(library)
    view.set_lanes(lanes_of(catalog.cameras()), TOKYO)
    flow = DaysFlow(view, tasks, window)
    searched: list[tuple[float, float]] = []
    flow.searched.connect(lambda *span: searched.append(span))
    flow.set_workspace(SimpleNamespace(library=library, catalog=catalog))  # type: ignore[arg-type]

    def ask() -> DaysDialog:
        flow.ask()
        qtbot.waitUntil(lambda: not tasks.is_busy("days"))
        (dialog,) = [each for each in window.findChildren(DaysDialog) if each.isVisible()]
        qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 3)
        return dialog

    dialog = ask()
    texts = [[dialog.list.topLevelItem(row).text(column) for column in (1, 2)] for row in range(3)]
    assert texts == [["1:00:00", "3"], ["1:00:00", "1"], ["1:00:00", "1"]]
    QTest.keyClick(dialog.list, Qt.Key.Key_End)
    dialog.show_button.click()
    first, last = (each.timestamp() for each in EXPECTED[2].span(TOKYO))
    assert view.axis.first_s <= first < last <= view.axis.last_s
    assert view.axis.last_s - view.axis.first_s < 1.1 * 86_400
    dialog = ask()
    assert dialog.list.currentIndex().row() == 2  # the one in view
    QTest.keyClick(dialog.list, Qt.Key.Key_Home)
    dialog.search_button.click()
    assert searched == [tuple(each.timestamp() for each in EXPECTED[0].span(TOKYO))]
    tasks.shutdown()
