"""Pictures of the person sought at the left, of the selected sighting at the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.theme import UNIT_PX, strong_font, tokens
from app.language import tr, trn

GAP_PX = UNIT_PX


class PictureStrip(QWidget):
    """Shows pictures beside each other, equally high, as large as fits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures: list[QImage] = []
        self.setMinimumSize(QSize(120, 120))

    @property
    def pictures(self) -> Sequence[QImage]:
        """What is shown."""
        return self._pictures

    def show_pictures(self, pictures: Sequence[QImage]) -> None:
        """Shows these; null images are left out."""
        self._pictures = [each for each in pictures if not each.isNull()]
        count = len(self._pictures)
        self.setAccessibleName(trn("{count} picture", "{count} pictures", count))
        self.update()

    def rects(self) -> list[QRectF]:
        """Where the pictures lie."""
        if not self._pictures:
            return []
        ratios = [each.width() / each.height() for each in self._pictures]
        room_px = max(1, self.width() - GAP_PX * (len(ratios) - 1))
        height_px = min(float(self.height()), room_px / sum(ratios))
        whole_px = height_px * sum(ratios) + GAP_PX * (len(ratios) - 1)
        left, top = (self.width() - whole_px) / 2, (self.height() - height_px) / 2
        found = []
        for ratio in ratios:
            found.append(QRectF(left, top, height_px * ratio, height_px))
            left += height_px * ratio + GAP_PX
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the pictures on the quiet ground."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tokens().ground))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for rect, picture in zip(self.rects(), self._pictures, strict=True):
            painter.drawImage(rect, picture)


class ComparePanel(QWidget):
    """Two strips, each with a heading."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparePanel")
        self.setAccessibleName(tr("Comparison"))
        self.headings = (ElidedLabel(self), ElidedLabel(self))
        self.strips = (PictureStrip(self), PictureStrip(self))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * UNIT_PX)
        for heading, strip in zip(self.headings, self.strips, strict=True):
            heading.setFont(strong_font(self.font()))
            heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
            side = QVBoxLayout()
            side.setSpacing(UNIT_PX)
            side.addWidget(heading)
            side.addWidget(strip, 1)
            row.addLayout(side, 1)

    def show_person(self, pictures: Sequence[QImage]) -> None:
        """Shows the person sought."""
        self.headings[0].set_whole(tr("person sought"))
        self.strips[0].show_pictures(pictures)

    def show_sighting(self, heading: str, pictures: Sequence[QImage]) -> None:
        """Shows the sighting that is compared."""
        self.headings[1].set_whole(heading)
        self.strips[1].show_pictures(pictures)

    def clear(self) -> None:
        """Nothing is compared: says what to do."""
        self.show_person([])
        self.headings[0].set_whole("")
        self.show_sighting(tr("Select a sighting in the results to compare it."), [])
