"""What is being ingested and how far it is, in the status bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app.core.events import IngestSummary, Progress
from app.gui.footage.ingest_notices import IngestNotices, Notice
from app.gui.widgets import theme
from app.gui.widgets.elided_label import ElidedLabel
from app.language import listed, tr, trn

_STEPS = 1000
_IDLE_TEXT = tr("Nothing is being loaded.")


class IngestLine(QWidget):
    """Progress of the running ingest, in one line.

    Signals:
        pause_requested: stop; what is stored is kept, and the rest waits.
        continue_requested: go on with what waits.
    """

    pause_requested = Signal()
    continue_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ingest")
        self.setAccessibleName(tr("Loading"))
        self._waiting = 0
        self._step = ""
        self._idle = _IDLE_TEXT
        self._state = ElidedLabel()
        self._state.setObjectName("ingest_state")
        self._figures = QLabel()
        self._figures.setObjectName("ingest_figures")
        self._figures.setTextFormat(Qt.TextFormat.PlainText)
        self._bar = QProgressBar()
        self._bar.setObjectName("ingest_progress")
        self._bar.setAccessibleName(tr("Loading progress"))
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(2 * theme.UNIT_PX)
        self._button = QPushButton()
        self._button.setObjectName("ingest_pause")
        self._button.setProperty("role", "chip")
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._offer_pause()
        self._button.clicked.connect(self._clicked)
        self._notices = IngestNotices()
        self._lay_out()
        self.show_idle()

    # Shown --------------------------------------------------------------------------------------

    def show_idle(self) -> None:
        """Nothing runs and nothing is to be told."""
        self._notices.forget()
        self._rest(self._idle)

    def show_watched(self, folders: Sequence[Path]) -> None:
        """Which folders are watched: said while nothing is being ingested."""
        is_idle = self._step == self._idle
        self._idle = _watching_text(folders) if folders else _IDLE_TEXT
        if is_idle:
            self._say(self._idle)

    def show_started(self, folder: Path) -> None:
        """A folder's turn has come; what went wrong in earlier ones stays listed."""
        self._step = folder.name
        self._say(tr("Looking through {folder}", folder=folder.name))
        self._figures.setText("")
        self._bar.setRange(0, 0)
        self._bar.show()
        self._figures.show()
        self._offer_pause()

    def show_progress(self, progress: Progress) -> None:
        """How the running ingest stands."""
        self._say(progress.step)
        facts = []
        if progress.total_s:
            share = min(1.0, progress.done_s / progress.total_s)
            self._bar.setRange(0, _STEPS)
            self._bar.setValue(round(share * _STEPS))
            facts.append(f"{int(share * 100)} %")
        else:
            self._bar.setRange(0, 0)
        if progress.times_real_time is not None:
            facts.append(tr("{factor:.1f}× real time", factor=progress.times_real_time))
        facts.append(sightings_text(progress.people))
        if progress.eta_s is not None:
            facts.append(tr("{duration} left", duration=duration_text(progress.eta_s)))
        self._figures.setText(" · ".join(facts))

    def show_waiting(self, videos: int) -> None:
        """How many videos wait behind the running one."""
        self._waiting = videos
        self._say(self._step)

    def show_queue(self, videos: int) -> None:
        """Nothing runs, although so many videos wait."""
        self._rest(
            trn(
                "{count} video waits to be read. What is stored is kept.",
                "{count} videos wait to be read. What is stored is kept.",
                videos,
            )
        )
        self._offer_continue()

    def show_question(self, text: str) -> None:
        """The ingest waits for an answer of the user."""
        self._say(text)
        self._bar.hide()

    def show_stopping(self) -> None:
        """Pause was heard; the job is on its way out."""
        self._say(tr("Pausing…"))
        self._button.setEnabled(False)

    def show_stopped(self) -> None:
        """The job ended with an error, which is listed."""
        self._rest(tr("Stopped by an error. What is stored is kept."))
        self._offer_continue()

    def show_summary(self, summary: IngestSummary) -> None:
        """The ingest ran to its end."""
        self._rest(summary_text(summary))

    def add_notice(self, notice: Notice) -> None:
        """Lists what went wrong; it stays after the end."""
        self._notices.add(notice)

    # Building -----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.UNIT_PX, 0, theme.UNIT_PX, 0)
        row.setSpacing(2 * theme.UNIT_PX)
        row.addWidget(self._state, 2)
        row.addWidget(self._bar, 1)
        row.addWidget(self._figures)
        row.addWidget(self._button)
        row.addWidget(self._notices)

    def _say(self, step: str) -> None:
        self._step = step
        if self._waiting:
            step = tr("{step}  ({count} more waiting)", step=step, count=self._waiting)
        self._state.set_whole(step)

    def _rest(self, text: str) -> None:
        self._waiting = 0
        self._say(text)
        self._bar.hide()
        self._figures.hide()
        self._button.hide()

    def _offer_pause(self) -> None:
        self._offer(tr("Pause"), tr("Pause loading"))

    def _offer_continue(self) -> None:
        self._offer(tr("Continue"), tr("Continue loading"), continues=True)

    def _offer(self, text: str, spoken: str, *, continues: bool = False) -> None:
        self._continues = continues
        self._button.setText(text)
        self._button.setAccessibleName(spoken)
        self._button.setEnabled(True)
        self._button.show()

    def _clicked(self) -> None:
        if self._continues:
            self.continue_requested.emit()
        else:
            self.pause_requested.emit()


def sightings_text(count: int) -> str:
    """How many tracklets were found, in words: one person may be seen several times."""
    return trn("{count} sighting", "{count} sightings", count)


def duration_text(seconds: float) -> str:
    """A length of time in at most two units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{count} s", count=whole)
    if whole < 3600:
        return tr("{count} min", count=round(whole / 60))
    return tr("{hours} h {minutes} min", hours=whole // 3600, minutes=whole % 3600 // 60)


def summary_text(summary: IngestSummary) -> str:
    """What an ingest came to, in one line."""
    facts = [trn("{count} video", "{count} videos", summary.done)]
    facts.append(sightings_text(summary.people))
    if summary.footage_s > 0 and summary.elapsed_s > 0:
        facts.append(tr("{factor:.1f}× real time", factor=summary.footage_s / summary.elapsed_s))
    if summary.skipped:
        facts.append(tr("{count} stored before", count=summary.skipped))
    if summary.failed:
        facts.append(tr("{count} failed", count=len(summary.failed)))
    if summary.partial:
        facts.append(tr("{count} partial", count=len(summary.partial)))
    if summary.excluded:
        facts.append(tr("{count} excluded", count=len(summary.excluded)))
    return tr("Done: {facts}", facts=listed(facts))


def _watching_text(folders: Sequence[Path]) -> str:
    name, others = folders[0].name, len(folders) - 1
    if not others:
        return tr("Watching {folder} for new recordings.", folder=name)
    return tr("Watching {folder} and {count} more for new recordings.", folder=name, count=others)
