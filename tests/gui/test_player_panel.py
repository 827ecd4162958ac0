"""The player's panel: where the picture lies, who is under the pointer, what the keys mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeySequence,
    QShortcut,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from app.gui.player.player_panel import PlayerPanel, precise_time_text
from app.gui.player.player_session import picture_of
from app.gui.widgets.theme import OVERLAY_ACCENT
from app.services.footage.playback import PersonBox

WIDTH_PX, HEIGHT_PX = 960, 540


def person(tracklet_id: int, box: tuple[float, ...], **more: Any) -> PersonBox:
    values = {"identity_name": None, "interpolated": False, **more}
    return PersonBox(tracklet_id, np.asarray(box, np.float32), **values)


PEOPLE = (
    person(1, (100, 100, 300, 500)),
    person(2, (150, 200, 220, 520)),
    person(3, (600, 200, 700, 400), identity_name="Red jacket", interpolated=True),
)


@pytest.fixture
def panel(qtbot) -> PlayerPanel:
    made = PlayerPanel()
    qtbot.addWidget(made)
    made.resize(820, 620)
    made.show()
    qtbot.waitExposed(made)
    frame = np.full((HEIGHT_PX, WIDTH_PX, 3), (10, 60, 90), np.uint8)
    made.show_frame(picture_of(frame), PEOPLE)
    made.view.setFocus()
    return made


def widget_point(panel: PlayerPanel, x_px: float, y_px: float) -> QPoint:
    """A point of the full frame in the view, computed on its own."""
    view = panel.view
    scale = min(view.width() / WIDTH_PX, view.height() / HEIGHT_PX)
    left = (view.width() - WIDTH_PX * scale) / 2
    top = (view.height() - HEIGHT_PX * scale) / 2
    return QPoint(round(left + x_px * scale), round(top + y_px * scale))


def move(panel: PlayerPanel, x_px: float, y_px: float) -> None:
    QTest.mouseMove(panel.view, widget_point(panel, x_px, y_px))


@pytest.mark.parametrize("size", [(820, 620), (1400, 500), (400, 700)])
def test_a_click_tells_the_pixel_of_the_full_frame(
    panel: PlayerPanel, qtbot, size: tuple[int, int]
) -> None:
    panel.resize(*size)
    told: list[tuple[float, float]] = []
    panel.clicked.connect(lambda x_px, y_px: told.append((x_px, y_px)))
    for x_px, y_px in ((180, 250), (900, 20), (20, 520)):
        point = widget_point(panel, x_px, y_px)
        QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=point)
        pixel_px = WIDTH_PX / panel.view.picture_rect().width()
        assert told[-1] == pytest.approx((x_px, y_px), abs=pixel_px + 1)
    # The neutral ground beside the picture is no place in the frame.
    rect = panel.view.picture_rect()
    beside = QPoint(2, 2) if rect.top() > 4 or rect.left() > 4 else None
    assert beside is not None
    QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=beside)
    assert len(told) == 3


def test_a_drag_is_no_click(panel: PlayerPanel) -> None:
    told: list[float] = []
    panel.clicked.connect(lambda x_px, y_px: told.append(x_px))
    button = Qt.MouseButton.LeftButton
    QTest.mousePress(panel.view, button, pos=widget_point(panel, 180, 250))
    QTest.mouseRelease(panel.view, button, pos=widget_point(panel, 680, 250))
    QTest.mouseClick(panel.view, Qt.MouseButton.RightButton, pos=widget_point(panel, 180, 250))
    assert told == []


def test_the_picture_keeps_its_aspect(panel: PlayerPanel) -> None:
    for size in ((820, 620), (1400, 500), (400, 700)):
        panel.resize(*size)
        rect = panel.view.picture_rect()
        assert rect.width() / rect.height() == pytest.approx(WIDTH_PX / HEIGHT_PX, rel=0.02)
        assert panel.view.rect().contains(rect.toRect())


def test_whoever_stands_in_front_under_the_pointer_is_hovered(panel: PlayerPanel) -> None:
    view = panel.view
    move(panel, 180, 250)
    assert view.hovered_id == 2
    assert view.cursor().shape() is Qt.CursorShape.PointingHandCursor
    move(panel, 120, 450)
    assert view.hovered_id == 1
    move(panel, 500, 50)
    assert view.hovered_id is None
    assert view.cursor().shape() is Qt.CursorShape.ArrowCursor


def test_who_is_hovered_follows_the_next_frame(panel: PlayerPanel) -> None:
    move(panel, 650, 300)
    assert panel.view.hovered_id == 3
    frame = picture_of(np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8))
    panel.show_frame(frame, PEOPLE[:2])
    assert panel.view.hovered_id is None
    panel.show_empty("Nothing here", "Do something.")
    move(panel, 180, 250)
    assert panel.view.hovered_id is None


def colours_on(image: QImage, start: QPointF, end: QPointF) -> list[QColor]:
    """The pixels between two points of the grabbed view."""
    ratio = image.devicePixelRatio()
    steps = 200
    return [
        image.pixelColor(((start + (end - start) * step / steps) * ratio).toPoint())
        for step in range(steps + 1)
    ]


def is_accent(colour: QColor) -> bool:
    accent = QColor(OVERLAY_ACCENT)
    return (
        abs(colour.red() - accent.red())
        + abs(colour.green() - accent.green())
        + abs(colour.blue() - accent.blue())
        < 90
    )


def test_the_highlighted_box_is_drawn_in_the_accent_colour(panel: PlayerPanel) -> None:
    rect = panel.view.widget_rect(PEOPLE[0].box)

    def accent_share() -> float:
        line = colours_on(panel.view.grab().toImage(), rect.topLeft(), rect.bottomLeft())
        return sum(map(is_accent, line)) / len(line)

    assert accent_share() == 0
    panel.set_highlighted(1)
    assert accent_share() > 0.9


def test_a_box_between_analysed_frames_is_dashed(panel: PlayerPanel) -> None:
    def light_share(row: int) -> float:
        rect = panel.view.widget_rect(PEOPLE[row].box)
        line = colours_on(panel.view.grab().toImage(), rect.topRight(), rect.bottomRight())
        return sum(colour.lightness() > 160 for colour in line) / len(line)

    assert light_share(0) > 0.9
    assert 0.3 < light_share(2) < 0.8


@pytest.mark.parametrize(
    ("key", "modifier", "signal", "told"),
    [
        (Qt.Key.Key_Space, None, "play_toggled", ()),
        (Qt.Key.Key_K, None, "play_toggled", ()),
        (Qt.Key.Key_J, None, "shuttled", (-1,)),
        (Qt.Key.Key_L, None, "shuttled", (1,)),
        (",", None, "stepped", (-1,)),
        (".", None, "stepped", (1,)),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier, "jumped", (-5.0,)),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier, "jumped", (5.0,)),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, "jumped", (-1.0,)),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, "jumped", (1.0,)),
        (Qt.Key.Key_Up, None, "jumped", (60.0,)),
        (Qt.Key.Key_Down, None, "jumped", (-60.0,)),
        (Qt.Key.Key_Home, None, "seek_asked", (0.0,)),
        (Qt.Key.Key_End, None, "end_asked", ()),
        ("[", None, "speed_changed", (-1,)),
        ("]", None, "speed_changed", (1,)),
        (Qt.Key.Key_Backspace, None, "speed_chosen", (1.0,)),
    ],
)
def test_keys(panel: PlayerPanel, key: Any, modifier: Any, signal: str, told: tuple) -> None:
    heard: list[tuple] = []
    getattr(panel, signal).connect(lambda *values: heard.append(values))
    QTest.keyClick(panel.view, key, modifier or Qt.KeyboardModifier.NoModifier)
    assert heard == [told]


def test_keys_with_ctrl_belong_to_the_window(panel: PlayerPanel) -> None:
    heard: list[int] = []
    panel.shuttled.connect(heard.append)
    panel.stepped.connect(heard.append)
    for key in (Qt.Key.Key_L, Qt.Key.Key_Comma):
        QTest.keyClick(panel.view, key, Qt.KeyboardModifier.ControlModifier)
    assert heard == []


def test_the_player_claims_its_keys_from_shortcuts_of_the_window(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    panel = PlayerPanel(window)
    panel.show_frame(picture_of(np.zeros((54, 96, 3), np.uint8)), ())
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    panel.view.setFocus()
    assert QTest.qWaitForWindowActive(window)
    stolen: list[str] = []
    QShortcut(QKeySequence("J"), window).activated.connect(lambda: stolen.append("J"))
    QShortcut(QKeySequence("X"), window).activated.connect(lambda: stolen.append("X"))
    heard: list[int] = []
    panel.shuttled.connect(heard.append)
    QTest.keyClick(panel.view, Qt.Key.Key_J)
    QTest.keyClick(panel.view, Qt.Key.Key_X)
    assert heard == [-1]
    assert stolen == ["X"]


def test_a_button_works_with_the_mouse_and_leaves_the_focus_to_the_picture(
    panel: PlayerPanel,
) -> None:
    heard: list[tuple] = []
    panel.play_toggled.connect(lambda: heard.append(("play",)))
    panel.stepped.connect(lambda way: heard.append(("step", way)))
    panel.shuttled.connect(lambda way: heard.append(("shuttle", way)))
    for name in ("play", "frameBack", "frameForward", "shuttleBack", "shuttleForward"):
        button = panel.findChild(QToolButton, f"{name}Button")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert button.accessibleName()
    assert heard == [("play",), ("step", -1), ("step", 1), ("shuttle", -1), ("shuttle", 1)]
    assert panel.view.hasFocus()


def test_the_seek_bar_goes_where_it_is_clicked_and_follows_the_drag(panel: PlayerPanel) -> None:
    panel.set_position(0.0, 100.0)
    bar = panel.transport.seek_bar
    heard: list[Any] = []
    panel.scrub_began.connect(lambda: heard.append("began"))
    panel.seek_asked.connect(heard.append)
    panel.scrub_ended.connect(lambda: heard.append("ended"))
    middle = bar.height() // 2

    def at(time_s: float) -> QPoint:
        return QPoint(round(bar.x_of(time_s)), middle)

    QTest.mousePress(bar, Qt.MouseButton.LeftButton, pos=at(25))
    QTest.mouseMove(bar, at(60))
    panel.set_position(26.0, 100.0)  # a frame that was decoded on the way moves nothing
    assert bar.value() == pytest.approx(60_000, abs=600)
    QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=at(60))
    assert heard[0] == "began"
    assert heard[-1] == "ended"
    assert heard[1:-1] == [pytest.approx(25, abs=0.6), pytest.approx(60, abs=0.6)]
    panel.set_position(60.0, 100.0)
    assert bar.value() == 60_000
    assert panel.transport.time_label.text() == "01:00 / 01:40"


def test_without_a_video_nothing_can_be_played(panel: PlayerPanel) -> None:
    heard: list[int] = []
    panel.stepped.connect(heard.append)
    panel.show_problem("gate.mp4 is gone.", "Bring it back.")
    assert panel.view.text == "gate.mp4 is gone. Bring it back."
    assert not panel.transport.isEnabled()
    QTest.keyClick(panel.view, ".")
    assert heard == []


def test_a_hint_goes_away_by_itself(panel: PlayerPanel, qtbot, monkeypatch) -> None:
    monkeypatch.setattr("app.gui.player.player_panel.HINT_MS", 20)
    panel.show_hint("Nobody is stored here.")
    assert panel.view.hint == "Nobody is stored here."
    qtbot.waitUntil(lambda: panel.view.hint == "")


def dropped(panel: PlayerPanel, data: QMimeData) -> bool:
    """Whether the panel took what was dragged into it and let go."""
    copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    plain = Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(QPoint(100, 100), copy, data, button, plain)
    QApplication.sendEvent(panel, entered)
    if not entered.isAccepted():
        return False
    event = QDropEvent(QPointF(100, 100), copy, data, button, plain)
    QApplication.sendEvent(panel, event)
    return event.isAccepted()


@pytest.mark.filterwarnings("ignore:.*QDragEnterEvent.*:DeprecationWarning")
def test_a_picture_file_can_be_dropped_and_a_folder_is_left_to_the_window(
    panel: PlayerPanel, tmp_path: Path
) -> None:
    heard: list[object] = []
    panel.picture_dropped.connect(heard.append)
    picture = tmp_path / "woman in white.JPG"
    picture.touch()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture))])
    assert dropped(panel, data)
    assert heard == [picture]
    folder = QMimeData()
    folder.setUrls([QUrl.fromLocalFile(str(tmp_path)), QUrl.fromLocalFile("/videos/gate.mp4")])
    assert not dropped(panel, folder)
    assert len(heard) == 1


def test_a_picture_can_be_pasted(panel: PlayerPanel) -> None:
    pixels = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
    heard: list[Any] = []
    panel.picture_dropped.connect(heard.append)
    QGuiApplication.clipboard().setImage(picture_of(pixels))
    QTest.keyClick(panel.view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    QGuiApplication.clipboard().clear()
    assert [image.size().toTuple() for image in heard] == [(5, 7)]


def test_times_tell_any_two_frames_apart() -> None:
    assert precise_time_text(252.36) == "04:12.360"
    assert precise_time_text(3723.9996) == "1:02:04.000"


def test_every_control_has_a_name(panel: PlayerPanel) -> None:
    own = (panel.view, panel.transport, panel.transport.seek_bar, panel)
    controls = [*own, *panel.findChildren(QToolButton)]
    assert all(control.objectName() and control.accessibleName() for control in controls)
    assert len({control.objectName() for control in controls}) == len(controls)


def drag(
    panel: PlayerPanel, begin: tuple[float, float], end: tuple[float, float], *, shift: bool
) -> None:
    keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    start, stop = widget_point(panel, *begin), widget_point(panel, *end)
    QTest.mousePress(panel.view, Qt.MouseButton.LeftButton, keys, start)
    QTest.mouseMove(panel.view, stop)
    QTest.mouseRelease(panel.view, Qt.MouseButton.LeftButton, keys, stop)


def test_a_box_is_drawn_with_shift_or_once_after_its_key(panel: PlayerPanel, qtbot) -> None:
    drawn: list[np.ndarray] = []
    clicks: list[tuple[float, float]] = []
    panel.box_drawn.connect(drawn.append)
    panel.clicked.connect(lambda *point: clicks.append(point))
    drag(panel, (400, 300), (350, 100), shift=True)
    assert drawn[0].tolist() == pytest.approx([350, 100, 400, 300], abs=2)
    drag(panel, (500, 300), (2000, 400), shift=True)  # out of the frame
    assert drawn[1].tolist() == pytest.approx([500, 300, 960, 400], abs=2)
    drag(panel, (400, 300), (402, 302), shift=True)
    drag(panel, (400, 300), (350, 100), shift=False)
    qtbot.keyClick(panel.view, "b")
    assert panel.view.cursor().shape() is Qt.CursorShape.CrossCursor
    qtbot.keyClick(panel.view, Qt.Key.Key_Escape)
    drag(panel, (400, 300), (350, 100), shift=False)
    assert len(drawn) == 2 and clicks == []
    qtbot.keyClick(panel.view, "b")
    drag(panel, (400, 300), (350, 100), shift=False)
    drag(panel, (400, 300), (350, 100), shift=False)
    assert len(drawn) == 3 and clicks == []
    assert panel.view.cursor().shape() is not Qt.CursorShape.CrossCursor


def test_alt_takes_whoever_stands_behind(panel: PlayerPanel) -> None:
    told: list[int] = []
    panel.behind_clicked.connect(told.append)
    alt = Qt.KeyboardModifier.AltModifier
    for point in ((180, 250), (650, 300)):  # two people; one alone
        QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, alt, widget_point(panel, *point))
    assert told == [1, 3]
