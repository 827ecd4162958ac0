"""The player: a line about where and when, the picture, the transport; and its keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.action_making import make_actions
from app.gui.actions import ACTIONS
from app.gui.player.frame_view import FrameView
from app.gui.player.transport_bar import TransportBar
from app.gui.widgets.drops import picture_in
from app.gui.widgets.plain import plain_label, plain_tip
from app.gui.widgets.theme import UNIT_PX, strong_font
from app.language import tr
from app.services.footage.playback import PersonBox

HINT_MS = 4000
_PASTE = "paste-picture"
# What can be done to a frame, and to a photo.
_OF_PICTURES = frozenset({"draw-box"})

EMPTY = (tr("No library is open"), tr("Drop a folder of videos here, or open a library."))
NO_VIDEO = (
    tr("No video is shown"),
    tr("Drop a folder of videos here, or choose a video on the left."),
)


class PlayerPanel(QWidget):
    """Shows what it is given and tells what the user wants; it decides nothing.

    Signals:
        play_toggled: play or pause.
        stepped: one frame forward (1) or back (-1).
        shuttled: run forward (1) or back (-1), or faster in that direction.
        jumped: so many seconds forward, negative back.
        seek_asked: to a time in seconds.
        end_asked: to the last frame.
        scrub_began: the handle of the seek bar is held.
        scrub_ended: it has been let go.
        speed_chosen: times real time.
        speed_changed: the next faster (1) or slower (-1) speed.
        clicked, behind_clicked, box_drawn: see `FrameView`.
        picture_dropped: a picture to be searched: a Path or, from the clipboard, a QImage.
    """

    play_toggled = Signal()
    stepped = Signal(int)
    shuttled = Signal(int)
    jumped = Signal(float)
    seek_asked = Signal(float)
    end_asked = Signal()
    scrub_began = Signal()
    scrub_ended = Signal()
    speed_chosen = Signal(float)
    speed_changed = Signal(int)
    clicked = Signal(float, float)
    behind_clicked = Signal(int)
    box_drawn = Signal(object)
    picture_dropped = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("playerPanel")
        self.setAccessibleName(tr("Player"))
        self.setAcceptDrops(True)
        self.view = FrameView(self)
        self.transport = TransportBar(self)
        self.setFocusProxy(self.view)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._header_row = self._header()
        column.addLayout(self._header_row)
        column.addWidget(self.view, 1)
        column.addWidget(self.transport)
        self._before: FrameView | None = None  # a photo that stands before the player
        self._hint_timer = QTimer(self)
        self._hint_timer.setSingleShot(True)
        self._hint_timer.timeout.connect(lambda: self.view.show_hint(""))
        self._run = self._runs()
        self.actions_by_name = make_actions(self, self._run)
        self._keys: dict[str, str] = {}  # to names of actions
        self._signs: dict[str, str] = {}
        self._bind_keys()
        self._connect()
        self.show_empty(*EMPTY)

    # Furnishing ---------------------------------------------------------------------------------

    def show_inside(self, frame: QWidget) -> None:
        """Puts another widget, which holds the view by now, into the view's place."""
        self._column.insertWidget(1, frame, 1)

    def add_to_header(self, actions: Sequence[QAction]) -> None:
        """Adds buttons at the end of the line above the picture."""
        for action in actions:
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setObjectName(f"{action.objectName()}_button")
            button.setAccessibleName(action.toolTip())
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setProperty("role", "small")
            self._header_row.addWidget(button)

    # What is shown ------------------------------------------------------------------------------

    def show_frame(self, picture: QImage, people: Sequence[PersonBox]) -> None:
        """Shows a frame with the boxes of the people in it."""
        self.view.show_frame(picture, people)
        self._enable(True)

    def show_empty(self, heading: str, text: str) -> None:
        """Shows what to do next, and no video."""
        self.view.show_text(heading, text)
        self.set_header("", "", "")
        self._clear_position()

    def show_problem(self, message: str, remedy: str) -> None:
        """Shows in the frame's place why there is none, and what to do about it."""
        self.view.show_text(message, remedy)
        self._clear_position()

    def show_hint(self, text: str, *, lasting: bool = False) -> None:
        """Lays a sentence over the frame, for a few seconds or until another comes."""
        self.view.show_hint(text)
        if lasting:
            self._hint_timer.stop()
        else:
            self._hint_timer.start(HINT_MS)

    def offer_photo(self, show: QAction) -> None:
        """Has a button beside the times that brings a photo back, while that can be done."""
        self.photo_button.clicked.connect(show.trigger)
        self.photo_button.setToolTip(show.toolTip())
        show.enabledChanged.connect(self.photo_button.setVisible)

    def set_highlighted(self, tracklet_id: int | None) -> None:
        """Draws one person's box in the accent colour."""
        self.view.set_highlighted(tracklet_id)

    def set_header(self, camera: str, moment: str, tooltip: str) -> None:
        """Sets the line above the picture."""
        self.camera_label.setText(camera)
        self.moment_label.setText(moment)
        for label in (self.camera_label, self.moment_label):
            label.setToolTip(plain_tip(tooltip))

    def set_position(self, time_s: float, length_s: float) -> None:
        """Shows where in the video the frame is, both in seconds."""
        self.transport.set_position(time_s, length_s)
        self.position_label.setText(precise_time_text(time_s))

    def set_sighting(self, span_s: tuple[float, float] | None) -> None:
        """Marks when the chosen sighting begins and ends, in seconds."""
        self.transport.seek_bar.set_sighting(span_s)

    def set_rate(self, rate: float, speed: float) -> None:
        """Shows how fast it plays (negative backwards, 0 paused) or, paused, would play."""
        self.transport.set_rate(rate, speed)

    # Keys ---------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Claims the player's keys from shortcuts of the window while the player has the focus."""
        is_override = event.type() == QEvent.Type.ShortcutOverride
        if is_override and isinstance(event, QKeyEvent) and self._action(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Acts on the player's keys and leaves all others to the window."""
        if not self.takes_key(event):
            event.ignore()

    def _runs(self) -> dict[str, Callable[[], None]]:
        """What each action of the table does."""
        return {
            "play": self.play_toggled.emit,
            "shuttle-back": lambda: self.shuttled.emit(-1),
            "shuttle-on": lambda: self.shuttled.emit(1),
            "frame-back": lambda: self.stepped.emit(-1),
            "frame-on": lambda: self.stepped.emit(1),
            "back-5": lambda: self.jumped.emit(-5.0),
            "on-5": lambda: self.jumped.emit(5.0),
            "back-1": lambda: self.jumped.emit(-1.0),
            "on-1": lambda: self.jumped.emit(1.0),
            "back-60": lambda: self.jumped.emit(-60.0),
            "on-60": lambda: self.jumped.emit(60.0),
            "to-start": lambda: self.seek_asked.emit(0.0),
            "to-end": self.end_asked.emit,
            "slower": lambda: self.speed_changed.emit(-1),
            "faster": lambda: self.speed_changed.emit(1),
            "normal-speed": lambda: self.speed_chosen.emit(1.0),
            "draw-box": self._draw,
            _PASTE: self._paste,
        }

    def _bind_keys(self) -> None:
        """Learns from the table which key means what."""
        for row in ACTIONS:
            if row.name not in self.actions_by_name or row.name == _PASTE:
                continue
            for keys, sequence in zip(row.chosen_keys.split(), row.sequences, strict=True):
                # Where signs lie differs from keyboard to keyboard, some need AltGr: what counts is
                # the character.
                is_sign = len(keys) == 1 and not keys.isalnum()
                bound = self._signs if is_sign else self._keys
                bound[sequence.toString()] = row.name

    def _draw(self) -> None:
        hint = tr("Drag a box around a person; Esc cancels.")
        (self._before or self.view).draw_next()
        if self._before is None:
            self.show_hint(hint)
        else:
            self._before.show_hint(hint)

    def _paste(self) -> None:
        found = picture_in(QGuiApplication.clipboard().mimeData())
        if found is None:
            self.show_hint(tr("The clipboard holds no picture."))
        else:
            self.picture_dropped.emit(found)

    def takes_key(self, event: QKeyEvent) -> bool:
        """Does what a key means to the player, which need not have the focus; else nothing."""
        if event.key() == Qt.Key.Key_Escape and self.view.stop_drawing():
            self.show_hint("")
            return True
        action = self._action(event)
        if action is None or (event.isAutoRepeat() and event.key() in _ONCE):
            return action is not None
        action()
        return True

    def _action(self, event: QKeyEvent) -> Callable[[], None] | None:
        if event.matches(QKeySequence.StandardKey.Paste):
            is_picture = picture_in(QGuiApplication.clipboard().mimeData()) is not None
            return self._paste if is_picture else None
        by_sign = self._signs.get(event.text())
        # Ctrl with Alt is how Windows tells of AltGr.
        held = event.modifiers() & (_MODIFIER.MetaModifier | _MODIFIER.ControlModifier)
        alt = event.modifiers() & _MODIFIER.AltModifier
        name = by_sign
        if name is None or (held and not (held == _MODIFIER.ControlModifier and alt)):
            keys = QKeySequence(event.keyCombination()).toString()
            name = self._keys.get(keys.removeprefix("Num+"))
        can = name is not None and self.actions_by_name[name].isEnabled()
        return self._run[name] if name is not None and can else None

    # Pictures from outside ----------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes pictures; folders and videos are the window's business."""
        if picture_in(event.mimeData()) is None:
            event.ignore()
        else:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tells of the picture."""
        picture = picture_in(event.mimeData())
        if picture is None:
            event.ignore()
            return
        event.acceptProposedAction()
        self.picture_dropped.emit(picture)

    def _clear_position(self) -> None:
        self.set_position(0.0, 0.0)
        self.position_label.setText("")
        self._enable(False)

    def _enable(self, has_video: bool) -> None:
        self.transport.setEnabled(has_video)
        for name, action in self.actions_by_name.items():
            if name != _PASTE:
                is_shown = has_video and self._before is None
                action.setEnabled(is_shown or (self._before is not None and name in _OF_PICTURES))

    def stand_behind(self, before: FrameView | None) -> None:
        """A photo stands before the player: only what can be done to pictures is, with that one."""
        self._before = before
        self._enable(self.transport.isEnabled())

    # Making -------------------------------------------------------------------------------------

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(2 * UNIT_PX, UNIT_PX, 2 * UNIT_PX, UNIT_PX)
        row.setSpacing(2 * UNIT_PX)
        self.camera_label = plain_label(parent=self)
        self.camera_label.setObjectName("cameraLabel")
        self.camera_label.setAccessibleName(tr("Camera"))
        self.camera_label.setFont(strong_font(self.font()))
        self.moment_label = plain_label(parent=self)
        self.moment_label.setObjectName("momentLabel")
        self.moment_label.setAccessibleName(tr("Recording time of the frame"))
        # A narrow player cuts this text rather than growing; the tooltip has all of it.
        self.moment_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.position_label = QLabel(self)
        self.position_label.setObjectName("positionLabel")
        self.position_label.setAccessibleName(tr("Time of the frame in the video"))
        self.position_label.setToolTip(tr("Time since the first frame of the video"))
        self.position_label.setProperty("role", "muted")
        self.photo_button = QPushButton(tr("Back to the photo"), self)
        self.photo_button.setObjectName("showPhotoButton")
        self.photo_button.setAccessibleName(tr("Back to the photo"))
        self.photo_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.photo_button.hide()
        row.addWidget(self.camera_label)
        row.addWidget(self.moment_label, 1)
        row.addWidget(self.position_label)
        row.addWidget(self.photo_button)
        return row

    def _connect(self) -> None:
        bar = self.transport
        bar.play_toggled.connect(self.play_toggled)
        bar.stepped.connect(self.stepped)
        bar.shuttled.connect(self.shuttled)
        bar.speed_chosen.connect(self.speed_chosen)
        bar.seek_bar.seek_asked.connect(self.seek_asked)
        bar.seek_bar.scrub_began.connect(self.scrub_began)
        bar.seek_bar.scrub_ended.connect(self.scrub_ended)
        self.view.clicked.connect(self.clicked)
        self.view.behind_clicked.connect(self.behind_clicked)
        self.view.box_drawn.connect(self.box_drawn)


# Held down, these would run through all speeds in a moment.
_MODIFIER = Qt.KeyboardModifier
_ONCE = (Qt.Key.Key_Space, Qt.Key.Key_J, Qt.Key.Key_K, Qt.Key.Key_L)


def precise_time_text(time_s: float) -> str:
    """Seconds into a video to the millisecond, enough to tell any two frames apart: 04:12.360."""
    total_ms = round(max(0.0, time_s) * 1000)
    seconds, milliseconds = divmod(total_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02}:{seconds:02}.{milliseconds:03}"
    return f"{hours}:{text}" if hours else text
