"""The whole window on fake libraries: open, drop, close while ingesting, themes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QMessageBox,
    QToolButton,
    QTreeWidget,
)
from window_fakes import (
    EndlessIngest,
    FakeWorkspace,
    Shelf,
    agree_to_footage,
    dialog,
    drop,
    label,
    make_video,
    record_shown,
)

from app.core.errors import LibraryInUseError
from app.core.queries import REFINEMENTS, Correction, Refinement, SearchStage
from app.gui.application import TerminalInterrupt
from app.gui.shell import Shell
from app.gui.widgets import theme as theme_module
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.error_dialog import ErrorDialog
from app.gui.widgets.theme import DARK, LIGHT
from app.settings import Settings, default_library, load_settings

# Libraries ----------------------------------------------------------------------------------------


def test_opening_a_library_names_it_and_lists_its_videos(shell, qtbot, libraries, tmp_path) -> None:
    folder = tmp_path / "North gate"
    libraries.workspaces[folder] = FakeWorkspace(folder)
    libraries.workspaces[folder].put(make_video(1, tmp_path / "a.mp4", people=4))
    shell.start(folder, None)
    qtbot.waitUntil(lambda: shell.window.windowTitle() == "North gate – Retrace")
    tree = shell.footage.sources.findChild(QTreeWidget, "sources_tree")
    qtbot.waitUntil(lambda: tree.topLevelItemCount() == 1)
    qtbot.waitUntil(lambda: label(shell.window, "models") == "detector · embedder")
    assert shell.library.flow.recent() == [folder]
    assert libraries.opened == [(folder, False)]


def test_the_window_answers_while_a_library_is_being_opened(
    shell, qtbot, libraries, tmp_path
) -> None:
    libraries.go_on.clear()
    shell.start(tmp_path / "slow", None)
    qtbot.waitUntil(lambda: "Opening slow" in shell.window.statusBar().currentMessage())
    shell.window.action("about").trigger()
    assert shell.window.windowTitle() == "Retrace"
    libraries.go_on.set()
    qtbot.waitUntil(lambda: shell.window.windowTitle() == "slow – Retrace")
    assert shell.window.statusBar().currentMessage() == ""


def test_a_library_in_use_is_told_with_its_remedy_and_the_open_one_stays(
    shell, qtbot, libraries, tmp_path
) -> None:
    shell.start(tmp_path / "mine", None)
    qtbot.waitUntil(lambda: "mine" in shell.window.windowTitle())
    libraries.errors[tmp_path / "other"] = LibraryInUseError(
        "The library other is open in another program.", "Close it there."
    )
    shell.library.flow.open(tmp_path / "other")
    qtbot.waitUntil(lambda: dialog(shell, ErrorDialog) is not None)
    shown = dialog(shell, ErrorDialog)
    assert label(shown, "error_message") == "The library other is open in another program."
    assert label(shown, "error_remedy") == "Close it there."
    assert "mine" in shell.window.windowTitle()
    assert not libraries.workspaces[tmp_path / "mine"].closed.is_set()


def test_opening_another_library_closes_the_one_before(shell, qtbot, libraries, tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shell.start(first, None)
    qtbot.waitUntil(lambda: "first" in shell.window.windowTitle())
    shell.library.flow.open(second)
    qtbot.waitUntil(lambda: "second" in shell.window.windowTitle())
    qtbot.waitUntil(libraries.workspaces[first].closed.is_set)
    assert not libraries.workspaces[second].closed.is_set()
    assert shell.library.flow.recent() == [second, first]


def test_of_two_libraries_asked_for_the_later_one_is_opened(
    shell, qtbot, libraries, tmp_path
) -> None:
    libraries.go_on.clear()
    shell.library.flow.open(tmp_path / "first")
    shell.library.flow.open(tmp_path / "second")
    libraries.go_on.set()
    qtbot.waitUntil(lambda: "second" in shell.window.windowTitle())
    qtbot.waitUntil(libraries.workspaces[tmp_path / "first"].closed.is_set)
    assert not libraries.workspaces[tmp_path / "second"].closed.is_set()


def test_the_last_library_is_opened_again_from_the_menu_and_at_the_start(
    shell, qtbot, libraries, state, tmp_path
) -> None:
    folder = tmp_path / "lately"
    folder.mkdir()
    state.remember(folder)
    shell.start(None, None)
    qtbot.waitUntil(lambda: libraries.opened == [(folder, False)])
    shell.library.flow.recent_changed.emit([tmp_path / "lately", tmp_path / "older"])
    shell.window.findChild(QAction, "recent_2").trigger()
    qtbot.waitUntil(lambda: "older" in shell.window.windowTitle())


def test_a_new_library_is_created_where_the_user_says(shell, qtbot, libraries, tmp_path) -> None:
    shell.window.action("new-library").trigger()
    chooser = dialog(shell, QFileDialog)
    assert chooser.windowTitle() == "New library"
    chooser.fileSelected.emit(str(tmp_path / "case 12"))
    chooser.reject()
    qtbot.waitUntil(lambda: shell.window.windowTitle() == "case 12 – Retrace")
    assert libraries.opened == [(tmp_path / "case 12", True)]


# Drops --------------------------------------------------------------------------------------------


def test_dropped_footage_goes_into_its_default_library(shell, qtbot, libraries, tmp_path) -> None:
    footage = tmp_path / "campus"
    footage.mkdir()
    assert drop(shell.window, footage)
    library = default_library(footage)
    qtbot.waitUntil(lambda: library in libraries.workspaces)
    workspace = libraries.workspaces[library]
    agree_to_footage(shell, qtbot)
    qtbot.waitUntil(lambda: [path for path, _ in workspace.ingested] == [footage])
    assert libraries.opened == [(library, True)]
    qtbot.waitUntil(
        lambda: shell.window.findChild(ElidedLabel, "ingest_state").whole().startswith("Done")
    )


def test_footage_dropped_onto_an_open_library_goes_into_it(
    shell, qtbot, libraries, tmp_path
) -> None:
    shell.start(tmp_path / "mine", None)
    qtbot.waitUntil(lambda: "mine" in shell.window.windowTitle())
    assert drop(shell.footage.sources, tmp_path / "one", tmp_path / "two.mp4")
    workspace = libraries.workspaces[tmp_path / "mine"]
    agree_to_footage(shell, qtbot)
    qtbot.waitUntil(lambda: [path for path, _ in workspace.ingested] == [tmp_path / "one"])
    qtbot.waitUntil(lambda: [path for path, _ in workspace.ordered] == [tmp_path / "two.mp4"])
    assert len(libraries.opened) == 1


def test_a_dropped_library_is_opened(shell, qtbot, libraries, tmp_path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "library.sqlite").touch()
    assert drop(shell.window, folder)
    qtbot.waitUntil(lambda: shell.window.windowTitle() == "case – Retrace")
    assert libraries.opened == [(folder, False)]
    assert libraries.workspaces[folder].ingested == []


def test_a_dropped_picture_is_searched(shell, monkeypatch, tmp_path) -> None:
    picture = tmp_path / "person.jpg"
    picture.touch()
    searched: list[Path] = []
    monkeypatch.setattr(shell.results.photos, "open", searched.append)
    shell.library.load([picture])
    assert searched == [picture]


def test_videos_of_the_command_line_are_ingested(shell, qtbot, libraries, tmp_path) -> None:
    shell.start(tmp_path / "lib", tmp_path)
    qtbot.waitUntil(lambda: tmp_path / "lib" in libraries.workspaces)
    workspace = libraries.workspaces[tmp_path / "lib"]
    qtbot.waitUntil(lambda: [path for path, _ in workspace.ingested] == [tmp_path])
    assert libraries.opened == [(tmp_path / "lib", True)]


# Wiring -------------------------------------------------------------------------------------------


def test_what_one_panel_wants_another_does(shell, monkeypatch) -> None:
    hit = type("Hit", (), {"video_id": 3, "box_time_s": 7.5, "tracklet_id": 11})()
    shown = record_shown(shell, monkeypatch)
    shell.results.flow.hit_selected.emit(hit)
    assert shown == [(3, 7.5, 11)]


def test_the_first_video_is_shown_until_another_one_was(shell, monkeypatch) -> None:
    shown = record_shown(shell, monkeypatch)
    shell.footage.ingest.videos_listed.emit([])
    shell.footage.ingest.videos_listed.emit([4, 5])
    shell.footage.ingest.videos_listed.emit([3, 4, 5])
    assert shown == [(4,)]


# Closing ------------------------------------------------------------------------------------------


@pytest.fixture
def ingesting(shell, qtbot, libraries, tmp_path) -> EndlessIngest:
    endless = EndlessIngest()
    folder = tmp_path / "lib"
    libraries.workspaces[folder] = FakeWorkspace(folder)
    libraries.workspaces[folder].script = endless
    shell.start(folder, tmp_path)
    qtbot.waitUntil(endless.running.is_set)
    return endless


def answer(shell: Shell, name: str) -> None:
    box = dialog(shell, QMessageBox)
    next(each for each in box.buttons() if each.objectName() == name).click()


def test_closing_while_ingesting_asks_once_and_stays_open_if_told_so(
    shell, ingesting, qtbot
) -> None:
    shell.window.close()
    shell.window.close()
    boxes = [box for box in shell.window.findChildren(QMessageBox) if box.isVisible()]
    assert len(boxes) == 1
    assert boxes[0].text() == "Stop loading and quit?"
    assert boxes[0].informativeText() == "What is stored is kept; the rest waits for the next time."
    answer(shell, "stop_no")
    assert shell.window.isVisible()
    assert not ingesting.closed.is_set()


def test_closing_while_ingesting_stops_the_job_and_closes_the_library(
    shell, ingesting, qtbot, libraries, tmp_path
) -> None:
    shell.window.close()
    answer(shell, "stop_yes")
    assert not shell.window.isVisible()
    shell.shutdown()
    assert ingesting.closed.is_set()
    assert libraries.workspaces[tmp_path / "lib"].closed.is_set()


def test_opening_another_library_while_ingesting_asks(
    shell, ingesting, qtbot, libraries, tmp_path
) -> None:
    shell.library.flow.open(tmp_path / "other")
    assert dialog(shell, QMessageBox).text() == "Stop loading and open other?"
    assert len(libraries.opened) == 1
    answer(shell, "stop_yes")
    qtbot.waitUntil(lambda: "other" in shell.window.windowTitle())
    qtbot.waitUntil(ingesting.closed.is_set)
    qtbot.waitUntil(libraries.workspaces[tmp_path / "lib"].closed.is_set)


def test_ctrl_c_in_the_terminal_closes_without_asking(shell, ingesting, qtbot, qapp) -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored, where the tests run in the background
    interrupt = TerminalInterrupt(shell.close_at_once, qapp)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        qtbot.waitUntil(lambda: not shell.window.isVisible())
    finally:
        interrupt.restore()
        interrupt.deleteLater()
    assert signal.getsignal(signal.SIGINT) is before
    shell.shutdown()
    assert ingesting.closed.is_set()


def test_a_library_that_opens_after_the_end_is_closed(shell, libraries, tmp_path) -> None:
    libraries.go_on.clear()
    shell.start(tmp_path / "slow", None)
    threading.Timer(0.05, libraries.go_on.set).start()
    shell.close_at_once()
    shell.shutdown()
    workspace = libraries.workspaces.get(tmp_path / "slow")
    assert workspace is None or workspace.closed.is_set()


# Look ---------------------------------------------------------------------------------------------


def test_the_theme_cycles_by_key_and_is_remembered(shell, qtbot, home) -> None:
    assert theme_module.tokens() is LIGHT
    assert "Ctrl+Shift+T" in shell.window.action("theme-next").shortcut().toString()
    shell.window.action("theme-next").trigger()
    assert theme_module.tokens() is DARK
    assert shell.window.action("theme-dark").isChecked()
    assert load_settings().window.theme == "dark"
    shell.window.action("theme-system").trigger()
    assert load_settings().window.theme == "system"


def test_the_language_is_chosen_in_the_menu_and_remembered(shell, home) -> None:
    entries = {
        action.objectName(): action for action in shell.window.action("language").menu().actions()
    }
    assert [action.text() for action in entries.values()][:2] == ["System default", "English"]
    assert entries["language_system"].isChecked()
    entries["language_en"].trigger()
    assert load_settings().language == "en"
    assert "restarted" in shell.window.statusBar().currentMessage()


def test_refinements_are_switched_in_the_menu_and_remembered(shell, home, monkeypatch) -> None:
    chosen: list[frozenset[Refinement]] = []
    monkeypatch.setattr(shell.results.flow, "set_stages", chosen.append)
    for each in ("aggregated", "reranked", "camera_mean", "transit"):
        assert shell.window.action(f"refine-{each}").isChecked()
        assert shell.window.action(f"refine-{each}").statusTip()
    off = REFINEMENTS
    for each in (SearchStage.AGGREGATED, Correction.CAMERA_MEAN, Correction.TRANSIT):
        shell.window.action(f"refine-{each}").trigger()
        off -= {each}
        assert chosen[-1] == off
        assert load_settings().search.refinements == off
    for each in (SearchStage.AGGREGATED, Correction.CAMERA_MEAN, Correction.TRANSIT):
        shell.window.action(f"refine-{each}").trigger()
    assert load_settings().search == Settings().search


def test_docks_keep_their_place_and_the_layout_can_be_reset(
    shell, qtbot, theme, libraries, state
) -> None:
    dock = shell.window.findChild(QDockWidget, "sources_dock")
    shell.window.findChild(QToolButton, "sources_dock_close").click()
    assert not dock.isVisible()
    shell.close_at_once()
    other = Shell(libraries, Settings(), state, theme, Shelf)
    other.window.show()
    dock = other.window.findChild(QDockWidget, "sources_dock")
    assert not dock.isVisible()
    other.window.action("reset-layout").trigger()
    assert dock.isVisible()
    other.close_at_once()
    other.shutdown()
    other.window.deleteLater()
    other.deleteLater()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_first_layout_leaves_the_room_to_the_pictures(shell, qtbot, width, height) -> None:
    shell.window.resize(width, height)
    shell.window.reset_layout()
    qtbot.waitUntil(lambda: shell.window.width() == width)
    left = shell.window.findChild(QDockWidget, "sources_dock")
    right = shell.window.findChild(QDockWidget, "results_dock")
    qtbot.waitUntil(lambda: 380 <= right.width() <= 490)
    assert 240 <= left.width() <= 300
    assert shell.window.statusBar().height() <= 32
    assert shell.player.panel.width() > 0.45 * width


def test_the_window_fits_beside_another_one_on_a_small_screen(shell, qtbot, tmp_path) -> None:
    shell.start(tmp_path / "mine", None)
    qtbot.waitUntil(lambda: "mine" in shell.window.windowTitle())
    shell.results.panel.tools.show()
    shell.results.panel.buttons.show()
    shell.results.panel.hits.offer_verdicts(True)
    shell.window.resize(900, 700)
    shell.window.show()
    assert shell.window.minimumSizeHint().width() <= 900
    assert shell.window.width() == 900


def test_the_keys_of_the_player_work_wherever_the_focus_is(shell, qtbot, tmp_path) -> None:
    shell.start(tmp_path / "mine", None)
    qtbot.waitUntil(lambda: "mine" in shell.window.windowTitle())
    shell.player.panel.show_frame(QImage(96, 54, QImage.Format.Format_RGB888), ())
    shell.window.show()
    for widget in (shell.results.panel.gallery, shell.footage.ingest_line):
        with qtbot.waitSignal(shell.player.panel.stepped) as stepped:
            qtbot.keyClick(widget, ",")
        assert stepped.args == [-1]


def test_the_title_names_a_library_as_its_user_does() -> None:
    from app.settings import default_library, library_name

    assert library_name(default_library(Path("/footage/campus"))) == "campus"
    assert library_name(Path("/cases/campus-4ac6e7a1")) == "campus-4ac6e7a1"
    assert library_name(Path("/cases/North gate")) == "North gate"


def test_the_first_window_fits_on_the_screen_with_its_frame(shell) -> None:
    screen = shell.window.screen().availableGeometry()
    assert shell.window.height() + 40 <= max(screen.height(), shell.window.minimumHeight() + 40)
