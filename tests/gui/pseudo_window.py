"""Opens the window and its dialogs in a made-up language; prints texts that are not of it.

    python pseudo_window.py LANGUAGES LIBRARY

LANGUAGES holds eo.po, in which every text stands in ⟦brackets⟧.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import language  # what else is imported looks its texts up at once

language.LANGUAGES = Path(sys.argv[1])
language.use_language("eo")
# ruff: noqa: E402

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCalendarWidget,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)
from window_fakes import Shelf

from app.bootstrap import Retrace
from app.core.errors import ModelError
from app.gui.footage.cameras_dialog import merge_dialog, split_dialog
from app.gui.footage.clock_dialog import ClockDialog
from app.gui.footage.footage_dialog import FootageDialog
from app.gui.footage.model_dialog import ModelDialog
from app.gui.networks.download_dialog import DownloadDialog
from app.gui.networks.reembed_dialog import ReembedDialog
from app.gui.program.command_palette import CommandPalette
from app.gui.shell import Shell
from app.gui.widgets.error_dialog import ErrorDialog
from app.gui.widgets.theme import Theme, ThemeChoice
from app.gui.window_state import WindowState
from app.settings import Settings

# What is the same in every language: names, files, paths, numbers, keys, networks; and Qt's own
# texts, which Qt has in no made-up language.
_DATA = re.compile(
    r"Retrace|SHA-256|English|[Ee]speranto|Cancel|Close|plib|auto|folder|file|UTC|Europe/Berlin"
    r"|cam\d|Night guard|[\w.+-]*\.\w{2,5}\b|/[\w ./-]*|yolo-1|drawn-\w+|Ctrl|Shift|Return|Enter"
    r"|Alt|Space|Home|End|Backspace|Tab|F\d+|\b[A-Z]\b|Übergang 図|img_\d+|\d+s\b"
)
_WORD = re.compile(r"[^\W\d_]{2,}")


def own_words(text: str) -> str:
    """What is left of a text without what stands in brackets, and without data."""
    depth, left = 0, []
    for sign in re.sub(r"<[^>]+>", "", text):
        depth += (sign == "⟦") - (sign == "⟧")
        left.append(sign if depth == 0 and sign != "⟧" else " ")
    return " ".join(_WORD.findall(_DATA.sub(" ", "".join(left))))


def texts() -> Iterator[tuple[str, str]]:
    """Where each text stands, and the text."""
    for widget in QApplication.allWidgets():
        name = f"{type(widget).__name__} {widget.objectName()}"
        if widget.objectName().startswith("qt_") or _is_in_calendar(widget):
            continue  # Qt's own
        yield f"{name} title", widget.windowTitle()
        yield f"{name} tip", widget.toolTip()
        yield f"{name} spoken", widget.accessibleName()
        yield f"{name} described", widget.accessibleDescription()
        yield from ((f"{name} text", text) for text in _texts_of(widget))
        for action in widget.actions():
            yield f"{name} action {action.objectName()}", action.text()
            yield f"{name} action tip {action.objectName()}", action.statusTip()


def _is_in_calendar(widget: QWidget | None) -> bool:
    while widget is not None:
        if isinstance(widget, QCalendarWidget):
            return True
        widget = widget.parentWidget()
    return False


def _texts_of(widget: QWidget) -> Iterator[str]:
    match widget:
        case QLabel() | QAbstractButton():
            yield widget.text()
        case QLineEdit():
            yield widget.placeholderText()
        case QComboBox():
            yield from (widget.itemText(row) for row in range(widget.count()))
        case QGroupBox() | QMenu():
            yield widget.title()
        case QTreeWidget():
            columns = range(widget.columnCount())
            if not widget.isHeaderHidden():
                yield from (widget.headerItem().text(column) for column in columns)
            yield from _cells(widget.invisibleRootItem(), list(columns))


def _cells(item: QTreeWidgetItem, columns: list[int]) -> Iterator[str]:
    for row in range(item.childCount()):
        child = item.child(row)
        yield from (child.text(column) for column in columns)
        yield from _cells(child, columns)


def settle(app: QApplication, shell: Shell) -> None:
    for _ in range(40):
        app.processEvents()
        app.thread().msleep(10)


def open_all(shell: Shell, workspace: Any, parent: Any) -> list[QWidget]:
    """The dialogs of the actions, and those that need more than a click."""
    for name in ("about", "shortcuts", "locate-footage", "networks"):
        action: QAction = shell.window.action(name)
        action.trigger()
    videos = workspace.library.videos()
    cameras = list(dict.fromkeys(video.camera for video in videos))
    zone = workspace.library.timezone
    footage = FootageDialog([Path("/footage"), Path("/more")], "auto", zone, parent)
    shown = [
        CommandPalette(shell.window.commands(), shell.window),
        merge_dialog(cameras, parent, print),
        split_dialog(videos[:1], parent, print),
        ClockDialog(cameras[0], zone, parent),
        footage,
        ModelDialog(ModelError("⟦!⟧", role="detector"), "detector", parent),
        DownloadDialog([], "", shell.window),
        ReembedDialog("e.onnx", parent),
        ErrorDialog("⟦!⟧", "⟦!⟧", "⟦!⟧", parent),
    ]
    footage.show_problem("⟦!⟧")
    for each in shown:
        each.show()
    return shown


def main() -> None:
    app = QApplication([])
    app.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    retrace = Retrace()
    opened: list[Any] = []

    def open_workspace(folder: Path, create: bool) -> Any:
        opened.append(retrace.open_workspace(folder, create))
        return opened[-1]

    state = WindowState(Path(sys.argv[1]) / "window.ini")
    theme = Theme(app, ThemeChoice.LIGHT)
    shell = Shell(open_workspace, Settings(), state, theme, Shelf)
    shell.window.show()
    shell.start(None, None)
    settle(app, shell)
    seen = dict(texts())
    shell.start(Path(sys.argv[2]), None)
    settle(app, shell)
    dialogs = open_all(shell, opened[0], shell.window)
    settle(app, shell)
    seen |= dict(texts())
    assert len(dialogs) == 9 and sum("⟦" in text for text in seen.values()) > 200, len(seen)
    for place, text in sorted(seen.items()):
        if own_words(text):
            sys.stdout.write(f"{place}: {text!r} ({own_words(text)})\n")
    sys.stdout.flush()
    shell.close_at_once()
    shell.shutdown()


if __name__ == "__main__":
    main()
