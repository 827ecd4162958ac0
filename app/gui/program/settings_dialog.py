"""The settings of the program that a user may want to change, in one dialog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.widgets import theme
from app.gui.widgets.labels import wrapped_label
from app.language import SYSTEM, languages, tr
from app.settings import Settings

_CAMERAS = {
    "auto": tr("Recorder's layout"),
    "folder": tr("Folder"),
    "file": tr("File name"),
}
_STARTS = {"continue": tr("Load waiting videos"), "ask": tr("Wait for “Continue”")}
_DEVICES = {
    "auto": tr("GPU if available"),
    "cpu": tr("Processor"),
}


class SettingsDialog(QDialog):
    """Shows the settings and says what they are to become.

    Signals:
        agreed: the settings as they are to be.
        shortcuts_wanted: the list of shortcuts is to be shown.

    Args:
        settings: as they are.
        themes: names of the themes, by value.
    """

    agreed = Signal(object)
    shortcuts_wanted = Signal()

    def __init__(
        self, settings: Settings, themes: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("settings_dialog")
        self.setWindowTitle(tr("Settings"))
        self.setAccessibleName(tr("Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._settings = settings
        tongues = {SYSTEM: tr("System default"), **languages()}
        self._language = _choice("settings_language", tr("Language"), tongues, settings.language)
        self._theme = _choice("settings_theme", tr("Theme"), themes, settings.window.theme)
        self._start = _choice(
            "settings_start", tr("When a library is opened"), _STARTS, settings.ingest.at_start
        )
        self._cameras = _choice(
            "settings_cameras", tr("Cameras are named after"), _CAMERAS, settings.ingest.camera_by
        )
        self._device = _choice("settings_device", tr("Device"), _DEVICES, settings.models.device)
        self._fps = QDoubleSpinBox()
        self._fps.setObjectName("settings_fps")
        self._fps.setAccessibleName(tr("Frames analysed per second"))
        self._fps.setRange(0.01, 1000)
        self._fps.setDecimals(2)
        self._fps.setValue(settings.ingest.fps)
        self._shortcuts = QPushButton(tr("&Keyboard shortcuts…"))
        self._shortcuts.setObjectName("settings_shortcuts")
        self._shortcuts.clicked.connect(self.shortcuts_wanted)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self._agree)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight)
        form.addRow(tr("&Language"), self._language)
        form.addRow(tr("&Theme"), self._theme)
        form.addRow(tr("When a library is &opened"), self._start)
        form.addRow(tr("&Cameras are named after"), self._cameras)
        form.addRow(tr("&Frames analysed per second"), self._fps)
        form.addRow(tr("D&evice"), self._device)
        form.addRow("", self._shortcuts)
        note = wrapped_label(
            "settings_note",
            "muted",
            tr("All changes except the theme take effect when Retrace is restarted."),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*4 * (4 * theme.UNIT_PX,))
        layout.setSpacing(3 * theme.UNIT_PX)
        layout.addLayout(form)
        layout.addWidget(note)
        layout.addWidget(buttons)

    def _agree(self) -> None:
        now = self._settings
        self.agreed.emit(
            replace(
                now,
                language=self._language.currentData(),
                window=replace(now.window, theme=self._theme.currentData()),
                ingest=replace(
                    now.ingest,
                    fps=self._fps.value(),
                    camera_by=self._cameras.currentData(),
                    at_start=self._start.currentData(),
                ),
                models=replace(now.models, device=self._device.currentData()),
            )
        )
        self.accept()


def _choice(name: str, spoken: str, texts: Mapping[str, str], now: str) -> QComboBox:
    """A list to choose from; a value that was written into the file by hand is in it as it is."""
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(spoken)
    for value, text in {**texts, **({} if now in texts else {now: now})}.items():
        box.addItem(text, value)
    box.setCurrentIndex(box.findData(now))
    return box
