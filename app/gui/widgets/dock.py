"""A dock whose title is a quiet line with a close button in the project's own drawing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QToolButton, QWidget

from app.gui.widgets import icons, theme


class Dock(QDockWidget):
    """Movable, closable, floatable.

    Args:
        title: shown in the title line and in the View menu.
        name: object name, by which its place is remembered.
        content: what it holds.
    """

    def __init__(self, title: str, name: str, content: QWidget) -> None:
        super().__init__(title)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setWidget(content)
        bar = QWidget()
        bar.setObjectName(f"{name}_title")
        label = QLabel(title)
        label.setProperty("role", "dock-title")
        label.setFont(theme.strong_font(theme.small_font(self.font())))
        self._close = QToolButton()
        self._close.setObjectName(f"{name}_close")
        self._close.setAccessibleName(f"Close {title}")
        self._close.setToolTip("Close; the View menu opens it again")
        self._close.setIconSize(QSize(16, 16))
        self._close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._close.setProperty("role", "dock-close")
        self._close.clicked.connect(self.close)
        row = QHBoxLayout(bar)
        row.setContentsMargins(2 * theme.UNIT_PX, 0, theme.UNIT_PX, 0)
        row.setSpacing(theme.UNIT_PX)
        row.addWidget(label, 1)
        row.addWidget(self._close)
        self.setTitleBarWidget(bar)
        self._draw()

    def _draw(self) -> None:
        self._close.setIcon(icons.icon("close", "muted"))

    def changeEvent(self, event: QEvent) -> None:
        """Takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_close"):
            self._draw()
