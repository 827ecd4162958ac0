"""Asks for a weights file where the library knows none, or cannot use the one it knows."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import ModelError
from app.core.networks import WEIGHTS_SUFFIXES, ModelRole, role_words
from app.gui.widgets import theme
from app.gui.widgets.choosing import choose_model_file
from app.gui.widgets.fitting import fit_height
from app.gui.widgets.labels import wrapped_label
from app.language import listed, tr
from app.settings import models_dir

_TITLES: dict[ModelRole, str] = {
    "detector": tr("Choose a detector"),
    "embedder": tr("Choose an embedder"),
}
_PURPOSE: dict[ModelRole, str] = {
    "detector": tr("The detector finds people in the frames: a YOLO network, for example."),
    "embedder": tr(
        "The embedder describes what a person looks like, so that the "
        "same person can be found again: a re-identification network in "
        "a model file or in ONNX format."
    ),
}


class ModelDialog(QDialog):
    """Says which network is missing and lets the user choose its file.

    Signals:
        file_chosen: path of the weights file.

    Args:
        error: what is wrong; its `role` says which network is asked for.
    """

    file_chosen = Signal(object)

    def __init__(self, error: ModelError, role: ModelRole, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.role: ModelRole = role
        self.setObjectName("model_dialog")
        self.setWindowTitle(_TITLES[role])
        self.setAccessibleName(_TITLES[role])
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        suffixes = listed(WEIGHTS_SUFFIXES[role])
        heading = wrapped_label("model_message", "heading", error.message)
        where = wrapped_label(
            "model_remedy",
            "",
            tr(
                "Choose its weights file ({suffixes}); the library remembers it. A file in "
                "{folder} is found automatically.",
                suffixes=suffixes,
                folder=models_dir(role),
            ),
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        choose = buttons.addButton(tr("Choose file…"), QDialogButtonBox.ButtonRole.ActionRole)
        choose.setObjectName("model_choose")
        choose.setAccessibleName(tr("Choose the {role}'s file", role=role_words(role)))
        choose.setDefault(True)
        choose.clicked.connect(self._choose)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addWidget(heading)
        layout.addWidget(wrapped_label("model_purpose", "", _PURPOSE[role]))
        layout.addWidget(where)
        layout.addWidget(buttons)
        fit_height(self, 480)

    def _choose(self) -> None:
        choose_model_file(self, _TITLES[self.role], self.role, self._take)

    def _take(self, path: Path) -> None:
        # Accepted first: whoever hears of the file may open the next dialog.
        self.accept()
        self.file_chosen.emit(path)
