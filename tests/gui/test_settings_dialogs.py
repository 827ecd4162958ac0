"""The settings dialog and the editor of shortcuts: what is chosen is kept, clashes are said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QKeySequenceEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItemIterator,
)
from window_fakes import dialog, label

from app.gui.actions import first_key, use_keys, with_key
from app.gui.program.settings_dialog import SettingsDialog
from app.gui.program.shortcuts_dialog import ShortcutsDialog
from app.settings import Settings, load_settings, save_settings


class Editor:
    """The open list of shortcuts."""

    def __init__(self, shell) -> None:
        shell.window.action("shortcuts").trigger()
        self.widget = dialog(shell, ShortcutsDialog)
        self.tree = self.widget.findChild(QTreeWidget, "shortcuts_list")
        self.keys = self.widget.findChild(QKeySequenceEdit, "shortcut_keys")

    def choose(self, text: str) -> None:
        item = self._item(text)
        self.tree.setCurrentItem(item)

    def shown(self, text: str) -> str:
        return self._item(text).text(1)

    def type(self, keys: str) -> None:
        self.keys.setKeySequence(QKeySequence(keys))

    def press(self, name: str) -> None:
        self.widget.findChild(QPushButton, name).click()

    def _item(self, text: str):
        walk = QTreeWidgetItemIterator(self.tree)
        while walk.value():
            if walk.value().text(0) == text:
                return walk.value()
            walk += 1
        raise AssertionError(text)


@pytest.fixture
def chosen_keys() -> Iterator[None]:
    """In use when the window is made."""
    use_keys({"palette": "Ctrl+K", "play": "", "slower": "F7"})
    yield
    use_keys({})


def test_a_shortcut_is_changed_and_taken_back(shell) -> None:
    editor = Editor(shell)
    editor.choose("Slower")
    editor.type("Ctrl+Alt+S")
    editor.press("shortcut_set")
    assert editor.shown("Slower") == "Ctrl+Alt+S"
    assert load_settings().keys == {"slower": "Ctrl+Alt+S"}
    editor.press("shortcut_usual")
    assert editor.shown("Slower") == "["
    assert load_settings().keys == {}


def test_keys_of_another_action_are_taken_over_only_after_a_warning(shell) -> None:
    editor = Editor(shell)
    editor.choose("Normal speed")
    editor.type("Space")
    said = label(editor.widget, "shortcut_clash")
    assert said == "Space belongs to “Play or pause” (Player), which would lose it."
    assert load_settings().keys == {}
    editor.press("shortcut_set")
    assert (editor.shown("Normal speed"), editor.shown("Play or pause")) == ("Space", "K")
    assert load_settings().keys == {"normal-speed": "Space", "play": "K"}
    # "Play or pause" takes Space back; no key means two things.
    editor.choose("Play or pause")
    editor.press("shortcut_usual")
    assert (editor.shown("Normal speed"), editor.shown("Play or pause")) == ("", "Space, K")
    editor.press("shortcuts_all_usual")
    assert load_settings().keys == {}
    assert editor.shown("Normal speed") == "Backspace"


def test_an_action_can_have_no_key(shell) -> None:
    editor = Editor(shell)
    editor.choose("Quit")
    editor.type("")
    editor.press("shortcut_set")
    assert load_settings().keys == {"quit": ""}


def test_chosen_keys_hold_when_the_window_is_made_again(chosen_keys, shell, qtbot) -> None:
    assert shell.window.action("palette").shortcut().toString() == "Ctrl+K"
    assert (first_key("play"), with_key("Play", "play"), first_key("faster")) == ("", "Play", "]")
    speeds: list[int] = []
    shell.player.panel.speed_changed.connect(speeds.append)
    shell.player.panel.show_frame(QImage(96, 54, QImage.Format.Format_RGB888), ())
    qtbot.keyClick(shell.window, Qt.Key.Key_F7)
    qtbot.keyClick(shell.window, Qt.Key.Key_BracketLeft)
    assert speeds == [-1]


def test_settings_are_shown_and_kept(shell) -> None:
    save_settings(Settings(keys={"quit": "Ctrl+W"}))
    shell.window.action("settings").trigger()
    sheet = dialog(shell, SettingsDialog)
    sheet.findChild(QDoubleSpinBox, "settings_fps").setValue(2.5)
    for name, value in (
        ("settings_theme", "dark"),
        ("settings_start", "ask"),
        ("settings_language", "zh_CN"),
        ("settings_device", "cpu"),
        ("settings_cameras", "folder"),
    ):
        box = sheet.findChild(QComboBox, name)
        box.setCurrentIndex(box.findData(value))
    sheet.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save).click()
    kept = load_settings()
    assert (kept.language, kept.window.theme, kept.keys) == ("zh_CN", "dark", {"quit": "Ctrl+W"})
    assert (kept.ingest.fps, kept.ingest.at_start, kept.ingest.camera_by) == (2.5, "ask", "folder")
    assert kept.models.device == "cpu"
    assert shell.window.action("theme-dark").isChecked()
    shell.window.action("theme-system").trigger()


def test_a_value_that_was_written_by_hand_stays(shell) -> None:
    save_settings(Settings(models={"device": "cuda:1"}))  # type: ignore[arg-type]
    shell.window.action("settings").trigger()
    sheet = dialog(shell, SettingsDialog)
    assert sheet.findChild(QComboBox, "settings_device").currentText() == "cuda:1"
    sheet.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save).click()
    assert load_settings().models.device == "cuda:1"
