"""Asks which weights are to be downloaded; nothing is fetched without this question."""

from __future__ import annotations

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

from app.gui import theme
from app.gui.dialogs.fitting import fit_height
from app.gui.dialogs.labels import wrapped_label
from app.services.installation import YOLO_EXAMPLES

_WIDTH_PX = 520


class DownloadDialog(QDialog):
    """A name of ultralytics' YOLO weights or an address, and the file's checksum if it is known.

    Signals:
        chosen: (name or address, SHA-256 or None).
    """

    chosen = Signal(str, object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("download_dialog")
        self.setWindowTitle("Download a network")
        self.setAccessibleName("Download a network")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._source = QComboBox()
        self._source.setObjectName("download_source")
        self._source.setAccessibleName("Name or https address")
        self._source.setEditable(True)
        self._source.addItems(YOLO_EXAMPLES)
        self._sha256 = QLineEdit()
        self._sha256.setObjectName("download_sha256")
        self._sha256.setAccessibleName("SHA-256 checksum")
        self._sha256.setPlaceholderText("if the one who offers the file tells it")
        form = QFormLayout()
        form.addRow("Name or https address:", self._source)
        form.addRow("SHA-256:", self._sha256)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._button = QPushButton("Download")
        self._button.setObjectName("download_start")
        self._button.setDefault(True)
        buttons.addButton(self._button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._source.editTextChanged.connect(
            lambda text: self._button.setEnabled(bool(text.strip()))
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        purpose = (
            "YOLO detectors of ultralytics, from n (small, fast) to x (large, finds more people), "
            "under the AGPL; or any weights file that is offered over https."
        )
        layout.addWidget(wrapped_label("download_purpose", "", purpose))
        layout.addLayout(form)
        layout.addWidget(buttons)
        fit_height(self, _WIDTH_PX)

    def accept(self) -> None:
        """Tells the choice once the question is gone."""
        super().accept()
        self.chosen.emit(self._source.currentText().strip(), self._sha256.text().strip() or None)
