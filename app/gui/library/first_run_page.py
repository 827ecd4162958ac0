"""The first page: what to begin with, while no library is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.widgets import icons
from app.gui.widgets.plain import plain_caption, plain_tip
from app.gui.widgets.theme import UNIT_PX, strong_font
from app.language import tr

LIBRARIES = 5
_WIDTH_PX = 520
_LOGO_PX = 48
_ICON_PX = 24


class Choice(QPushButton):
    """A button that Return presses too, as Space does.

    Qt's own way, `autoDefault`, would fill whichever has the focus with the accent colour.
    """

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Takes Return."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class Offer(Choice):
    """A wide button with a heading and a sentence.

    Args:
        name: object name.
        symbol: name of an icon.
        title: what it does.
        text: what to expect.
    """

    def __init__(self, name: str, symbol: str, title: str, text: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self._symbol = symbol
        self._icon = QLabel()
        heading, words = QLabel(title), QLabel(text)
        heading.setFont(strong_font(self.font()))
        words.setProperty("role", "muted")
        words.setWordWrap(True)
        column = QVBoxLayout()
        column.setSpacing(UNIT_PX)
        column.addWidget(heading)
        column.addWidget(words)
        row = QHBoxLayout(self)
        row.setContentsMargins(4 * UNIT_PX, 3 * UNIT_PX, 4 * UNIT_PX, 3 * UNIT_PX)
        row.setSpacing(4 * UNIT_PX)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        for label in (self._icon, heading, words):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._draw()

    def sizeHint(self) -> QSize:
        """As much as its words take; a push button alone would know of no layout."""
        layout = self.layout()
        assert layout is not None
        return QSize(_WIDTH_PX, layout.heightForWidth(_WIDTH_PX))

    def minimumSizeHint(self) -> QSize:
        """Its words are never cut."""
        return self.sizeHint()

    def _draw(self) -> None:
        self._icon.setPixmap(icons.icon(self._symbol, "accent").pixmap(_ICON_PX, _ICON_PX))

    def changeEvent(self, event: QEvent) -> None:
        """Takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_icon"):
            self._draw()


class FirstRunPage(QWidget):
    """Offers the demo, a folder of one's own, and the libraries opened lately.

    Signals:
        demo_wanted: look at the demo.
        footage_wanted: choose a folder of videos.
        library_chosen: folder of a library opened lately.
    """

    demo_wanted = Signal()
    footage_wanted = Signal()
    library_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("first_run_page")
        self.setAccessibleName(tr("What to start with"))
        self.demo = Offer(
            "first_run_demo",
            "play",
            tr("Look at the demo"),
            tr(
                "Three rendered cameras, no real people. Loading them the first time takes up "
                "to a minute."
            ),
        )
        self.footage = Offer(
            "first_run_footage",
            "folder",
            tr("Open your own folder…"),
            tr(
                "Choose the videos of your cameras, or drop the folder here. They stay where "
                "they are, and nothing is uploaded."
            ),
        )
        self.demo.clicked.connect(self.demo_wanted)
        self.footage.clicked.connect(self.footage_wanted)
        self._recent = QWidget()
        self._recent.setObjectName("first_run_recent")
        self._recent_rows = QVBoxLayout(self._recent)
        self._recent_rows.setContentsMargins(0, 4 * UNIT_PX, 0, 0)
        self._recent_rows.setSpacing(UNIT_PX)
        self._lay_out()
        self.show_recent([])

    def show_recent(self, folders: Sequence[Path]) -> None:
        """Lists libraries, the last one first; none: no list."""
        while (item := self._recent_rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._recent.setVisible(bool(folders))
        if folders:
            self._recent_rows.addWidget(_words(tr("Recent libraries"), "heading"))
        for number, folder in enumerate(folders[:LIBRARIES], 1):
            button = Choice()
            name = button.fontMetrics().elidedText(
                folder.name, Qt.TextElideMode.ElideMiddle, _WIDTH_PX - 8 * UNIT_PX
            )
            button.setText(plain_caption(name))
            button.setObjectName(f"first_run_library_{number}")
            button.setAccessibleName(tr("Open the library {folder}", folder=folder.name))
            button.setToolTip(plain_tip(str(folder)))
            button.setProperty("role", "row")
            button.clicked.connect(
                lambda _checked=False, chosen=folder: self.library_chosen.emit(chosen)
            )
            self._recent_rows.addWidget(button)

    def _lay_out(self) -> None:
        logo = QLabel()
        logo.setPixmap(icons.logo().pixmap(_LOGO_PX, _LOGO_PX))
        title = _words(tr("Find one person in the recordings of many cameras"), "heading")
        title.setObjectName("first_run_title")
        column = QVBoxLayout()
        column.setSpacing(2 * UNIT_PX)
        column.addStretch(2)
        column.addWidget(logo, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(4 * UNIT_PX)
        for part in (self.demo, self.footage, self._recent):
            part.setFixedWidth(_WIDTH_PX)
            column.addWidget(part, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        row = QHBoxLayout(self)
        row.addStretch()
        row.addLayout(column)
        row.addStretch()


def _words(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
