"""What stands where there are no results: what to do next, or what went wrong."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.widgets.theme import UNIT_PX
from app.language import tr


class EmptyPage(QWidget):
    """One sentence that says what is so, one that says what to do, and buttons that do it.

    Signals:
        picture_wanted: the user wants to choose a picture file.
        widening_wanted: the user wants the filters taken off.
    """

    picture_wanted = Signal()
    widening_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("emptyPage")
        self.title = self._words("emptyTitle", "heading")
        self.advice = self._words("emptyAdvice", "muted")
        self.choose = self._button("choosePicture", tr("Choose a picture…"))
        self.choose.clicked.connect(self.picture_wanted)
        self.widen = self._button("widenFilter", tr("Clear filters"))
        self.widen.clicked.connect(self.widening_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * UNIT_PX, 4 * UNIT_PX, 4 * UNIT_PX, 4 * UNIT_PX)
        column.setSpacing(2 * UNIT_PX)
        column.addStretch(2)
        for part in (self.title, self.advice):
            column.addWidget(part)
        column.addSpacing(2 * UNIT_PX)
        for button in (self.choose, self.widen):
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)

    def _words(self, name: str, role: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setProperty("role", role)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        return label

    def _button(self, name: str, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAccessibleName(text)
        return button

    def say(
        self, title: str, advice: str, *, offers_picture: bool = False, offers_wider: bool = False
    ) -> None:
        """Shows the sentences, and the buttons that help."""
        self.title.setText(title)
        self.title.setAccessibleName(title)
        self.advice.setText(advice)
        self.advice.setAccessibleName(advice)
        self.choose.setVisible(offers_picture)
        self.widen.setVisible(offers_wider)


class NoticeBar(QFrame):
    """A problem in its place: what happened, what to do about it; it can be put away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("searchProblem")
        self.words = QLabel(self)
        self.words.setObjectName("searchProblemText")
        self.words.setProperty("role", "warning")
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.put_away = QToolButton(self)
        self.put_away.setObjectName("searchProblemClose")
        self.put_away.setAccessibleName(tr("Dismiss this message"))
        self.put_away.setText("✕")
        self.put_away.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.put_away, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def say(self, message: str, remedy: str) -> None:
        """Shows a problem."""
        text = f"! {message}" + (f"\n{remedy}" if remedy else "")
        self.words.setText(text)
        self.words.setAccessibleName(
            tr("Problem: {message} {remedy}", message=message, remedy=remedy).strip()
        )
        self.show()
