"""How far the vectors of another embedder are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.footage.ingest_line import duration_text
from app.gui.hit_text import count_text
from app.gui.widgets import theme
from app.gui.widgets.fitting import fit_height
from app.gui.widgets.labels import wrapped_label
from app.language import tr

if TYPE_CHECKING:
    from app.services.search.reembed import ReembedProgress

_WIDTH_PX = 440


class ReembedDialog(QDialog):
    """Progress, rate and time left; the window behind it stays usable.

    Signals:
        cancel_wanted: stop; what is made is kept.

    Args:
        name: of the network.
    """

    cancel_wanted = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reembed_dialog")
        self.setWindowTitle(tr("Compute new vectors"))
        self.setAccessibleName(tr("Compute new vectors"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._runs = True
        self._state = wrapped_label("reembed_state", "heading")
        self._figures = wrapped_label("reembed_figures", "muted")
        self._bar = QProgressBar()
        self._bar.setObjectName("reembed_progress")
        self._bar.setAccessibleName(tr("Progress of the new vectors"))
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 0)
        self._button = QPushButton(tr("Cancel"))
        self._button.setObjectName("reembed_cancel")
        self._button.setAccessibleName(tr("Cancel computing new vectors"))
        self._button.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        for part in (self._state, self._bar, self._figures):
            layout.addWidget(part)
        layout.addLayout(row)
        self._say(
            tr("Waiting for {name}", name=name), tr("Searches use the old vectors until the end.")
        )

    def show_progress(self, progress: ReembedProgress) -> None:
        """How it stands."""
        if not progress.total:
            self._say(tr("Loading {network}", network=progress.embedder_id), self._figures.text())
            return
        self._bar.setRange(0, progress.total)
        self._bar.setValue(progress.done)
        facts = [
            tr(
                "{done} of {total} people",
                done=count_text(progress.done),
                total=count_text(progress.total),
            )
        ]
        if progress.per_s is not None:
            facts.append(tr("{count:.3g} a second", count=progress.per_s))
        if progress.eta_s is not None:
            facts.append(tr("{duration} left", duration=duration_text(progress.eta_s)))
        self._say(
            tr("Computing vectors with {network}", network=progress.embedder_id),
            " · ".join(facts),
        )

    def show_done(self) -> None:
        """It ran to its end."""
        self._rest(tr("Done: searches use the new vectors from now on."))

    def show_stopped(self) -> None:
        """It was cancelled."""
        self._rest(
            tr("Stopped. Searches still use the old vectors; the next run continues from here.")
        )

    def reject(self) -> None:
        """Cancel, Esc and the window's frame: stops what runs, else closes."""
        if self._runs:
            self._button.setEnabled(False)
            self.cancel_wanted.emit()
        else:
            super().reject()

    def end(self) -> None:
        """Closes without another word."""
        self._runs = False
        self.close()

    def _rest(self, text: str) -> None:
        self._runs = False
        self._bar.hide()
        self._button.setText(tr("Close"))
        self._button.setAccessibleName(tr("Close"))
        self._button.setEnabled(True)
        self._say(text, self._figures.text())

    def _say(self, state: str, figures: str) -> None:
        self._state.setText(state)
        self._figures.setText(figures)
        fit_height(self, _WIDTH_PX)
