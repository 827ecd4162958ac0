"""Asks which weights are to be downloaded; nothing is fetched without this question."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.widgets import theme
from app.gui.widgets.fitting import fit_height
from app.gui.widgets.labels import wrapped_label
from app.gui.widgets.plain import plain_tip
from app.language import tr
from app.services.networks.installation import YOLO_EXAMPLE
from app.services.networks.public_models import PublicModel, offer_text, reach_text

_WIDTH_PX = 520


class DownloadDialog(QDialog):
    """A name or an address, and the file's checksum if it is known.

    Signals:
        chosen: (name or address, SHA-256 or None).

    Args:
        public: what is offered by name.
        proposed: what is filled in; empty: the first of those.
        parent: of this dialog.
    """

    chosen = Signal(str, object)

    def __init__(self, public: Sequence[PublicModel], proposed: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("download_dialog")
        self.setWindowTitle(tr("Download a network"))
        self.setAccessibleName(tr("Download a network"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._source = QComboBox()
        self._source.setObjectName("download_source")
        self._source.setAccessibleName(tr("Name or https address"))
        self._source.setEditable(True)
        self._public = {model.name: model for model in public}
        self._source.addItems(list(self._public))
        if proposed:
            self._source.setEditText(proposed)
        self._sha256 = QLineEdit()
        self._sha256.setObjectName("download_sha256")
        self._sha256.setAccessibleName(tr("SHA-256 checksum"))
        self._sha256.setPlaceholderText(tr("optional, as published by the provider"))
        form = QFormLayout()
        form.addRow(tr("Name or https address:"), self._source)
        form.addRow(tr("SHA-256:"), self._sha256)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._button = QPushButton(tr("Download"))
        self._button.setObjectName("download_start")
        self._button.setDefault(True)
        buttons.addButton(self._button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._told = wrapped_label("download_told", "muted")
        self._source.editTextChanged.connect(self._show_source)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        purpose = tr(
            "The name of a published network, one of ultralytics' YOLO detectors such as "
            "{example}, or the https address of any weights file.",
            example=YOLO_EXAMPLE,
        )
        layout.addWidget(wrapped_label("download_purpose", "", purpose))
        layout.addLayout(form)
        layout.addWidget(self._told)
        layout.addWidget(buttons)
        self._show_source(self._source.currentText())

    def _show_source(self, text: str) -> None:
        """What is known of it; the list knows the checksums of what is on it."""
        model = self._public.get(text.strip())
        self._button.setEnabled(bool(text.strip()))
        self._sha256.setEnabled(model is None)
        self._told.setText("" if model is None else f"{offer_text(model)}\n{reach_text(model)}")
        self._told.setToolTip("" if model is None else plain_tip(model.page))
        fit_height(self, _WIDTH_PX)

    def accept(self) -> None:
        """Tells the choice once the question is gone."""
        super().accept()
        self.chosen.emit(self._source.currentText().strip(), self._sha256.text().strip() or None)
