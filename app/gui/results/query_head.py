"""Who is sought, how many were found, and how far the ranking has come."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.queries import SearchResult, SearchStage
from app.gui.hit_text import count_text
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.plain import plain_tip
from app.gui.widgets.theme import UNIT_PX
from app.language import tr

PICTURE_SIZE = QSize(36, 72)
STAGE_WORDS = {
    SearchStage.RETRIEVED: tr("by looks"),
    SearchStage.AGGREGATED: tr("refined by similar people"),
    SearchStage.RERANKED: tr("refined in pairs"),
}
RUNNING_WORDS = {
    SearchStage.AGGREGATED: tr("refining…"),
    SearchStage.RERANKED: tr("comparing…"),
}
STAGE_MEANINGS = {
    SearchStage.RETRIEVED: tr("Sorted by how close each person looks to the one sought."),
    SearchStage.AGGREGATED: tr("Sorted again by what similar people in the library look like."),
    SearchStage.RERANKED: tr("The best were compared with the one sought picture by picture."),
}


class QueryHead(QWidget):
    """The head of the results: query picture, counts, stage, time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queryHead")
        self.picture = self._labelled("queryPicture", tr("Picture of the person sought"))
        self.picture.setFixedSize(PICTURE_SIZE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.count = self._labelled("resultsCount", tr("Number of possible matches"))
        self.caption = ElidedLabel(self)
        self.caption.setObjectName("queryCaption")
        self.state = ElidedLabel(self)
        self.state.setObjectName("searchState")
        self.state.setProperty("role", "muted")
        self._lay_out()
        self.clear()

    def _labelled(self, name: str, spoken: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setAccessibleName(spoken)
        return label

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(2 * UNIT_PX)
        top.addWidget(self.caption, 1)
        top.addWidget(self.count)
        words = QVBoxLayout()
        words.setSpacing(UNIT_PX)
        words.addLayout(top)
        words.addWidget(self.state)
        words.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * UNIT_PX)
        row.addWidget(self.picture)
        row.addLayout(words, 1)

    def clear(self) -> None:
        """Nothing is sought."""
        self.hide()
        self.picture.hide()
        self.count.clear()
        self.caption.set_whole("")
        self.caption.hide()
        self._show_state("", "")

    def show_query(self, picture: QPixmap, caption: str) -> None:
        """Names and shows who is sought."""
        self.show()
        shown = QPixmap()
        if not picture.isNull():
            ratio = self.devicePixelRatioF()
            shown = picture.scaled(
                PICTURE_SIZE * ratio,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            shown.setDevicePixelRatio(ratio)
        self.picture.setPixmap(shown)
        self.picture.show()
        self.caption.set_whole(caption)
        self.caption.show()

    def show_searching(self) -> None:
        """A search has begun."""
        self.show()
        self.state.set_whole(tr("searching…"))
        self.state.show()

    def show_running(self, stage: SearchStage) -> None:
        """A refinement takes its time; the ranking before it stands."""
        if stage in RUNNING_WORDS:
            self.state.set_whole(f"{self._settled[0]} · {RUNNING_WORDS[stage]}")

    def settle(self) -> None:
        """The search ended without a ranking: what was known before stands again."""
        self._show_state(*self._settled)

    def _show_state(self, text: str, meaning: str) -> None:
        self._settled = (text, meaning)
        self.state.set_whole(text)
        self.state.setToolTip(plain_tip(meaning))
        self.state.setVisible(bool(text))

    def show_result(self, result: SearchResult) -> None:
        """Counts, stage and time of a ranking."""
        found, searched = len(result.hits), result.searched
        self.count.setText(
            tr("{count} of {total}", count=count_text(found), total=count_text(searched))
        )
        self.count.setToolTip(
            tr(
                "{count} possible matches, best first, of {total} sightings searched",
                count=count_text(found),
                total=count_text(searched),
            )
        )
        self._show_state(
            tr("possible matches · {stage}", stage=STAGE_WORDS[result.stage]),
            "\n".join(
                [
                    STAGE_MEANINGS[result.stage],
                    *result.remarks(),
                    tr("It took {time}.", time=elapsed_text(result.elapsed_s)),
                ]
            ),
        )


def elapsed_text(elapsed_s: float) -> str:
    """How long a search took."""
    if elapsed_s < 10:
        return tr("{seconds:.2f} s", seconds=elapsed_s)
    return tr("{seconds:.0f} s", seconds=elapsed_s)
