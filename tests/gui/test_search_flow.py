"""From what the user clicks to ranked hits, and from a hit to the player."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from results_fakes import START, FakeWorkspace, a_result
from search_window import Window

from app.core.errors import LibraryError, ModelError
from app.core.queries import SearchFilter, SearchStage, TrackletQuery
from app.gui.results.gallery_rows import GalleryOrder
from app.gui.tasks import TaskRunner


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def window(tasks: TaskRunner, qtbot) -> Window:
    return Window(tasks, qtbot)


def test_a_tracklet_is_searched_and_shown_in_stages(window: Window, qtbot) -> None:
    search = window.workspace.search
    search.results = [a_result(1, 2, 3), a_result(3, 1, 2, stage=SearchStage.RERANKED)]
    search.go_on.clear()
    with qtbot.waitSignal(window.flow.query_changed) as changed:
        window.flow.search_tracklet(8)
    assert changed.args == [TrackletQuery(8)]
    qtbot.waitUntil(lambda: window.ids() == [1, 2, 3])
    assert "by appearance" in window.panel.head.state.whole()
    search.go_on.set()
    window.settle()
    assert window.ids() == [3, 1, 2]
    assert "in pairs" in window.panel.head.state.whole()
    assert window.panel.head.caption.whole() == "cam3 · 2024-05-14 10:38:01 +02:00"


def test_a_better_ranking_keeps_the_selection_and_does_not_tell_it_again(
    window: Window, qtbot
) -> None:
    search = window.workspace.search
    search.results = [a_result(1, 2, 3), a_result(3, 1, 2, stage=SearchStage.RERANKED)]
    search.go_on.clear()
    window.flow.search_tracklet(8)
    qtbot.waitUntil(lambda: window.ids() == [1, 2, 3])
    window.choose(1)
    qtbot.waitUntil(lambda: len(window.told) == 1)
    search.go_on.set()
    window.settle()
    assert window.ids() == [1, 2, 3], "no tile moves while the user looks through them"
    assert window.panel.refined.isVisible()
    window.panel.refined.click()
    assert window.ids() == [3, 1, 2]
    assert not window.panel.refined.isVisible()
    assert window.panel.gallery.chosen_id() == 2
    assert window.panel.gallery.currentIndex().row() == 2
    assert [hit.tracklet_id for hit in window.told] == [2]


def test_a_better_ranking_is_shown_at_once_to_whom_has_not_begun(window: Window) -> None:
    search = window.workspace.search
    search.results = [a_result(1, 2, 3), a_result(3, 1, 2, stage=SearchStage.RERANKED)]
    window.flow.search_tracklet(8)
    window.settle()
    assert window.ids() == [3, 1, 2]
    assert not window.panel.refined.isVisible()


def test_a_selected_hit_is_told_with_its_rank_and_score(window: Window) -> None:
    window.search(8, 5, 6, 7)
    window.choose(2)
    window.settle()
    (hit,) = window.told
    assert (hit.tracklet_id, hit.rank, hit.camera) == (7, 3, "cam2")
    assert hit.score == pytest.approx(0.90)


def test_a_told_hit_has_the_score_of_the_ranking_that_is_shown(window: Window) -> None:
    window.search(8, 5, 6, 7)
    window.search(8, 7, 6, 5)
    window.choose(0)
    (hit,) = window.told
    assert (hit.tracklet_id, hit.rank) == (7, 1)
    assert hit.score == pytest.approx(0.92)


def test_a_hit_selected_before_its_details_came_is_told_when_they_come(
    window: Window, qtbot
) -> None:
    go_on = threading.Event()
    window.workspace.search.results = [a_result(5, 6)]
    window.flow.search_tracklet(8)
    # Holds the lane in which details are fetched.
    window.tasks.start("details", (go_on.wait(10) for _ in range(1)))
    qtbot.waitUntil(lambda: window.ids() == [5, 6])
    window.choose(0)
    window.choose(1)
    assert window.told == []
    go_on.set()
    window.settle()
    assert [hit.tracklet_id for hit in window.told] == [6]


def test_a_new_search_closes_the_old_one(window: Window, qtbot) -> None:
    search = window.workspace.search
    search.results = [a_result(1, 2), a_result(2, 1, stage=SearchStage.RERANKED)]
    search.go_on.clear()
    window.flow.search_tracklet(8)
    qtbot.waitUntil(lambda: window.ids() == [1, 2])
    rankings: list[list[int]] = []
    window.panel.model.modelReset.connect(lambda: rankings.append(window.ids()))
    search.results = [a_result(7, 9)]
    window.flow.search_tracklet(5)
    search.go_on.set()
    window.settle()
    assert search.closed.is_set()
    assert [2, 1] not in rankings
    assert window.ids() == [7, 9]
    assert "by appearance" in window.panel.head.state.whole()


def test_another_query_starts_without_selection_at_the_top(window: Window) -> None:
    window.search(8, *range(20, 400))
    window.choose(300)
    assert window.panel.gallery.verticalScrollBar().value() > 0
    window.search(9, *range(20, 400))
    assert window.panel.gallery.chosen_id() is None
    assert window.panel.gallery.verticalScrollBar().value() == 0


def test_the_point_of_a_stored_person_searches_the_tracklet(window: Window, qtbot) -> None:
    window.workspace.playback.people[(2, 12.5)] = 8
    with qtbot.waitSignal(window.flow.query_changed) as changed:
        window.flow.search_point(2, 12.5, 100, 200)
    assert changed.args == [TrackletQuery(8)]
    window.settle()


def test_the_point_of_an_unknown_person_searches_the_picture(window: Window, qtbot) -> None:
    with qtbot.waitSignal(window.flow.query_changed) as changed:
        window.flow.search_point(2, 75.0, 100, 200)
    assert changed.args == [window.workspace.picture]
    window.settle()
    assert window.panel.head.caption.whole() == "Person at 01:15, found in the frame"


def test_a_point_with_nobody_says_so_and_leaves_the_results(window: Window) -> None:
    window.search(8, 1, 2)
    window.flow.search_point(2, 75.0, -1, 200)
    window.settle()
    assert "Nobody was found at that point." in window.panel.notice.words.text()
    assert "Click on a person." in window.panel.notice.words.text()
    assert window.ids() == [1, 2]
    assert "by appearance" in window.panel.head.state.whole()
    # The filter still belongs to the search that worked.
    window.panel.filters._camera_actions[2].setChecked(True)
    window.settle()
    assert window.workspace.search.asked[-1][0] == TrackletQuery(8)
    assert not window.panel.notice.isVisible()


def test_a_failing_search_does_not_leave_one_persons_hits_under_anothers_picture(
    window: Window,
) -> None:
    window.search(8, 1, 2)
    window.workspace.search.error = ModelError("The embedder is gone.", "Put it back.")
    window.photos.open(Path("/pictures/me.jpg"))
    window.settle()
    assert window.ids() == []
    assert "The embedder is gone." in window.panel.notice.words.text()
    window.workspace.search.error = None
    window.panel.filters._camera_actions[1].setChecked(True)
    window.settle()
    assert window.ids() == [1, 2]
    assert not window.panel.notice.isVisible()


def test_a_fault_is_logged_and_said(window: Window, expected_logs) -> None:
    expected_logs("failed")
    window.workspace.search.error = RuntimeError("boom")
    window.flow.search_tracklet(8)
    window.settle()
    assert "error in Retrace" in window.panel.notice.words.text()


def test_a_tracklet_that_was_deleted_says_so(window: Window) -> None:
    window.workspace.catalog.gone.add(8)
    window.flow.search_tracklet(8)
    window.settle()
    assert "no longer in the library" in window.panel.notice.words.text()
    assert window.panel.empty.isVisible()


def test_a_changed_filter_searches_the_same_person_again(window: Window) -> None:
    window.search(8, 1, 2, 3)
    window.choose(1)
    window.workspace.search.results = [a_result(2, 3)]
    window.panel.filters._camera_actions[2].setChecked(True)
    window.settle()
    query, where = window.workspace.search.asked[-1]
    assert query == TrackletQuery(8)
    assert where == SearchFilter(camera_ids=frozenset({2}))
    assert window.ids() == [2, 3]
    assert window.panel.gallery.chosen_id() == 2, "the selection stays"


def test_searching_the_person_of_a_hit(window: Window, qtbot) -> None:
    window.search(8, 5, 6)
    window.choose(1)
    window.panel.gallery.setFocus()
    with qtbot.waitSignal(window.flow.query_changed) as changed:
        qtbot.keyClick(window.panel.gallery, Qt.Key.Key_Return)
    assert changed.args == [TrackletQuery(6)]
    window.settle()


def test_a_verdict_shows_before_it_is_stored(window: Window, qtbot) -> None:
    window.search(8, 5, 6)
    people = window.workspace.people
    people.may_store.clear()
    window.panel.gallery.setFocus()
    window.choose(1)
    qtbot.keyClick(window.panel.gallery, "+")
    assert window.panel.model.verdict_of(6) == "same"
    assert people.calls == []
    people.may_store.set()
    window.settle()
    assert people.calls == [("confirm", 8, 6)]
    assert window.panel.model.verdict_of(6) == "same"
    assert window.panel.model.details_of(6).identity == "Person 1", "fetched anew"
    assert window.panel.gallery.chosen_id() == 6
    assert window.ids() == [5, 6]


def test_verdicts_can_be_taken_back_one_by_one(window: Window) -> None:
    window.search(8, 5, 6)
    assert not window.panel.actions_by_name["undo"].isEnabled()
    window.choose(0)
    window.panel.actions_by_name["confirm"].trigger()
    window.choose(1)
    window.panel.actions_by_name["reject"].trigger()
    window.settle()
    window.panel.actions_by_name["undo"].trigger()
    window.settle()
    assert window.panel.model.verdict_of(6) is None
    assert window.panel.model.verdict_of(5) == "same"
    assert (
        window.panel.actions_by_name["undo"].text(),
        window.panel.actions_by_name["redo"].text(),
    ) == ("Undo ✓", "Redo ✕")
    assert window.workspace.people.calls == [
        ("confirm", 8, 5),
        ("reject", 8, 6),
        ("undo",),
    ]
    window.panel.actions_by_name["undo"].trigger()
    window.settle()
    assert not window.panel.actions_by_name["undo"].isEnabled()
    assert window.panel.model.verdict_of(5) is None
    window.panel.actions_by_name["redo"].trigger()
    window.settle()
    assert window.panel.model.verdict_of(5) == "same"
    assert window.workspace.people.calls[-2:] == [("undo",), ("redo",)]


def test_what_an_earlier_session_decided_can_be_taken_back(window: Window) -> None:
    window.workspace.people.confirm(8, 5)
    window.flow.set_workspace(window.workspace)
    window.settle()
    window.search(8, 5, 6)
    assert window.panel.model.verdict_of(5) == "same"
    window.panel.actions_by_name["undo"].trigger()
    window.settle()
    assert window.panel.model.verdict_of(5) is None


def test_the_same_verdict_twice_is_stored_once(window: Window) -> None:
    window.search(8, 5, 6)
    for _ in range(2):
        window.choose(0)
        window.panel.actions_by_name["confirm"].trigger()
    window.settle()
    assert window.workspace.people.calls == [("confirm", 8, 5)]


def test_a_verdict_that_cannot_be_stored_is_taken_back_and_said(window: Window) -> None:
    window.search(8, 5, 6)
    window.workspace.people.error = LibraryError("The disk is full.", "Free some space.")
    window.choose(0)
    window.panel.actions_by_name["confirm"].trigger()
    assert window.panel.model.verdict_of(5) == "same"
    window.settle()
    assert window.panel.model.verdict_of(5) is None
    assert "The disk is full." in window.panel.notice.words.text()
    assert not window.panel.actions_by_name["undo"].isEnabled()


def test_verdicts_of_earlier_sessions_are_shown(window: Window) -> None:
    window.workspace.catalog.verdicts[6] = "different"
    window.search(8, 5, 6)
    assert window.panel.model.verdict_of(6) == "different"


def test_sorting_by_time_fetches_what_it_needs_and_keeps_the_selection(window: Window) -> None:
    window.search(8, *range(400, 0, -1))
    assert len(set(window.workspace.catalog.asked)) < 100
    window.choose(2)
    window.told.clear()
    window.panel.order.setCurrentIndex(window.panel.order.findData(GalleryOrder.TIME))
    window.panel.order_wanted.emit(GalleryOrder.TIME)
    window.settle()
    assert window.ids() == list(range(1, 401))
    assert window.panel.gallery.chosen_id() == 398
    assert window.told == []
    window.workspace.search.results = [a_result(9, 4, 600)]
    window.flow.search_tracklet(8)
    window.settle()
    assert window.ids() == [4, 9, 600], "the order is remembered"


def test_a_pasted_picture_is_searched_without_a_file(window: Window, tmp_path: Path) -> None:
    pixels = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
    image = QImage(pixels.tobytes(), 5, 7, 15, QImage.Format.Format_RGB888).copy()
    asked: list[object] = []
    window.flow.query_changed.connect(asked.append)
    window.workspace.search.results = [a_result(5)]
    window.photos.open(image)
    window.settle()
    assert window.panel.head.caption.whole() == "Person of the pasted picture"
    assert (asked[0].image == pixels).all()


def test_who_was_stored_before_the_first_ranking_is_no_growth(window: Window) -> None:
    window.search(8, 5, 6)
    window.workspace.search.go_on.clear()
    window.flow.search_tracklet(8)
    window.flow.library_grew()  # while the networks load
    window.workspace.search.go_on.set()
    window.settle()
    assert not window.panel.growth.isVisible()


def test_growth_is_offered_and_searched_with_the_same_query(window: Window) -> None:
    search = window.workspace.search
    search.new = 5
    window.flow.library_grew()
    window.settle()
    assert not window.panel.growth.isVisible(), "nothing was searched yet"
    search.results = [replace(a_result(8, 5, 6), newest_id=41)]
    window.flow.search_tracklet(8)
    window.settle()
    window.flow.library_grew()
    window.settle()
    assert search.counted[-1] == (window.panel.filters.chosen(), 41)
    assert "5 new sightings" in window.panel.growth.text()
    search.results = [a_result(5, 6, 7)]
    window.panel.growth.click()
    window.settle()
    assert window.ids() == [5, 6, 7]
    assert not window.panel.growth.isVisible()
    asked = len(window.workspace.search.asked)
    window.flow.refresh_if_stale()
    window.settle()
    assert len(window.workspace.search.asked) == asked, "it is not stale any more"


def test_the_filters_know_the_cameras_and_the_span_of_the_library(window: Window) -> None:
    filters = window.panel.filters
    assert [action.text() for action in filters.menu.actions()] == ["cam1", "cam2", "cam3"]
    assert filters.earliest.edit.text() == "2024-05-14 10:30:00"
    assert filters.latest.edit.text() == "2024-05-14 11:31:00"


def test_another_library_starts_with_nothing(window: Window) -> None:
    window.search(8, 5, 6)
    window.panel.filters._camera_actions[2].setChecked(True)
    window.settle()
    asked = len(window.workspace.search.asked)
    window.flow.set_workspace(None)
    assert window.ids() == []
    assert "Open a library" in window.panel.empty.advice.text()
    window.flow.search_tracklet(8)
    window.flow.set_workspace(FakeWorkspace())
    window.settle()
    assert window.panel.filters.chosen() == SearchFilter()
    assert len(window.workspace.search.asked) == asked
    assert "Click a person" in window.panel.empty.advice.text()


def test_corrected_clocks_and_names_replace_what_was_shown(window: Window, qtbot) -> None:
    window.search(8, 1, 2, 3)
    window.choose(0)
    assert window.panel.head.caption.whole() == "cam3 · 2024-05-14 10:38:01 +02:00"
    later = {"camera": "yard", "start_utc": START + timedelta(seconds=200)}
    window.workspace.catalog.changes = {1: later, 8: later}
    window.flow.times_changed()
    window.settle()
    details = window.panel.model.details_of(1)
    assert details is not None
    assert (details.camera, details.start_utc) == ("yard", START + timedelta(seconds=200))
    assert window.panel.head.caption.whole() == "yard · 2024-05-14 10:33:21 +02:00"
