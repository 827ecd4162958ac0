"""Every key that does something, in one list, where it can be changed."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.actions import ACTIONS, ActionRow, Where, keys_text
from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.language import listed, tr

_PLACES: tuple[tuple[str, tuple[Where, ...]], ...] = (
    (Where.WINDOW.title, (Where.WINDOW, Where.LIBRARY)),
    (Where.PLAYER.title, (Where.PLAYER,)),
    (Where.RESULTS.title, (Where.RESULTS,)),
    (Where.PEOPLE.title, (Where.PEOPLE,)),
    (Where.VIDEOS.title, (Where.VIDEOS,)),
)
_ROW = Qt.ItemDataRole.UserRole


class ShortcutsDialog(QDialog):
    """The actions of the table with their shortcuts; narrowed by typing, changed below the list.

    Signals:
        changed: the shortcuts that differ from the usual ones, as `app.gui.actions.use_keys` takes
            them.

    Args:
        chosen: likewise, those of now.
    """

    changed = Signal(dict)

    def __init__(self, chosen: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts_dialog")
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setAccessibleName(tr("Keyboard shortcuts"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(520, 600)
        self._chosen = dict(chosen)
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
        self._tree.currentItemChanged.connect(self._show_chosen)
        self._keys = QKeySequenceEdit()
        self._keys.setObjectName("shortcut_keys")
        self._keys.setAccessibleName(tr("New shortcut"))
        self._keys.setToolTip(tr("Click here and press the new keys"))
        self._keys.setMaximumSequenceLength(1)
        self._keys.setClearButtonEnabled(True)
        self._keys.keySequenceChanged.connect(self._warn)
        self._set = _button("shortcut_set", tr("&Set"), self._set_keys)
        self._usual = _button("shortcut_usual", tr("&Default keys"), self._take_back)
        self._all_usual = _button(
            "shortcuts_all_usual", tr("Restore &all defaults"), self._take_all_back
        )
        self._clash = wrapped_label("shortcut_clash", "warning")
        self._clash.hide()
        self._groups: list[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]] = []
        for title, places in _PLACES:
            head = QTreeWidgetItem(self._tree, [title])
            head.setFont(0, theme.strong_font(self.font()))
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            items = [self._item(head, row) for row in ACTIONS if row.where in places]
            self._groups.append((head, items))
        self._tree.expandAll()
        self._lay_out()
        self._show_keys()
        self._show_chosen()

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        line = QHBoxLayout()
        line.addWidget(self._keys, 1)
        for each in (self._set, self._usual, self._all_usual):
            each.setAutoDefault(False)
            line.addWidget(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(2 * theme.UNIT_PX)
        layout.addWidget(self._filter)
        layout.addWidget(self._tree, 1)
        layout.addLayout(line)
        layout.addWidget(self._clash)
        layout.addWidget(buttons)

    def _item(self, head: QTreeWidgetItem, row: ActionRow) -> QTreeWidgetItem:
        item = QTreeWidgetItem(head, [row.plain_text.rstrip("…"), ""])
        item.setData(0, _ROW, row.name)
        return item

    # What is chosen -----------------------------------------------------------------------------

    def _keys_of(self, row: ActionRow) -> list[str]:
        return self._chosen.get(row.name, row.keys).split()

    def _current(self) -> ActionRow | None:
        item = self._tree.currentItem()
        name = item.data(0, _ROW) if item is not None else None
        return next((row for row in ACTIONS if row.name == name), None)

    def _typed(self) -> str:
        return self._keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _others(self, keys: str, row: ActionRow | None) -> list[ActionRow]:
        """The other actions that these keys belong to."""
        return [each for each in ACTIONS if keys in self._keys_of(each) and each != row]

    def _set_keys(self) -> None:
        row, keys = self._current(), self._typed()
        if row is None:
            return
        for other in self._others(keys, row) if keys else ():
            self._choose(other, [each for each in self._keys_of(other) if each != keys])
        self._choose(row, [keys] if keys else [])
        self._tell()

    def _take_back(self) -> None:
        row = self._current()
        if row is not None and self._chosen.pop(row.name, None) is not None:
            for keys in row.keys.split():
                for other in self._others(keys, row):
                    self._choose(other, [each for each in self._keys_of(other) if each != keys])
            self._tell()

    def _take_all_back(self) -> None:
        self._chosen.clear()
        self._tell()

    def _choose(self, row: ActionRow, keys: list[str]) -> None:
        self._chosen[row.name] = " ".join(keys)
        if self._chosen[row.name] == row.keys:
            del self._chosen[row.name]

    def _tell(self) -> None:
        self._show_keys()
        self._show_chosen()
        self.changed.emit(dict(self._chosen))

    # What is shown ------------------------------------------------------------------------------

    def _show_keys(self) -> None:
        names = {row.name: row for row in ACTIONS}
        for _, items in self._groups:
            for item in items:
                keys = self._keys_of(names[item.data(0, _ROW)])
                item.setText(1, listed(keys_text(QKeySequence(each)) for each in keys))

    def _show_chosen(self) -> None:
        row = self._current()
        keys = self._keys_of(row) if row is not None else []
        self._keys.setKeySequence(QKeySequence(keys[0] if keys else ""))
        self._keys.setEnabled(row is not None)
        self._set.setEnabled(row is not None)
        self._usual.setEnabled(row is not None and row.name in self._chosen)
        self._all_usual.setEnabled(bool(self._chosen))
        self._warn()

    def _warn(self) -> None:
        keys, row = self._typed(), self._current()
        others = self._others(keys, row) if keys and row is not None else []
        self._clash.setVisible(bool(others))
        self._set.setText(tr("Ta&ke over") if others else tr("&Set"))
        if others:
            self._clash.setText(
                tr(
                    "{keys} belongs to “{action}” ({place}), which would lose it.",
                    keys=keys_text(self._keys.keySequence()),
                    action=others[0].plain_text.rstrip("…"),
                    place=others[0].where.title,
                )
            )

    def _narrow(self, text: str) -> None:
        wanted = text.casefold()
        for head, items in self._groups:
            matching = [
                item for item in items if wanted in f"{item.text(0)} {item.text(1)}".casefold()
            ]
            for item in items:
                item.setHidden(item not in matching)
            head.setHidden(not matching)


def _button(name: str, text: str, clicked: object) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.clicked.connect(clicked)
    return button
