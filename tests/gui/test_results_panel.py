"""The results panel: what it shows for each state, and what it says the user wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import QDate, QDateTime, QMimeData, QPoint, QPointF, Qt, QTime, QTimeZone, QUrl
from PySide6.QtGui import QDropEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QFileDialog,
    QListView,
    QMenu,
    QPushButton,
    QWidget,
)
from results_fakes import CAMERAS, START, a_result

from app.core.entities import Camera
from app.core.journal import Decision, UndoState
from app.core.queries import CameraShare, SearchFilter, SearchResult, SearchStage, TransitUse
from app.gui.results.gallery_rows import GalleryOrder
from app.gui.results.results_panel import ResultsPanel
from app.gui.tasks import TaskRunner

A_DECISION = Decision(5, 6, "same", datetime(2024, 5, 14, tzinfo=UTC))
opens_a_menu = pytest.mark.qt_log_ignore("does not support (raise|grabbing)")


@pytest.fixture
def tasks(qapp: object) -> Iterator[TaskRunner]:
    runner = TaskRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def panel(tasks: TaskRunner, qtbot) -> ResultsPanel:
    made = ResultsPanel(tasks)
    qtbot.addWidget(made)
    made.resize(380, 800)
    made.show()
    made.clear(has_library=True)
    made.set_zone(ZoneInfo("Europe/Berlin"))
    made.filters.set_cameras([Camera(at, name) for at, name in enumerate(CAMERAS, 1)])
    return made


def chips(panel: ResultsPanel) -> list[QPushButton]:
    found = panel.filters.findChildren(QPushButton)
    return [each for each in found if each.objectName().startswith("chip:") and each.isVisible()]


def shown_words(panel: ResultsPanel) -> str:
    return f"{panel.empty.title.text()} {panel.empty.advice.text()}"


def test_says_how_to_begin(panel: ResultsPanel) -> None:
    panel.clear(has_library=False)
    assert panel.empty.isVisible()
    assert "Open a library" in shown_words(panel)
    panel.clear(has_library=True)
    assert "Click a person in the player, or drop a picture" in shown_words(panel)
    assert panel.empty.choose.isVisible()
    assert not panel.tools.isVisible()
    assert not panel.buttons.isVisible()


def test_shows_counts_stage_and_time(panel: ResultsPanel) -> None:
    panel.show_query(QPixmap(10, 20), "cam1 · 2024-05-14 10:31:00 +02:00")
    panel.show_searching()
    assert panel.head.state.whole() == "searching…"
    panel.show_result(a_result(*range(1, 24)))
    assert panel.gallery.isVisible()
    assert panel.head.count.text() == "23 of 1\u202f204"
    assert panel.head.state.whole() == "possible matches · by appearance"
    panel.show_result(a_result(2, 1, stage=SearchStage.RERANKED))
    assert "in pairs" in panel.head.state.whole()
    assert panel.zone.whole() == "times in Europe/Berlin"


def test_the_head_tells_what_was_taken_into_account(panel: ResultsPanel) -> None:
    plain = a_result(1, 2)
    panel.show_result(plain)
    assert "Camera mean" not in panel.head.state.toolTip()
    shares = tuple(CameraShare(each, f"cam{each}", 40 + each, 0.58) for each in range(1, 11))
    result = replace(plain, camera_mean=shares, transit=TransitUse(212, 5, clock_known=True))
    panel.show_result(result)
    told = panel.head.state.toolTip()
    assert "Camera mean: cam1: 41 sightings, applied at 58 %; cam2: 42 sightings" in told
    assert "cam8" in told
    assert "cam9" not in told
    assert "and 2 more" in told
    assert "learnt from 212 pairs of sightings, between 5 pairs of cameras" in told
    panel.show_result(replace(plain, transit=TransitUse(0, 0, clock_known=False)))
    assert "not applied: the time of the person sought" in panel.head.state.toolTip()


def test_nothing_visible_speaks_of_per_cent(panel: ResultsPanel) -> None:
    panel.show_result(a_result(1, 2))
    for widget in panel.findChildren(QWidget):
        for word in ("text", "toolTip", "accessibleName"):
            value = getattr(widget, word, lambda: "")()
            assert "%" not in str(value)
            assert "per cent" not in str(value)


def test_nobody_names_the_filter_and_offers_to_widen_it(panel: ResultsPanel, qtbot) -> None:
    panel.filters.offer_span(START, START)
    panel.filters._camera_actions[3].setChecked(True)
    panel.filters.earliest.switch.setChecked(True)
    panel.filters.latest.switch.setChecked(True)
    panel.show_result(SearchResult(SearchStage.RETRIEVED, [], 0, 0.01))
    assert panel.empty.title.text() == (
        "Nobody in cam3 between 2024-05-14 10:30 and 2024-05-14 10:31"
    )
    assert panel.empty.advice.text() == "Widen the filter."
    with qtbot.waitSignal(panel.filter_changed) as changed:
        qtbot.mouseClick(panel.empty.widen, Qt.MouseButton.LeftButton)
    assert changed.args == [SearchFilter()]
    panel.show_result(SearchResult(SearchStage.RETRIEVED, [], 0, 0.01))
    assert not panel.empty.widen.isVisible()
    assert "in this library yet" in shown_words(panel)


def test_cameras_become_chips_that_can_be_taken_off(panel: ResultsPanel, qtbot) -> None:
    heard: list[SearchFilter] = []
    panel.filter_changed.connect(heard.append)
    panel.filters._camera_actions[1].setChecked(True)
    panel.filters._camera_actions[3].setChecked(True)
    assert [each.camera_ids for each in heard] == [frozenset({1}), frozenset({1, 3})]
    assert [chip.text() for chip in chips(panel)] == ["cam1 ✕", "cam3 ✕"]
    assert panel.filters.cameras.text() == "2 of 3"
    qtbot.mouseClick(chips(panel)[0], Qt.MouseButton.LeftButton)
    assert heard[-1].camera_ids == frozenset({3})
    assert [chip.text() for chip in chips(panel)] == ["cam3 ✕"]


def test_times_are_the_librarys_and_become_chips(panel: ResultsPanel, qtbot) -> None:
    heard: list[SearchFilter] = []
    panel.filter_changed.connect(heard.append)
    bound = panel.filters.earliest
    assert not bound.edit.isEnabled()
    bound.edit.setDateTime(QDateTime(QDate(2024, 5, 14), QTime(10, 0), QTimeZone.utc()))
    heard.clear()
    bound.switch.setChecked(True)
    assert bound.edit.isEnabled()
    assert [each.from_utc for each in heard] == [datetime(2024, 5, 14, 8, 0, tzinfo=UTC)]
    assert heard[0].to_utc is None
    assert [chip.text() for chip in chips(panel)] == ["from 2024-05-14 10:00 ✕"]
    qtbot.mouseClick(chips(panel)[0], Qt.MouseButton.LeftButton)
    assert heard[-1] == SearchFilter()
    assert chips(panel) == []


def test_a_time_that_summer_time_skips_can_still_be_typed(panel: ResultsPanel) -> None:
    bound = panel.filters.latest
    bound.edit.setDateTime(QDateTime(QDate(2024, 3, 31), QTime(2, 30), QTimeZone.utc()))
    bound.switch.setChecked(True)
    assert bound.edit.time() == QTime(2, 30)
    chosen = panel.filters.chosen().to_utc
    assert chosen is not None
    assert chosen.astimezone(UTC) == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)


def test_cameras_that_come_later_leave_the_choice_alone(panel: ResultsPanel, qtbot) -> None:
    panel.filters._camera_actions[2].setChecked(True)
    with qtbot.assertNotEmitted(panel.filter_changed):
        panel.filters.set_cameras([Camera(2, "cam2"), Camera(9, "cam9")])
    assert panel.filters.chosen().camera_ids == frozenset({2})
    assert [chip.text() for chip in chips(panel)] == ["cam2 ✕"]


@opens_a_menu
def test_the_camera_menu_stays_open_while_cameras_are_checked(panel: ResultsPanel, qtbot) -> None:
    menu = panel.filters.menu
    menu.popup(QPoint(0, 0))
    actions = menu.actions()
    for action in actions[:2]:
        place = menu.actionGeometry(action).center()
        qtbot.mouseMove(menu, place)
        menu.setActiveAction(action)
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)
    assert [action.isChecked() for action in actions] == [True, True, False]
    assert menu.isVisible()
    menu.setActiveAction(actions[2])
    qtbot.keyClick(menu, Qt.Key.Key_Space)
    assert actions[2].isChecked()
    assert menu.isVisible()
    menu.close()


def test_keys_and_buttons_ask_for_verdicts(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.hits.offer_verdicts(True)
    wanted: list[tuple[int, str]] = []
    panel.verdict_wanted.connect(lambda each, verdict: wanted.append((each, verdict)))
    assert not panel.actions_by_name["confirm"].isEnabled(), "nothing is selected"
    panel.gallery.setFocus()
    panel.gallery.setCurrentIndex(panel.model.index(1))
    qtbot.keyClick(panel.gallery, "+")
    qtbot.keyClick(panel.gallery, "-")
    button = panel.findChild(QAbstractButton, "confirmButton")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert wanted == [(6, "same"), (6, "different"), (6, "same")]
    assert panel.gallery.chosen_id() == 6


def test_verdicts_are_offered_only_where_there_is_somebody_to_compare_with(
    panel: ResultsPanel, qtbot
) -> None:
    panel.show_result(a_result(5, 6))
    panel.hits.offer_verdicts(False)
    panel.gallery.setCurrentIndex(panel.model.index(0))
    for name in ("confirmButton", "rejectButton"):
        assert not panel.findChild(QAbstractButton, name).isVisible()
    assert panel.findChild(QAbstractButton, "search-personButton").isVisible()
    panel.gallery.setFocus()
    with qtbot.assertNotEmitted(panel.verdict_wanted):
        qtbot.keyClick(panel.gallery, "+")


def test_undo_by_key(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.hits.offer_verdicts(True)
    panel.hits.offer_undo(UndoState(A_DECISION, A_DECISION))
    panel.gallery.setFocus()
    with qtbot.waitSignal(panel.undo_wanted):
        qtbot.keyClick(panel.gallery, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    panel.order.setFocus()  # from wherever in the window
    with qtbot.waitSignal(panel.undo_wanted):
        qtbot.keyClick(panel.order, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    with qtbot.waitSignal(panel.redo_wanted):
        qtbot.keyClick(panel.order, Qt.Key.Key_Z, both)
    assert (panel.actions_by_name["undo"].text(), panel.actions_by_name["redo"].text()) == (
        "Undo ✓",
        "Redo ✓",
    )
    panel.hits.offer_undo(UndoState())
    assert not panel.actions_by_name["undo"].isEnabled()
    assert not panel.actions_by_name["redo"].isVisible()


def test_enter_and_double_click_search_the_hit(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.gallery.setFocus()
    wanted: list[int] = []
    panel.search_wanted.connect(wanted.append)
    panel.gallery.setCurrentIndex(panel.model.index(0))
    qtbot.keyClick(panel.gallery, Qt.Key.Key_Return)
    place = panel.gallery.visualRect(panel.model.index(1)).center()
    viewport = panel.gallery.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=place)
    assert wanted == [5, 6]


@opens_a_menu
def test_the_menu_of_a_hit_selects_it_and_offers_the_same(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.hits.offer_verdicts(True)
    panel.gallery.customContextMenuRequested.emit(
        panel.gallery.visualRect(panel.model.index(1)).center()
    )
    menu = panel.findChild(QMenu, "menu_results")
    assert panel.gallery.chosen_id() == 6
    shown = [each for each in menu.actions() if not each.isSeparator()]
    assert [each.objectName() for each in shown] == [
        "action_search-person",
        "action_why-match",
        "action_confirm",
        "action_reject",
        "action_maybe",
        "action_undecide",
        "action_not-a-person",
        "action_undo",
    ]
    with qtbot.waitSignal(panel.verdict_wanted) as wanted:
        shown[2].trigger()
    assert wanted.args == [6, "same"]
    menu.close()


def test_order_is_asked_for(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.order.setFocus()
    with qtbot.waitSignal(panel.order_wanted) as wanted:
        qtbot.keyClick(panel.order, Qt.Key.Key_Down)
    assert wanted.args == [GalleryOrder.TIME]


def test_the_slider_sets_the_size_of_the_pictures(panel: ResultsPanel) -> None:
    panel.show_result(a_result(*range(50)))
    panel.picture_size.setValue(panel.picture_size.minimum())
    small = panel.gallery.visualRect(panel.model.index(0))
    panel.picture_size.setValue(panel.picture_size.maximum())
    large = panel.gallery.visualRect(panel.model.index(0))
    assert large.height() - small.height() == (
        panel.picture_size.maximum() - panel.picture_size.minimum()
    )
    assert large.width() > small.width()


def test_cameras_with_an_ampersand_keep_it(panel: ResultsPanel) -> None:
    filters = panel.filters
    filters.set_cameras([Camera(1, "Bar & Grill"), Camera(2, "Bar")])
    assert [action.text() for action in filters.menu.actions()] == ["Bar && Grill", "Bar"]
    filters.narrow_to_camera("Bar & Grill")
    assert filters.chosen().camera_ids == {1}
    assert filters.words() == "in Bar & Grill"
    (chip,) = (each for each in filters.findChildren(QPushButton) if "Grill" in each.text())
    assert chip.text() == "Bar && Grill ✕"


def test_growth_is_offered_and_asks_for_the_search(panel: ResultsPanel, qtbot) -> None:
    assert not panel.growth.isVisible()
    panel.show_growth(1)
    assert "1 new sighting since this search – search again" in panel.growth.text()
    panel.show_growth(1500)
    assert "1\u202f500 new sightings" in panel.growth.text()
    with qtbot.waitSignal(panel.search_again_wanted):
        qtbot.mouseClick(panel.growth, Qt.MouseButton.LeftButton)
    panel.show_growth(0)
    assert not panel.growth.isVisible()


def test_a_problem_stands_above_the_results_until_put_away(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.show_searching()
    panel.show_problem("The embedder is missing.", "Choose another one.")
    assert "The embedder is missing." in panel.notice.words.text()
    assert "Choose another one." in panel.notice.words.text()
    assert panel.gallery.isVisible()
    assert panel.head.state.whole() == "possible matches · by appearance"
    qtbot.mouseClick(panel.notice.put_away, Qt.MouseButton.LeftButton)
    assert not panel.notice.isVisible()


def _drop(panel: ResultsPanel, path: Path) -> bool:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    enter, drop = QDropEvent(QPointF(5, 5), *how), QDropEvent(QPointF(5, 5), *how)
    enter.ignore()
    panel.dragEnterEvent(enter)
    if enter.isAccepted():
        panel.dropEvent(drop)
    return enter.isAccepted()


def test_a_dropped_picture_is_searched_a_video_is_not_taken(
    panel: ResultsPanel, qtbot, tmp_path: Path
) -> None:
    wanted: list[Path] = []
    panel.picture_wanted.connect(wanted.append)
    picture = tmp_path / "me.JPG"
    picture.touch()
    assert _drop(panel, picture)
    assert not _drop(panel, Path("/somewhere/cam1.mp4"))
    assert not _drop(panel, Path("/somewhere/folder"))
    assert wanted == [picture]


def test_without_a_library_a_picture_is_not_taken(panel: ResultsPanel) -> None:
    assert panel.acceptDrops()
    panel.clear(has_library=False)
    assert not panel.acceptDrops()


@opens_a_menu
def test_every_control_has_a_name_for_tests_and_one_to_be_read_aloud(panel: ResultsPanel) -> None:
    panel.show_result(a_result(5, 6))
    panel.filters.toggle.setChecked(True)
    panel.filters._camera_actions[1].setChecked(True)
    panel.show_growth(3)
    panel.show_problem("A.", "B.")
    kinds = (QAbstractButton, QComboBox, QAbstractSlider, QAbstractSpinBox, QListView)
    own = [
        widget
        for kind in kinds
        for widget in panel.findChildren(kind)
        if widget.isVisible() and not widget.objectName().startswith("qt_")
    ]
    assert len(own) > 12
    for widget in own:
        if type(widget).__name__ in ("QScrollBar", "QComboBoxListView"):
            continue
        assert widget.objectName(), widget
        assert widget.accessibleName(), widget.objectName()


def test_the_tab_key_reaches_every_control(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.hits.offer_verdicts(True)
    panel.hits.offer_undo(UndoState(A_DECISION, A_DECISION))
    panel.gallery.setCurrentIndex(panel.model.index(0))
    panel.activateWindow()
    panel.filters.toggle.setFocus()
    reached = set()
    for _ in range(20):
        reached.add(panel.focusWidget().objectName())
        qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
    assert {
        "filterToggle",
        "galleryOrder",
        "thumbnailSize",
        "gallery",
        "confirmButton",
        "rejectButton",
        "undoButton",
        "search-personButton",
    } <= reached


def test_a_picture_is_asked_for_without_blocking(panel: ResultsPanel, qtbot, tmp_path) -> None:
    panel.empty.picture_wanted.emit()
    dialog = panel.findChild(QFileDialog)
    assert dialog.isVisible()
    path = tmp_path / "who.png"
    with qtbot.waitSignal(panel.picture_wanted) as wanted:
        dialog.fileSelected.emit(str(path))
    assert wanted.args == [path]
    dialog.close()


def test_keys_that_type_are_left_to_the_player(panel: ResultsPanel, qtbot) -> None:
    panel.show_result(a_result(5, 6))
    panel.gallery.setFocus()
    panel.gallery.setCurrentIndex(panel.model.index(0))
    seen = []
    panel.keyPressEvent = lambda event: seen.append(event.text())
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Comma, Qt.Key.Key_L):
        qtbot.keyClick(panel.gallery, key)
    qtbot.keyClick(panel.gallery, Qt.Key.Key_End)
    assert seen == [" ", ",", "l"]
    assert panel.gallery.chosen_id() == 6
