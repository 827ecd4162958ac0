"""A panel that a button opens beside itself, and that closes at a click elsewhere or Esc."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QFrame, QToolButton, QWidget

from app.gui.widgets.theme import UNIT_PX


class Popover(QFrame):
    """Shown as long as its button is checked.

    Args:
        button: made checkable; the popover opens below it, or above where there is no room.
    """

    def __init__(self, button: QToolButton) -> None:
        super().__init__(button.window(), Qt.WindowType.Popup)
        self._button = button
        self.setProperty("role", "popover")
        # The click that closes it would otherwise reach the button, and open it again.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
        button.setCheckable(True)
        button.toggled.connect(self._follow)

    def _follow(self, is_wanted: bool) -> None:
        if not is_wanted:
            self.close()
            return
        self.show()  # first: only then are its parts as large as they will be
        self.move(place_beside(self._button, self))
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        self.focusNextChild()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Gives the focus back to the button."""
        super().closeEvent(event)
        self._button.setChecked(False)


def place_beside(anchor: QWidget, widget: QWidget) -> QPoint:
    """Where a top-level widget stands to be next to an anchor and whole on its screen."""
    room, size = anchor.screen().availableGeometry(), widget.size()
    corner = anchor.mapToGlobal(QPoint(0, anchor.height() + UNIT_PX))
    if corner.y() + size.height() > room.bottom():
        corner.setY(anchor.mapToGlobal(QPoint(0, 0)).y() - size.height() - UNIT_PX)
    rightmost = room.right() + 1 - size.width()
    return QPoint(max(room.left(), min(corner.x(), rightmost)), max(room.top(), corner.y()))
