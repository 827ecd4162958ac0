"""A photo in the player's place, with a box around everyone who can be searched for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.gui.player.frame_view import FrameView
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.theme import UNIT_PX, strong_font
from app.language import tr
from app.services.footage.playback import PersonBox


class PhotoPanel(QWidget):
    """Shows a photo and tells who was chosen; it decides nothing.

    Signals:
        clicked, behind_clicked, box_drawn: see `FrameView`.
        left: back to the video.
    """

    clicked = Signal(float, float)
    behind_clicked = Signal(int)
    box_drawn = Signal(object)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("photoPanel")
        self.setAccessibleName(tr("Photo"))
        self.view = FrameView(self)
        self.view.setObjectName("photoView")
        self.view.setAccessibleName(tr("Photo"))
        self.setFocusProxy(self.view)
        self.title = ElidedLabel(self)
        self.title.setObjectName("photoTitle")
        self.title.setFont(strong_font(self.font()))
        self.back = QPushButton(self)
        self.back.setObjectName("leavePhotoButton")
        self.back.setText(tr("Back to the video"))
        self.back.setToolTip(tr("Back to the video (Esc)"))
        self.back.setAccessibleName(tr("Back to the video"))
        self.back.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout()
        row.setContentsMargins(2 * UNIT_PX, UNIT_PX, 2 * UNIT_PX, UNIT_PX)
        row.addWidget(self.title, 1)
        row.addWidget(self.back)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.view, 1)
        self.back.clicked.connect(self.left)
        self.view.clicked.connect(self.clicked)
        self.view.behind_clicked.connect(self.behind_clicked)
        self.view.box_drawn.connect(self.box_drawn)

    def show_photo(
        self, title: str, picture: QImage, people: Sequence[PersonBox], hint: str
    ) -> None:
        """Shows a photo, boxes in pixels of it, and what can be done."""
        self.title.set_whole(title)
        self.view.show_frame(picture, people)
        self.view.show_hint(hint)

    def takes_key(self, event: QKeyEvent) -> bool:
        """Goes back to the video at Esc, or gives up a box that is being drawn; else nothing."""
        if event.key() != Qt.Key.Key_Escape:
            return False
        if self.view.stop_drawing():
            self.view.show_hint("")
        else:
            self.left.emit()
        return True
