"""What the program is, and under which terms."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.gui.widgets import icons, theme
from app.gui.widgets.fitting import fit_height
from app.language import tr
from app.settings import program_version

_LICENCE = tr(
    "Retrace is free software under the GNU Affero General Public License, version "
    "3 or later, and comes without any warranty. You may use, change and "
    "redistribute it; anyone who distributes a changed version, or offers it over "
    "a network, must offer its source code."
)
_PARTS = tr(
    "It is built with ultralytics (AGPL-3.0), PyTorch, Qt (LGPL-3.0), PyAV and "
    "FFmpeg (LGPL), OpenCV, ONNX Runtime and SQLAlchemy. Weights files "
    "have terms of their own; those trained on re-identification data sets are "
    "mostly for research only."
)
_PRIVACY = tr("Nothing leaves this machine: no telemetry, no upload.")


class AboutDialog(QDialog):
    """Name, version, purpose, licence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("about_dialog")
        self.setWindowTitle(tr("About Retrace"))
        self.setAccessibleName(tr("About Retrace"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sign = QLabel()
        sign.setPixmap(icons.logo().pixmap(64, 64))
        words = QVBoxLayout()
        words.setSpacing(3 * theme.UNIT_PX)
        title = _text(f"Retrace {program_version()}", "about_title")
        title.setProperty("role", "heading")
        words.addWidget(title)
        words.addWidget(
            _text(tr("Find one person in the recordings of many cameras."), "about_what")
        )
        words.addWidget(_text(_LICENCE, "about_licence"))
        words.addWidget(_text(_PARTS, "about_parts"))
        words.addWidget(_text(_PRIVACY, "about_privacy"))
        head = QHBoxLayout()
        head.setSpacing(4 * theme.UNIT_PX)
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(4 * theme.UNIT_PX)
        layout.addLayout(head)
        layout.addWidget(buttons)
        fit_height(self, 480)


def _text(text: str, name: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    return label
