"""Who is sought, how many were found, and how far the ranking has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from app.core.queries import SearchResult, SearchStage
from app.gui.hit_text import count_text
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.plain import plain_tip
from app.gui.widgets.theme import UNIT_PX
from app.language import tr

PICTURE_SIZE = QSize(36, 72)
EXAMPLE_SIZE = QSize(16, 28)
RUNNING_WORDS = {
    SearchStage.AGGREGATED: tr("refining…"),
    SearchStage.RERANKED: tr("comparing…"),
}
STAGE_MEANINGS = {
    SearchStage.RETRIEVED: tr("Sorted by how similar each person looks to the person sought."),
    SearchStage.AGGREGATED: tr("Sorted again, using similar people in the library."),
    SearchStage.RERANKED: tr("The best were compared with the person sought, picture by picture."),
}


@dataclass(frozen=True, slots=True, eq=False)
class HeadExample:
    """One who was judged.

    Attributes:
        is_same: confirmed, or else rejected.
        text: where and when, for people.
    """

    tracklet_id: int
    is_same: bool
    picture: QImage
    text: str


class QueryHead(QWidget):
    """The head of the results: who is sought, who was confirmed and rejected, counts, stage, time.

    Signals:
        example_chosen: tracklet id of one who was judged, to be looked at.
        example_left: likewise, about whom nothing is to be said any more.
    """

    example_chosen = Signal(int)
    example_left = Signal(int)

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
        self.judged = QWidget(self)
        self.judged.setObjectName("judgedStrip")
        self.judged.setAccessibleName(tr("Confirmed and rejected sightings"))
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
        self._ways = QHBoxLayout()
        self._ways.setSpacing(UNIT_PX)
        self._ways.addWidget(self.state, 1)
        words.addLayout(self._ways)
        self._strip = QHBoxLayout(self.judged)
        self._strip.setContentsMargins(0, 0, 0, 0)
        self._strip.setSpacing(UNIT_PX // 2)
        words.addWidget(self.judged)
        words.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * UNIT_PX)
        row.addWidget(self.picture)
        row.addLayout(words, 1)

    def offer_ways(self, back: QAction, forward: QAction) -> None:
        """Has buttons for the searches before and after this one."""
        for action, name, sign in ((back, "back", "←"), (forward, "forward", "→")):
            action.setIconText(sign)
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setObjectName(f"{name}Button")
            button.setAccessibleName(action.toolTip())
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._ways.addWidget(button)

    def clear(self) -> None:
        """Nothing is sought."""
        self.hide()
        self.picture.hide()
        self.count.clear()
        self.caption.set_whole("")
        self.caption.hide()
        self.show_examples((), (0, 0))
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

    def show_examples(self, judged: Sequence[HeadExample], counts: tuple[int, int]) -> None:
        """Shows some of those that were confirmed and rejected, and how many there are."""
        while (item := self._strip.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for is_same, sign, count in ((True, "✓", counts[0]), (False, "✕", counts[1])):
            some = [each for each in judged if each.is_same is is_same]
            if some:
                label = QLabel(f"{sign} {count_text(count)}")
                label.setProperty("role", "confirmed" if is_same else "rejected")
                self._strip.addWidget(label)
            for each in some:
                self._strip.addWidget(self._example(each))
        self._strip.addStretch()
        self.judged.setVisible(bool(judged))

    def _example(self, judged: HeadExample) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"judged_{judged.tracklet_id}")
        word = tr("confirmed") if judged.is_same else tr("rejected")
        button.setToolTip(plain_tip(f"{judged.text} · {word}"))
        button.setAccessibleName(f"{judged.text}, {word}")
        ratio = self.devicePixelRatioF()
        if not judged.picture.isNull():
            picture = QPixmap.fromImage(judged.picture).scaled(
                EXAMPLE_SIZE * ratio,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            picture.setDevicePixelRatio(ratio)
            button.setIcon(QIcon(picture))
        button.setIconSize(EXAMPLE_SIZE)
        button.setAutoRaise(True)
        menu = QMenu(button)
        show = menu.addAction(tr("Show"))
        show.triggered.connect(lambda: self.example_chosen.emit(judged.tracklet_id))
        leave = menu.addAction(tr("Clear decision"))
        leave.setObjectName("example_left")
        leave.triggered.connect(lambda: self.example_left.emit(judged.tracklet_id))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        return button

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
            tr("possible matches · {stage}", stage=result.stage.words),
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
