"""Finds any command by typing some of its words, and runs it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
)

from app.gui.commands import Command
from app.gui.widgets import theme
from app.language import tr

_WIDTH_PX = 560
_ROWS = 12
_COMMAND = Qt.ItemDataRole.UserRole
_MARK_PX = 5 * theme.UNIT_PX
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_KEYS = Qt.Key
_STEPS: dict[int, int] = {
    _KEYS.Key_Up: -1,
    _KEYS.Key_Down: 1,
    _KEYS.Key_PageUp: -_ROWS,
    _KEYS.Key_PageDown: _ROWS,
}


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """The commands in which every typed word is found, those first whose own text fits best.

    A word may be a part of another one, in any order, and may stand in the command's text, its
    place, its shortcuts or its tip.
    """
    words = typed.casefold().split()
    costs = [(sum(_cost(each, word) for word in words), each) for each in commands]
    return [each for cost, each in sorted(costs, key=lambda pair: pair[0]) if cost < _NEVER]


_NEVER = 1000


def _cost(command: Command, word: str) -> int:
    """How poorly a word fits; `_NEVER` if it is not found."""
    text = command.text.casefold()
    if text.startswith(word):
        return 0
    if f" {word}" in text:
        return 1
    if word in text:
        return 2
    rest = f"{command.place} {command.keys} {command.tip}".casefold()
    return 3 if word in rest else _NEVER


class CommandPalette(QDialog):
    """A field and the commands that fit, over the upper part of the window.

    Up, Down, Page Up and Page Down choose while the field keeps the focus; Enter runs, Escape
    and a click elsewhere close.
    """

    def __init__(self, commands: Sequence[Command], window: QMainWindow) -> None:
        super().__init__(window, Qt.WindowType.Popup)
        self.setObjectName("command_palette")
        self.setAccessibleName(tr("Commands"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._commands = commands
        self._field = QLineEdit()
        self._field.setObjectName("command_field")
        self._field.setAccessibleName(tr("Find a command"))
        self._field.setPlaceholderText(tr("Find a command"))
        self._field.textChanged.connect(self._fill)
        self._field.installEventFilter(self)
        self._list = QListWidget()
        self._list.setObjectName("command_list")
        self._list.setAccessibleName(tr("Commands"))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setUniformItemSizes(True)
        self._list.setMouseTracking(True)
        self._list.setItemDelegate(_CommandDelegate(self._list))
        self._list.itemClicked.connect(self._run)
        self._nothing = QLabel(tr("No command has all these words."))
        self._nothing.setObjectName("command_nothing")
        self._nothing.setProperty("role", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (2 * theme.UNIT_PX,))
        layout.setSpacing(2 * theme.UNIT_PX)
        layout.addWidget(self._field)
        layout.addWidget(self._list)
        layout.addWidget(self._nothing)
        self._room_px = window.height() // 2
        self.setFixedWidth(min(_WIDTH_PX, window.width() - 8 * theme.UNIT_PX))
        left_px = (window.width() - self.width()) // 2
        top_px = window.menuBar().geometry().bottom() + theme.UNIT_PX
        self.move(window.mapToGlobal(QPoint(left_px, top_px)))
        self._fill("")
        self._field.setFocus()

    def _fill(self, typed: str) -> None:
        self._list.clear()
        for command in matching(self._commands, typed):
            item = QListWidgetItem(command.text, self._list)
            item.setData(_COMMAND, command)
            item.setToolTip(command.tip)
            words = (command.text, command.place, command.keys)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(filter(None, words)))
        count = self._list.count()
        rows_px = min(count, _ROWS) * self._list.sizeHintForRow(0)
        self._list.setFixedHeight(min(rows_px, self._room_px) + 2 * self._list.frameWidth())
        self._list.setCurrentRow(0)
        self._list.setVisible(count > 0)
        self._nothing.setVisible(count == 0)
        self.setFixedHeight(self.sizeHint().height())

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        command: Command = item.data(_COMMAND)
        self.close()
        command.action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Chooses and runs by keys that mean nothing to the field."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        key = event.key()
        if key in (_KEYS.Key_Return, _KEYS.Key_Enter):
            self._run(self._list.currentItem())
            return True
        if key in _STEPS and self._list.count():
            self._choose(_STEPS[key])
            return True
        return super().eventFilter(watched, event)

    def _choose(self, step: int) -> None:
        """Goes so many rows on; by one from the last row to the first, and back."""
        last = self._list.count() - 1
        row = self._list.currentRow() + step
        if abs(step) == 1:
            row %= last + 1
        self._list.setCurrentRow(max(0, min(row, last)))


class _CommandDelegate(QStyledItemDelegate):
    """Draws a check mark, the command, where else it is found, and its shortcuts."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """One line with some air."""
        del index
        return QSize(0, option.fontMetrics.height() + 3 * theme.UNIT_PX)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paints one row; the command has the room first, then its shortcuts, then its place."""
        command: Command = index.data(_COMMAND)
        colours, metrics = theme.tokens(), option.fontMetrics
        painter.save()
        _paint_ground(painter, option)
        row = option.rect.adjusted(theme.UNIT_PX, 0, -2 * theme.UNIT_PX, 0)
        painter.setPen(QColor(colours.accent))
        if command.action.isCheckable() and command.action.isChecked():
            painter.drawText(row, _LEFT, "✓")
        row.setLeft(row.left() + _MARK_PX)
        painter.setPen(QColor(colours.text))
        row.setLeft(row.left() + _draw(painter, row, _LEFT, command.text) + 3 * theme.UNIT_PX)
        painter.setPen(QColor(colours.muted))
        row.setRight(row.right() - _draw(painter, row, _RIGHT, command.keys) - 3 * theme.UNIT_PX)
        if row.width() > metrics.averageCharWidth() * 6:
            _draw(painter, row, _LEFT, command.place)
        painter.restore()


def _paint_ground(painter: QPainter, option: QStyleOptionViewItem) -> None:
    colours = theme.tokens()
    if option.state & QStyle.StateFlag.State_Selected:
        ground = colours.selected
    elif option.state & QStyle.StateFlag.State_MouseOver:
        ground = colours.hovered
    else:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(ground))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(option.rect, theme.RADIUS_PX, theme.RADIUS_PX)


def _draw(painter: QPainter, row: QRect, side: Qt.AlignmentFlag, text: str) -> int:
    """Draws a text, cut where the row ends; returns its width in pixels."""
    metrics = painter.fontMetrics()
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, max(0, row.width()))
    painter.drawText(row, side, shown)
    return metrics.horizontalAdvance(shown)
