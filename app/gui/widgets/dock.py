"""A dock whose title is a quiet line with a close button in the project's own drawing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QToolButton, QWidget

from app.gui.widgets import icons, theme
from app.language import tr

_WIDE_PX = 1600


class Dock(QDockWidget):
    """Movable, closable, floatable.

    Args:
        title: shown in the title line and in the View menu.
        name: object name, by which its place is remembered.
        content: what it holds.
        area: the edge of the window where it stands on the first day.
        size_px: its width there, or its height at the lower or upper edge.
        wide_px: the same in a wide window; by default `size_px`.
        head: what else stands in the title line.
    """

    def __init__(
        self,
        title: str,
        name: str,
        content: QWidget,
        area: Qt.DockWidgetArea,
        size_px: int,
        wide_px: int | None = None,
        head: QWidget | None = None,
    ) -> None:
        super().__init__(title)
        self.area, self._size_px, self._wide_px = area, size_px, wide_px or size_px
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
        self._close.setAccessibleName(tr("Close {title}", title=title))
        self._close.setToolTip(tr("Close; the View menu opens it again"))
        self._close.setIconSize(QSize(16, 16))
        self._close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._close.setProperty("role", "dock-close")
        self._close.clicked.connect(self.close)
        row = QHBoxLayout(bar)
        row.setContentsMargins(2 * theme.UNIT_PX, 0, theme.UNIT_PX, 0)
        row.setSpacing(theme.UNIT_PX)
        row.addWidget(label, 0 if head else 1)
        if head is not None:
            row.addWidget(head, 1)
        row.addWidget(self._close)
        self.setTitleBarWidget(bar)
        self._draw()

    @property
    def sized_along(self) -> Qt.Orientation:
        """Which of its sides `first_px` is: the width of a dock at the left or right edge."""
        sides = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
        return Qt.Orientation.Horizontal if self.area in sides else Qt.Orientation.Vertical

    def first_px(self, window_px: int) -> int:
        """Its width or height on the first day, in a window of a width."""
        return self._wide_px if window_px >= _WIDE_PX else self._size_px

    def _draw(self) -> None:
        self._close.setIcon(icons.icon("close", "muted"))

    def changeEvent(self, event: QEvent) -> None:
        """Takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_close"):
            self._draw()
