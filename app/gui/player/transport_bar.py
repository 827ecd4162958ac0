"""The row under the picture: steps, shuttle, play, speed, position."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from app.gui.actions import first_key, with_key
from app.gui.hit_text import video_time_text
from app.gui.player.seek_bar import SeekBar
from app.gui.widgets.icons import icon
from app.gui.widgets.theme import UNIT_PX
from app.language import tr

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
ICON_PX = 16


class TransportBar(QWidget):
    """Buttons, seek bar and times.

    Signals:
        play_toggled: play or pause.
        stepped: one frame forward (1) or back (-1).
        shuttled: run forward (1) or back (-1), or faster in that direction.
        speed_chosen: times real time.
    """

    play_toggled = Signal()
    stepped = Signal(int)
    shuttled = Signal(int)
    speed_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transportBar")
        self.setAccessibleName(tr("Playback controls"))
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * UNIT_PX, UNIT_PX, 2 * UNIT_PX, UNIT_PX)
        row.setSpacing(UNIT_PX // 2)
        self._icons: dict[QToolButton, str] = {}
        self._plays = False
        shuttle_back = self._add(
            row,
            "shuttleBack",
            "rewind",
            tr("Play backwards; press again to go faster"),
            "shuttle-back",
        )
        frame_back = self._add(row, "frameBack", "step-back", tr("One frame back"), "frame-back")
        self.play_button = self._add(row, "play", "play", tr("Play"), "play")
        frame_forward = self._add(
            row, "frameForward", "step-forward", tr("One frame forward"), "frame-on"
        )
        shuttle_forward = self._add(
            row,
            "shuttleForward",
            "fast-forward",
            tr("Play forwards; press again to go faster"),
            "shuttle-on",
        )
        shuttle_back.clicked.connect(lambda: self.shuttled.emit(-1))
        shuttle_forward.clicked.connect(lambda: self.shuttled.emit(1))
        frame_back.clicked.connect(lambda: self.stepped.emit(-1))
        frame_forward.clicked.connect(lambda: self.stepped.emit(1))
        self.play_button.clicked.connect(self._toggle)
        for button in (frame_back, frame_forward):
            button.setAutoRepeat(True)

        self.speed_button = self._speed_button()
        self.seek_bar = SeekBar(self)
        self.time_label = QLabel(self)
        self.time_label.setObjectName("timeLabel")
        self.time_label.setAccessibleName(tr("Time in the video and its length"))
        row.addWidget(self.speed_button)
        row.addSpacing(UNIT_PX)
        row.addWidget(self.seek_bar, 1)
        row.addSpacing(2 * UNIT_PX)
        row.addWidget(self.time_label)
        self._length_s = 0.0
        self._tint()
        self.set_rate(0.0, 1.0)
        self.set_position(0.0, 0.0)

    def set_rate(self, rate: float, speed: float) -> None:
        """Shows how fast it plays (negative backwards, 0 paused) or, paused, would play."""
        self.speed_button.setText(speed_text(rate or speed))
        if self._plays == (rate != 0):
            return
        self._plays = rate != 0
        button, text = self.play_button, tr("Pause") if self._plays else tr("Play")
        self._icons[button] = "pause" if self._plays else "play"
        button.setIcon(icon(self._icons[button]))
        button.setToolTip(with_key(text, "play"))
        button.setAccessibleName(text)

    def set_position(self, time_s: float, length_s: float) -> None:
        """Shows a time and the length of the video, both in seconds."""
        self.seek_bar.set_length(length_s)
        self.seek_bar.set_time(time_s)
        self.time_label.setText(f"{video_time_text(time_s)} / {video_time_text(length_s)}")

    def changeEvent(self, event: QEvent) -> None:
        """Tints the icons for the colours in force."""
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()
        super().changeEvent(event)

    def _toggle(self) -> None:
        self.play_toggled.emit()

    def _add(
        self, row: QHBoxLayout, name: str, icon_name: str, text: str, action: str
    ) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(f"{name}Button")
        button.setAccessibleName(text)
        button.setToolTip(with_key(text, action))
        button.setIconSize(QSize(ICON_PX, ICON_PX))
        # A mouse click leaves the focus, and with it the keys, to the picture.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._icons[button] = icon_name
        row.addWidget(button)
        return button

    def _speed_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("speedButton")
        button.setAccessibleName(tr("Speed"))
        tip = tr(
            "Speed ({slower} slower, {faster} faster, {normal} normal)",
            slower=first_key("slower"),
            faster=first_key("faster"),
            normal=first_key("normal-speed"),
        )
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setObjectName("speedMenu")
        for speed in SPEEDS:
            action = menu.addAction(speed_text(speed))
            action.triggered.connect(lambda _=False, speed=speed: self.speed_chosen.emit(speed))
        button.setMenu(menu)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance("\u22120.25×") + 16)
        return button

    def _tint(self) -> None:
        for button, name in self._icons.items():
            button.setIcon(icon(name))


def speed_text(rate: float) -> str:
    """1×, 0.5×, −4×."""
    sign = "\u2212" if rate < 0 else ""
    return f"{sign}{abs(rate):g}×"
