"""What went wrong while footage was loaded: a button with the numbers, and the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.widgets import theme
from app.gui.widgets.plain import plain_tip
from app.gui.widgets.popover import Popover
from app.language import tr

_SIZE = QSize(720, 240)


class NoticeKind(Enum):
    """Why something is listed: shape and word, colour token."""

    FAILED = (tr("! failed"), "rejected")
    PARTIAL = (tr("✂ partial"), "uncertain")
    SKIPPED = (tr("… skipped"), "muted")
    STOPPED = (tr("■ stopped"), "warning")


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that went otherwise than expected.

    Attributes:
        path: the file or folder it is about.
        message: what happened, a sentence.
        remedy: what to do, a sentence, or empty.
    """

    kind: NoticeKind
    path: Path
    message: str
    remedy: str = ""


class IngestNotices(QToolButton):
    """Says how many there are of each kind, and shows them when it is clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ingest_notices_button")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(tr("What failed or was cut, and why"))
        self._list = self._make_list()
        self._popover = Popover(self)
        self._popover.setAccessibleName(tr("What failed or was cut, and why"))
        layout = QVBoxLayout(self._popover)
        layout.setContentsMargins(*4 * (theme.UNIT_PX,))
        layout.addWidget(self._list)
        self._say()

    def forget(self) -> None:
        """Nothing is listed any more."""
        self._list.clear()
        self._say()

    def add(self, notice: Notice) -> None:
        """Lists what went wrong."""
        word, token = notice.kind.value
        text = f"{notice.message}\n{notice.remedy}".strip()
        item = QTreeWidgetItem([word, notice.path.name, text])
        item.setData(0, Qt.ItemDataRole.UserRole, token)
        item.setForeground(0, QColor(getattr(theme.tokens(), token)))
        tip = plain_tip(f"{notice.path}\n{text}")
        for column in range(3):
            item.setToolTip(column, tip)
        self._list.addTopLevelItem(item)
        self._say()

    def _make_list(self) -> QTreeWidget:
        notices = QTreeWidget()
        notices.setObjectName("ingest_notices")
        notices.setAccessibleName(tr("What failed or was cut, and why"))
        notices.setMinimumSize(_SIZE)
        notices.setColumnCount(3)
        notices.setHeaderHidden(True)
        notices.setRootIsDecorated(False)
        notices.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = notices.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        return notices

    def _items(self) -> list[QTreeWidgetItem]:
        return self._list.findItems("*", Qt.MatchFlag.MatchWildcard)

    def _say(self) -> None:
        listed = [item.text(0) for item in self._items()]
        counts = {word: listed.count(word) for word in dict.fromkeys(listed)}
        signs = [(*word.split(maxsplit=1), count) for word, count in counts.items()]
        text = " · ".join(f"{sign} {count} {what}" for sign, what, count in signs)
        self.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(listed))

    def changeEvent(self, event: QEvent) -> None:
        """Takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_list"):
            for item in self._items():
                token = item.data(0, Qt.ItemDataRole.UserRole)
                item.setForeground(0, QColor(getattr(theme.tokens(), token)))
