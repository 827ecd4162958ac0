"""Every key that does something, in one list."""

from __future__ import annotations

from PySide6.QtCore import Qt
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

from app.gui.actions import ACTIONS, Where
from app.gui.widgets import theme
from app.language import tr

_PLACES: tuple[tuple[str, tuple[Where, ...]], ...] = (
    (Where.WINDOW.title, (Where.WINDOW, Where.LIBRARY)),
    (Where.PLAYER.title, (Where.PLAYER,)),
    (Where.RESULTS.title, (Where.RESULTS,)),
)


class ShortcutsDialog(QDialog):
    """The shortcuts of the table, which can be narrowed by typing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts_dialog")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setAccessibleName(tr("Keyboard shortcuts"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(480, 560)
        self._filter = QLineEdit()
        self._filter.setObjectName("shortcuts_filter")
        self._filter.setAccessibleName(tr("Find a shortcut"))
        self._filter.setPlaceholderText(tr("Find a shortcut"))
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._narrow)
        self._tree = QTreeWidget()
        self._tree.setObjectName("shortcuts_list")
        self._tree.setAccessibleName(tr("Shortcuts"))
        self._tree.setColumnCount(2)
        self._tree.setHeaderLabels([tr("What it does"), tr("Keys")])
        self._tree.setRootIsDecorated(False)
        self._tree.header().setStretchLastSection(False)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._groups: list[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]] = []
        for title, places in _PLACES:
            head = QTreeWidgetItem(self._tree, [title])
            head.setFont(0, theme.strong_font(self.font()))
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            items = [
                QTreeWidgetItem(head, [row.plain_text.rstrip("…"), row.keys_text])
                for row in ACTIONS
                if row.keys and row.where in places
            ]
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
