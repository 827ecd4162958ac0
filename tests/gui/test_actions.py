"""The table of actions, and the command palette that finds them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import QLabel, QLineEdit, QListWidget
from window_fakes import FakeWorkspace, dialog, make_video

from app.core.entities import VideoStatus
from app.gui.actions import ACTIONS, Where, plain_text
from app.gui.commands import Command
from app.gui.program.about_dialog import AboutDialog
from app.gui.program.command_palette import CommandPalette, matching
from app.gui.shell import Shell

pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing)")
TEXTS = (
    "Add footage…",
    "Open library…",
    "New library…",
    "Open the demo",
    "5 seconds forward",
    "Library check",
)


def command(text: str, place: str = "File", keys: str = "", tip: str = "") -> Command:
    return Command(text, place, keys, tip, QAction(text))


def found(typed: str) -> list[str]:
    return [each.text for each in matching([command(text) for text in TEXTS], typed)]


class Palette:
    """The open palette."""

    def __init__(self, shell: Shell, qtbot: Any) -> None:
        shell.window.action("palette").trigger()
        self.qtbot = qtbot
        self.widget = dialog(shell, CommandPalette)
        self.field = self.widget.findChild(QLineEdit, "command_field")
        self.list = self.widget.findChild(QListWidget, "command_list")

    def texts(self) -> list[str]:
        return [self.list.item(row).text() for row in range(self.list.count())]

    def press(self, key: Qt.Key) -> None:
        self.qtbot.keyClick(self.field, key)


# Table --------------------------------------------------------------------------------------------


def test_every_row_is_run_by_the_feature_that_it_names(shell: Shell) -> None:
    for feature in shell.features:
        folder = type(feature).__module__.split(".")[2]
        named = {row.name for row in ACTIONS if row.feature == folder}
        assert set(feature.actions) == named, folder
    assert {row.feature for row in ACTIONS} == {
        type(feature).__module__.split(".")[2] for feature in shell.features
    }


def test_no_key_means_two_things() -> None:
    keys = Counter(key for row in ACTIONS for key in row.keys.split())
    assert [key for key, count in keys.items() if count > 1] == []


def test_a_letter_is_said_once_in_a_menu() -> None:
    for menu in {row.menu for row in ACTIONS if row.menu}:
        letters = Counter(
            row.text[row.text.index("&") + 1].lower()
            for row in ACTIONS
            if row.menu == menu and "&" in row.text
        )
        assert [letter for letter, count in letters.items() if count > 1] == [], menu


def test_the_mark_of_a_letter_is_not_read() -> None:
    assert plain_text("&Add R&&D") == "Add R&D"
    assert plain_text("添加录像(&A)…") == "添加录像…"


# Words --------------------------------------------------------------------------------------------


def test_all_typed_words_must_be_found_in_any_order() -> None:
    assert found("lib open") == ["Open library…"]
    assert found("OPEN") == ["Open library…", "Open the demo"]
    assert found("open nothing") == []
    assert found("") == list(TEXTS)
    assert found("  ") == list(TEXTS)


def test_what_begins_with_a_word_comes_first() -> None:
    assert found("libr") == ["Library check", "Open library…", "New library…"]


def test_place_keys_and_tip_are_searched_too() -> None:
    commands = [
        command("Undo", "Edit", "Ctrl+Z", "Undo the last decision"),
        command("Edit a note"),
    ]
    assert [each.text for each in matching(commands, "ctrl+z")] == ["Undo"]
    assert [each.text for each in matching(commands, "decision")] == ["Undo"]
    assert [each.text for each in matching(commands, "edit")] == ["Edit a note", "Undo"]


# Palette ------------------------------------------------------------------------------------------


def test_enter_runs_what_was_found_by_the_keyboard_alone(shell: Shell, qtbot: Any) -> None:
    palette = Palette(shell, qtbot)
    qtbot.keyClicks(palette.field, "retrace about")
    assert palette.texts() == ["About Retrace"]
    palette.press(Qt.Key.Key_Return)
    assert dialog(shell, AboutDialog) is not None
    qtbot.waitUntil(lambda: dialog(shell, CommandPalette) is None)


def test_arrows_go_round_and_pages_stop_at_the_ends(shell: Shell, qtbot: Any) -> None:
    palette = Palette(shell, qtbot)
    last = palette.list.count() - 1
    assert last > 12
    for key, row in (
        (Qt.Key.Key_Down, 1),
        (Qt.Key.Key_Up, 0),
        (Qt.Key.Key_Up, last),
        (Qt.Key.Key_PageDown, last),
        (Qt.Key.Key_PageUp, last - 12),
        (Qt.Key.Key_PageUp, max(0, last - 24)),
    ):
        palette.press(key)
        assert palette.list.currentRow() == row
    palette.press(Qt.Key.Key_Escape)
    assert dialog(shell, CommandPalette) is None


def test_without_a_match_it_says_so_and_enter_does_nothing(shell: Shell, qtbot: Any) -> None:
    palette = Palette(shell, qtbot)
    qtbot.keyClicks(palette.field, "xyzzy")
    nothing = palette.widget.findChild(QLabel, "command_nothing")
    assert nothing.isVisible() and not palette.list.isVisible()
    palette.press(Qt.Key.Key_Return)
    assert palette.widget.isVisible()
    palette.field.clear()
    assert palette.list.isVisible() and not nothing.isVisible()
    palette.widget.close()


def test_only_what_can_be_done_is_offered(shell: Shell, qtbot: Any, tmp_path: Path) -> None:
    offered = Palette(shell, qtbot).texts()
    assert {"Open library…", "Networks…"} <= set(offered)
    for absent in ("Search with a picture…", "Play or pause", "✓ Confirm", "Play", "Undo"):
        assert absent not in offered
    dialog(shell, CommandPalette).close()
    shell.start(tmp_path / "lib", None)
    qtbot.waitUntil(lambda: "lib" in shell.window.windowTitle())
    shell.player.panel.show_frame(QImage(64, 48, QImage.Format.Format_RGB888), [])
    offered = Palette(shell, qtbot).texts()
    assert {
        "Search with a picture…",
        "Play or pause",
        "Search the picture in the clipboard",
    } <= set(offered)
    assert "✓ Confirm" not in offered, "no hit is selected"
    dialog(shell, CommandPalette).close()


def test_docks_are_shown_and_hidden(shell: Shell, qtbot: Any) -> None:
    palette = Palette(shell, qtbot)
    qtbot.keyClicks(palette.field, "hide cameras")
    palette.press(Qt.Key.Key_Enter)
    assert not shell.footage.docks[0].isVisible()
    palette = Palette(shell, qtbot)
    qtbot.keyClicks(palette.field, "cameras show")
    assert palette.texts() == ["Show Cameras"]
    palette.press(Qt.Key.Key_Enter)
    assert shell.footage.docks[0].isVisible()


def test_recent_libraries_are_found_by_name(
    shell: Shell, qtbot: Any, libraries: Any, tmp_path: Path
) -> None:
    shell.library.flow.recent_changed.emit([tmp_path / "North gate", tmp_path / "R&D"])
    palette = Palette(shell, qtbot)
    qtbot.keyClicks(palette.field, "recent r&d")
    assert palette.texts() == ["R&D"]
    palette.press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: libraries.opened == [(tmp_path / "R&D", False)])


def test_actions_of_videos_act_on_the_selected_one(
    shell: Shell, qtbot: Any, libraries: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").touch()
    workspace = FakeWorkspace(tmp_path / "lib")
    workspace.put(make_video(3, tmp_path / "a.mp4", VideoStatus.FAILED, problem="It is empty."))
    libraries.workspaces[tmp_path / "lib"] = workspace
    shell.start(tmp_path / "lib", None)
    qtbot.waitUntil(lambda: bool(shell.footage.sources._items))
    assert "Show reason…" not in Palette(shell, qtbot).texts()
    dialog(shell, CommandPalette).close()
    shell.footage.sources.select_video(3)
    palette = Palette(shell, qtbot)
    offered = palette.texts()
    assert "Show reason…" in offered and "Play" not in offered
    qtbot.keyClicks(palette.field, "again try")
    assert palette.texts() == ["Try again"]
    asked: list[Any] = []
    shell.footage.sources.again_requested.disconnect()
    shell.footage.sources.again_requested.connect(asked.append)
    palette.press(Qt.Key.Key_Return)
    assert [[video.id for video in videos] for videos in asked] == [[3]]


@pytest.mark.parametrize("where", [Where.RESULTS, Where.VIDEOS])
def test_context_menus_hold_what_applies_there(shell: Shell, where: Where) -> None:
    rows = {row.name for row in ACTIONS if row.where is where}
    feature = shell.results if where is Where.RESULTS else shell.footage
    panel = shell.results.panel if where is Where.RESULTS else shell.footage.sources
    assert rows == set(panel.actions_by_name)
    assert rows <= set(feature.actions)
