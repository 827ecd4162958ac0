"""Why a hit looks like the person sought: both pictures, what agrees, and what else is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.gui.results.sought import as_qimage
from app.gui.widgets.fitting import fit_height
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.problem_dialog import ProblemDialog
from app.gui.widgets.theme import UNIT_PX
from app.language import tr

if TYPE_CHECKING:
    from app.services.search.why import Explanation, Side

PICTURE_PX, _WIDTH_PX = 360, 520
# How bright a part is that does not agree at all.
_DIMMED = 0.25


class WhyDialog(ProblemDialog):
    """Shows an `Explanation` and facts about a hit.

    Args:
        facts: what is known of the hit, a line each.
        parent: over which window.
    """

    def __init__(self, facts: list[str], parent: QWidget | None = None) -> None:
        super().__init__("why", tr("Why this match"), parent)
        self._explanation: Explanation | None = None
        self.pictures = [self._label(f"why_picture_{place}") for place in range(2)]
        self.captions = [self._label(f"why_caption_{place}") for place in range(2)]
        self.highlight = QCheckBox(tr("Dim the parts that differ"), self)
        self.highlight.setObjectName("why_highlight")
        self.highlight.setChecked(True)
        self.highlight.setEnabled(False)
        self.highlight.toggled.connect(self._show)
        self.facts = wrapped_label("why_facts", "")
        self.facts.setText("\n".join(facts))
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.remark = wrapped_label("why_remark", "muted")
        self.remark.setText(
            tr(
                "Bright areas look similar to the network, at about the same height; sometimes "
                "the background does, too. Use this as a hint, not as proof."
            )
        )
        self._lay_out()
        self.captions[0].setText(tr("Comparing the two pictures…"))
        fit_height(self, _WIDTH_PX)

    def _label(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        return label

    def _lay_out(self) -> None:
        pair = QHBoxLayout()
        pair.setSpacing(4 * UNIT_PX)
        for picture, caption in zip(self.pictures, self.captions, strict=True):
            picture.setMinimumSize(PICTURE_PX // 2, PICTURE_PX)
            side = QVBoxLayout()
            side.addWidget(picture, 1)
            side.addWidget(caption)
            pair.addLayout(side, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(2 * UNIT_PX)
        column.addLayout(pair, 1)
        for part in (self.highlight, self.problem, self.facts, self.remark, buttons):
            column.addWidget(part)

    def show_explanation(self, explanation: Explanation) -> None:
        """The pictures are compared."""
        self._explanation = explanation
        self.highlight.setEnabled(True)
        for caption, words, side in zip(
            self.captions,
            (tr("person sought"), tr("this hit")),
            (explanation.sought, explanation.hit),
            strict=True,
        ):
            caption.setText(f"{words} · {side.camera}" if side.camera else words)
        self._show()
        fit_height(self, max(self.width(), _WIDTH_PX))

    def show_problem(self, text: str) -> None:
        """The pictures cannot be compared."""
        super().show_problem(text)
        self.captions[0].clear()

    def _show(self) -> None:
        explanation = self._explanation
        if explanation is None:
            return
        for label, side in zip(self.pictures, (explanation.sought, explanation.hit), strict=True):
            label.setPixmap(_drawn(side, dimmed=self.highlight.isChecked()))
            label.setAccessibleName(
                tr("{percent:.0%} of the picture agrees", percent=float(side.agreement.mean()))
            )


def _drawn(side: Side, *, dimmed: bool) -> QPixmap:
    """The picture, large; where it does not agree, dark."""
    picture = as_qimage(side.picture).scaledToHeight(
        PICTURE_PX, Qt.TransformationMode.SmoothTransformation
    )
    pixmap = QPixmap.fromImage(picture)
    if not dimmed:
        return pixmap
    shade = 255 * (1 - _DIMMED) * (1 - side.agreement)
    height, width = side.agreement.shape
    veil = np.zeros((height, width, 4), np.uint8)
    veil[..., 3] = shade.astype(np.uint8)
    image = QImage(veil.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
    painter = QPainter(pixmap)
    painter.drawImage(
        pixmap.rect(),
        image.scaled(
            pixmap.size(),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        ),
    )
    painter.end()
    return pixmap
