"""Back and forward through searches, and the last one made again at the next start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from results_fakes import START, a_result
from search_window import Window

from app.core.queries import CropQuery, PersonQuery, SearchFilter, TrackletQuery
from app.gui.results.gallery_view import Place
from app.gui.results.search_history import Visit, read, written
from app.gui.results.sought import Sought
from app.gui.tasks import TaskRunner


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def window(tasks: TaskRunner, qtbot) -> Window:
    return Window(tasks, qtbot)


def _ways(window: Window) -> list[tuple[bool, bool]]:
    told: list[tuple[bool, bool]] = []
    window.flow.history_changed.connect(lambda *ways: told.append(ways))
    return told


def _go(window: Window, way: int) -> None:
    window.flow.go(way)
    window.settle()


def _resume(window: Window, kept: object) -> None:
    """The window after a restart."""
    window.flow.set_workspace(None)
    window.flow.set_workspace(window.workspace)
    window.flow.resume(*read(window.workspace, json.loads(json.dumps(kept))))
    window.qtbot.waitUntil(lambda: window.flow.here() is not None)
    window.settle()


def test_a_search_comes_back_as_it_was_left(window: Window) -> None:
    told = _ways(window)
    window.search(8, 5, 6, 7)
    window.choose(1)
    window.panel.filters.narrow_to_camera("cam2")
    window.settle()
    window.panel.filters.clear()
    window.settle()
    window.search(9, 5, 6, 7)
    window.panel.filters.narrow_to_camera("cam3")
    window.settle()
    window.told.clear()
    _go(window, -1)
    assert window.workspace.search.asked[-1] == (TrackletQuery(8), SearchFilter())
    assert window.panel.gallery.chosen_id() == 6
    assert window.told == [], "the player stays where it is"
    _go(window, 1)
    asked, where = window.workspace.search.asked[-1]
    assert asked == TrackletQuery(9) and where.camera_ids == frozenset({3})
    assert window.panel.gallery.chosen_id() is None
    assert told == [(False, False), (True, False), (False, True), (True, False)]


def test_a_new_search_ends_the_way_forward(window: Window) -> None:
    for each in (1, 2, 3):
        window.search(each, 5, 6)
    _go(window, -1)
    _go(window, -1)
    told = _ways(window)
    window.search(4, 5, 6)
    assert told == [(True, False)]
    _go(window, 1)
    assert window.flow.here().sought.origin == 4
    _go(window, -1)
    assert window.flow.here().sought.origin == 1
    assert told[-1] == (False, True)


def test_what_cannot_be_gone_back_to_leaves_the_way_as_it_was(window: Window) -> None:
    window.search(1, 5)
    window.search(2, 5)
    window.workspace.catalog.gone.add(1)
    window.flow.search_tracklet(1)
    window.settle()
    assert window.flow.here().sought.origin == 2
    window.workspace.catalog.gone.clear()
    _go(window, -1)
    assert window.flow.here().sought.origin == 1


def test_a_person_found_in_a_picture_keeps_what_was_confirmed(window: Window) -> None:
    window.workspace.search.results = [a_result(5, 6)]
    window.panel.picture_wanted.emit(Path("/pictures/me.jpg"))
    window.settle()
    window.choose(0)
    window.panel.actions_by_name["confirm"].trigger()
    window.settle()
    kept = written(window.flow.here())
    window.search(8, 5, 6)
    _go(window, -1)
    for _ in range(2):
        query, _where = window.workspace.search.asked[-1]
        assert isinstance(query, PersonQuery)
        assert isinstance(query.shown[0], CropQuery) and query.shown[1] == TrackletQuery(5)
        assert window.panel.head.caption.whole() == "Person of me.jpg"
        _resume(window, kept)


def test_the_last_search_is_made_again_with_filter_and_selection(window: Window) -> None:
    window.search(8, 5, 6, 7)
    window.choose(2)
    window.panel.filters.narrow_to_camera("cam2")
    window.panel.filters.narrow_to_time(START, timedelta(minutes=10))
    window.settle()
    query, where = window.workspace.search.asked[-1]
    kept = written(window.flow.here())
    window.told.clear()
    _resume(window, kept)
    assert window.workspace.search.asked[-1] == (query, where)
    assert where.from_utc == START - timedelta(minutes=10)
    assert window.panel.gallery.chosen_id() == 7 and window.told == []


def test_a_person_at_a_point_of_a_frame_is_found_again(window: Window) -> None:
    window.flow.search_point(2, 75.0, 100, 200)
    window.settle()
    kept = written(window.flow.here())
    _resume(window, kept)
    assert isinstance(window.workspace.search.asked[-1][0], CropQuery)
    assert "found in the frame" in window.panel.head.caption.whole()


def test_a_drawn_box_is_searched_again(window: Window) -> None:
    window.flow.search_box(3, 72.0, np.array([1, 2, 30, 80], np.float32))
    window.settle()
    _resume(window, written(window.flow.here()))
    query, _ = window.workspace.search.asked[-1]
    assert isinstance(query, CropQuery) and query.camera_id == 3
    assert window.panel.head.caption.whole() == "Box drawn at 01:12"


def test_another_tracklet_of_the_same_number_is_not_searched(window: Window) -> None:
    window.search(8, 5)
    kept = written(window.flow.here())
    window.workspace.catalog.changes[8] = {"first_time_s": 1.0}
    window.flow.set_workspace(None)
    window.flow.set_workspace(window.workspace)
    window.flow.resume(*read(window.workspace, kept))
    window.qtbot.waitUntil(window.panel.notice.isVisible)
    assert window.flow.here() is None
    window.search(9, 5)
    assert window.panel.gallery.chosen_id() is None


def test_a_pasted_picture_is_not_kept_and_other_data_is_refused(window: Window) -> None:
    picture = QImage(20, 40, QImage.Format.Format_RGB888)
    query = window.workspace.picture
    assert written(Visit(Sought(query, query, picture), SearchFilter(), Place())) is None
    good = {"begun": ["sighting", 8, 1.0], "cameras": None, "span": [None, None]}
    good |= {"chosen": None, "scrolled_px": 0}
    read(window.workspace, good)
    for spoilt in (
        {},
        good | {"begun": ["other"]},
        good | {"begun": ["point", 1]},
        good | {"span": ["soon", None]},
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            read(window.workspace, spoilt)
