"""How an installation of a network goes: a line, a bar, and Cancel; hidden while there is none."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.language import tr
from app.services.networks.download import Transfer, transfer_text
from app.services.networks.installation import Checking

# Bytes do not fit into the bar's 32 bits.
_STEPS = 1000


class InstallProgress(QWidget):
    """Shows the running installation and what became of the last one.

    Signals:
        cancel_wanted: stop; the part of a download that has come is kept.
    """

    cancel_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("install")
        self._text = wrapped_label("install_text", "")
        self._bar = QProgressBar()
        self._bar.setObjectName("install_bar")
        self._bar.setAccessibleName(tr("Progress of the installation"))
        self._bar.setTextVisible(False)
        self._cancel = QPushButton(tr("Cancel"))
        self._cancel.setObjectName("install_cancel")
        self._cancel.setAccessibleName(tr("Cancel the installation"))
        self._cancel.setAutoDefault(False)
        self._cancel.clicked.connect(self.cancel_wanted)
        row = QHBoxLayout()
        row.addWidget(self._bar, 1)
        row.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.UNIT_PX)
        layout.addWidget(self._text)
        layout.addLayout(row)
        self.hide()

    def show_started(self, name: str) -> None:
        """One has begun."""
        self._bar.setRange(0, 0)
        self._bar.show()
        self._cancel.show()
        self._cancel.setEnabled(True)
        self._text.setText(tr("Installing {name}", name=name))
        self.show()

    def show_event(self, event: Transfer | Checking) -> None:
        """How far it is."""
        if isinstance(event, Checking):
            self._bar.setRange(0, 0)
            self._text.setText(tr("Checking {name}", name=event.name))
            return
        if event.total_bytes:
            self._bar.setRange(0, _STEPS)
            self._bar.setValue(_STEPS * event.done_bytes // event.total_bytes)
        self._text.setText(transfer_text(event))

    def show_stopping(self) -> None:
        """Cancel was pressed."""
        self._cancel.setEnabled(False)

    def show_end(self, text: str) -> None:
        """What became of it."""
        self._bar.hide()
        self._cancel.hide()
        self._text.setText(text)
        self.show()
