"""Every key that does something, in one list."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.widgets import theme

Group = tuple[str, Sequence[tuple[str, str]]]  # title, (keys, what they do)

PLAYER_KEYS: tuple[tuple[str, str], ...] = (
    ("Space, K", "Play or pause"),
    ("J", "Play backwards, faster each time"),
    ("L", "Play forwards, faster each time"),
    (",", "One frame back"),
    (".", "One frame forward"),
    ("←", "5 seconds back"),
    ("→", "5 seconds forward"),
    ("Shift+←", "1 second back"),
    ("Shift+→", "1 second forward"),
    ("↑", "1 minute forward"),
    ("↓", "1 minute back"),
    ("Home, End", "To the beginning, to the end"),
    ("[  ]", "Slower, faster"),
    ("Backspace", "Normal speed"),
    ("Ctrl+V", "Search the picture in the clipboard"),
)


class ShortcutsDialog(QDialog):
    """A list that can be narrowed by typing.

    Args:
        groups: titles with rows of (keys, what they do).
    """

    def __init__(self, groups: Sequence[Group], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts_dialog")
        self.setWindowTitle("Keyboard shortcuts")
        self.setAccessibleName("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(480, 560)
        self._filter = QLineEdit()
        self._filter.setObjectName("shortcuts_filter")
        self._filter.setAccessibleName("Find a shortcut")
        self._filter.setPlaceholderText("Find a shortcut")
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._narrow)
        self._tree = QTreeWidget()
        self._tree.setObjectName("shortcuts_list")
        self._tree.setAccessibleName("Shortcuts")
        self._tree.setColumnCount(2)
        self._tree.setHeaderLabels(["What it does", "Keys"])
        self._tree.setRootIsDecorated(False)
        self._tree.header().setStretchLastSection(False)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._groups: list[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]] = []
        for title, rows in groups:
            head = QTreeWidgetItem(self._tree, [title])
            head.setFont(0, theme.strong_font(self.font()))
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            items = [QTreeWidgetItem(head, [text, keys]) for keys, text in rows]
            self._groups.append((head, items))
        self._tree.expandAll()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(2 * theme.UNIT_PX)
        layout.addWidget(self._filter)
        layout.addWidget(self._tree, 1)
        layout.addWidget(buttons)

    def _narrow(self, text: str) -> None:
        wanted = text.casefold()
        for head, items in self._groups:
            matching = [
                item for item in items if wanted in f"{item.text(0)} {item.text(1)}".casefold()
            ]
            for item in items:
                item.setHidden(item not in matching)
            head.setHidden(not matching)


def rows_of(actions: Sequence[QAction]) -> list[tuple[str, str]]:
    """The rows of those actions that have keys."""
    rows = []
    for action in actions:
        keys = ", ".join(
            key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()
        )
        if keys:
            rows.append((keys, action.text().replace("&", "").rstrip("…")))
    return rows
