"""One line of text that gives way where there is no room for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.gui.widgets.plain import plain_tip


class ElidedLabel(QLabel):
    """One line that is cut in its middle rather than widening the window; the tooltip has it all.

    Args:
        parent: the widget that it lies in.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def set_whole(self, text: str) -> None:
        """Shows as much of a text as fits."""
        self._whole = text
        self.setToolTip(plain_tip(text))
        self.setAccessibleName(text)
        self._elide()

    def whole(self) -> str:
        """The text, however much of it is seen."""
        return self._whole

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the text to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics, width_px = self.fontMetrics(), self.width()
        self.setText(metrics.elidedText(self._whole, Qt.TextElideMode.ElideMiddle, width_px))
