"""Which keys a tree keeps, and which it leaves to the whole window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QTreeView

_FOLDING = (Qt.Key.Key_Left, Qt.Key.Key_Right)


class WindowKeys(QObject):
    """Has keys do in a tree what they do everywhere: Space plays, arrows select hits.

    Only on a row that can be folded the arrows fold it.
    """

    def __init__(self, tree: QTreeView) -> None:
        super().__init__(tree)
        self._tree = tree
        tree.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Claims arrows that fold from the window's shortcuts; lets Space pass to the window."""
        if not isinstance(event, QKeyEvent) or event.modifiers():
            return super().eventFilter(watched, event)
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in _FOLDING:
            current = self._tree.currentIndex()
            if current.isValid() and self._tree.model().hasChildren(current):
                event.accept()
                return True
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Space:
            event.ignore()
            return True
        return super().eventFilter(watched, event)
