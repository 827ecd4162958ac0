"""The player from the keys to the pixels, with a video of numbered grey frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from player_fakes import FPS, FakeLibrary, Footage, Player
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from app.core.camera_clock import CameraClock
from app.core.entities import Video
from app.core.errors import VideoError
from app.gui.player.player_flow import PlayerFlow
from app.gui.player.player_panel import PlayerPanel
from app.gui.player.player_session import ShownFrame, picture_of
from app.gui.tasks import TaskRunner
from app.services.footage.playback import Playback


@pytest.fixture
def player(qtbot) -> Iterator[Player]:
    panel = PlayerPanel()
    qtbot.addWidget(panel)
    panel.resize(700, 520)
    panel.show()
    qtbot.waitExposed(panel)
    runner = TaskRunner()
    flow = PlayerFlow(panel, runner, panel)
    footage = Footage()
    playback = Playback(FakeLibrary(footage), footage.open_source)  # type: ignore[arg-type]
    workspace = SimpleNamespace(playback=playback)
    flow.set_workspace(workspace)
    positions: list[float] = []
    clicks: list[tuple] = []
    flow.position_changed.connect(lambda video_id, time_s: positions.append(time_s))
    flow.person_clicked.connect(lambda *click: clicks.append(click))
    made = Player(panel, flow, runner, footage, workspace, positions, clicks, qtbot)
    yield made
    footage.gate.set()
    flow.set_workspace(None)
    made.wait_until_idle()
    assert footage.open == []
    runner.shutdown()


def test_a_video_is_shown_at_a_moment_with_its_person(player: Player) -> None:
    player.flow.show(2, 0.8, tracklet_id=11)
    player.wait_for(40)
    view = player.panel.view
    assert [person.tracklet_id for person in view.people] == [11]
    assert not view.people[0].interpolated
    assert view.highlighted_id == 11
    assert player.panel.camera_label.text() == "gate2"
    assert player.panel.moment_label.text() == "14 May 2024 10:32:08.2 (file name, raw, +02:00)"
    assert player.panel.position_label.text() == "00:00.800"
    assert player.panel.transport.time_label.text() == "00:00 / 00:02"
    assert not player.is_playing
    player.press(".")
    player.wait_for(41)
    assert view.people[0].interpolated


def test_frames_are_decoded_in_the_lane_of_the_player_alone(player: Player) -> None:
    player.flow.show(1, 1.7)
    player.wait_for(85)
    player.press(Qt.Key.Key_L)
    player.wait_until_idle()
    assert player.shows(99)
    assert all(name.startswith("player") for name in player.footage.threads)


def test_steps_are_exact_in_both_directions(player: Player) -> None:
    player.flow.show(1, 0.5)
    player.wait_for(25)
    for number in (26, 27, 28):
        player.press(".")
        player.wait_for(number)
    player.press(",", times=5)
    player.wait_for(23)
    player.press(Qt.Key.Key_Home)
    player.wait_for(0)
    player.press(",")
    player.press(".")
    player.wait_for(1)
    player.press(Qt.Key.Key_End)
    player.wait_for(99)


def test_of_many_seeks_only_the_newest_is_decoded(player: Player) -> None:
    player.flow.show(1)
    player.wait_for(0)
    player.wait_until_idle()
    player.footage.gate.clear()
    player.flow.seek(0.2)
    player.qtbot.waitUntil(player.footage.waiting.is_set)
    before = player.footage.pictures
    for number in range(20, 80):
        player.flow.seek(number / FPS)
    player.footage.gate.set()
    player.wait_for(79)
    assert player.footage.pictures - before == 2  # the one in progress, and the newest
    assert player.positions[-2:] == [pytest.approx(0.2), pytest.approx(79 / FPS)]


def test_jumps_add_up_while_they_are_decoded(player: Player) -> None:
    player.footage.frame_count = 250
    player.flow.show(1, 0.0)
    player.wait_for(0)
    player.footage.gate.clear()
    shift = Qt.KeyboardModifier.ShiftModifier
    for _ in range(3):
        QTest.keyClick(player.panel.view, Qt.Key.Key_Right, shift)
    player.footage.gate.set()
    player.wait_for(150)
    QTest.keyClick(player.panel.view, Qt.Key.Key_Left, shift)
    player.wait_for(100)


def test_dragging_the_seek_bar_shows_frames_on_the_way(player: Player) -> None:
    player.flow.show(1)
    player.wait_for(0)
    bar = player.panel.transport.seek_bar

    def at(number: int) -> QPoint:
        return QPoint(round(bar.x_of(number / FPS)), bar.height() // 2)

    def number_under(position: QPoint) -> int:
        return int(bar._time_at(position.toPointF()) * FPS + 0.05)

    QTest.mousePress(bar, Qt.MouseButton.LeftButton, pos=at(30))
    player.wait_for(number_under(at(30)))
    QTest.mouseMove(bar, at(60))
    player.wait_for(number_under(at(60)))
    QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=at(60))


def test_playing_shows_the_frames_in_order_and_stops_at_the_end(player: Player) -> None:
    player.flow.show(1, 1.5)
    player.wait_for(75)
    begun_s = time.monotonic()
    player.press(Qt.Key.Key_Space)
    assert player.is_playing
    player.wait_for(99)
    took_s = time.monotonic() - begun_s
    player.qtbot.waitUntil(lambda: not player.is_playing)
    assert 0.4 < took_s < 1.5  # 0.48 s of video
    assert player.positions == sorted(player.positions)
    assert len(player.positions) > 8
    player.press(Qt.Key.Key_Space)  # again from the start
    player.qtbot.waitUntil(lambda: 0 < player.positions[-1] < 1)
    player.press(Qt.Key.Key_K)
    assert not player.is_playing


def test_footage_that_decodes_slowly_drops_frames_but_keeps_time(player: Player) -> None:
    player.flow.show(1, 1.0)
    player.wait_for(50)
    player.positions.clear()
    player.footage.seconds_per_picture = 0.06  # three frames long
    begun_s = time.monotonic()
    player.press(Qt.Key.Key_Space)
    player.qtbot.waitUntil(lambda: not player.is_playing, timeout=5000)
    assert time.monotonic() - begun_s < 2.0
    assert 4 < len(player.positions) < 30
    assert player.positions[-1] == pytest.approx(99 / FPS)


def test_playing_backwards_ends_at_the_first_frame(player: Player) -> None:
    player.flow.show(1, 0.5)
    player.wait_for(25)
    player.press("j")
    assert player.speed == "−1×"
    player.wait_for(0)
    player.qtbot.waitUntil(lambda: not player.is_playing)
    assert player.positions == sorted(player.positions, reverse=True)
    assert len(player.positions) > 8


def test_shuttle_doubles_and_speeds_change(player: Player) -> None:
    player.footage.frame_count = 5000
    player.flow.show(1, 50.0)
    player.qtbot.waitUntil(lambda: player.positions != [])
    told = []
    for key in ("l", "l", "l", "l", "l", "j", "j", "k", "]", "]", "[", "[", "[", Qt.Key.Key_Space):
        player.press(key)
        told.append(player.speed)
    assert told == [
        *("1×", "2×", "4×", "8×", "8×"),
        *("−1×", "−2×", "1×"),
        *("2×", "4×", "2×", "1×", "0.5×", "0.5×"),
    ]
    assert player.is_playing
    player.press(Qt.Key.Key_Backspace)
    assert player.speed == "1×"
    player.press(".")
    assert not player.is_playing


def test_a_click_tells_video_time_and_place(player: Player) -> None:
    player.flow.show(3, 0.4)
    player.wait_for(20)
    rect = player.panel.view.widget_rect(player.panel.view.people[0].box)
    QTest.mouseClick(player.panel.view, Qt.MouseButton.LeftButton, pos=rect.center().toPoint())
    ((video_id, time_s, x_px, y_px),) = player.clicks
    assert (video_id, time_s) == (3, pytest.approx(0.4))
    assert (x_px, y_px) == pytest.approx((16, 18), abs=0.5)
    assert player.workspace.playback.person_at(video_id, time_s, x_px, y_px) == 11
    assert player.panel.view.hint == ""


def test_a_lasting_hint_stays_until_a_click(player: Player, qtbot, monkeypatch) -> None:
    monkeypatch.setattr("app.gui.player.player_panel.HINT_MS", 20)
    player.flow.show(3, 0.4)
    player.wait_for(20)
    player.flow.show_hint("Click a person", lasting=True)
    qtbot.wait(60)
    assert player.panel.view.hint == "Click a person"
    person = player.panel.view.widget_rect(player.panel.view.people[0].box).center().toPoint()
    QTest.mouseClick(player.panel.view, Qt.MouseButton.LeftButton, pos=person)
    assert player.panel.view.hint == "" and len(player.clicks) == 1


def test_a_click_beside_everyone_says_how_a_box_is_drawn(player: Player) -> None:
    player.flow.show(3, 0.4)
    player.wait_for(20)
    beside = player.panel.view.widget_rect(np.array([50, 10, 54, 14])).center().toPoint()
    QTest.mouseClick(player.panel.view, Qt.MouseButton.LeftButton, pos=beside)
    assert player.clicks == []
    assert "hold Shift" in player.panel.view.hint
    drawn: list[tuple] = []
    player.flow.box_drawn.connect(lambda *box: drawn.append(box))
    player.panel.view.box_drawn.emit(np.array([1, 2, 30, 40], np.float32))
    ((video_id, time_s, box),) = drawn
    assert (video_id, time_s, box.tolist()) == (3, pytest.approx(0.4), [1, 2, 30, 40])
    player.flow.show(3, 0.5)
    assert player.panel.view.hint == ""


def test_a_picture_is_told_as_it_came(player: Player) -> None:
    pixels = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
    told: list[Path | QImage] = []
    player.flow.picture_dropped.connect(told.append)
    player.panel.picture_dropped.emit(picture_of(pixels))
    player.panel.picture_dropped.emit(Path("woman.jpg"))
    assert told == [picture_of(pixels), Path("woman.jpg")]


def test_missing_footage_is_told_with_the_remedy_and_can_be_tried_again(player: Player) -> None:
    player.footage.problem = VideoError("gate1.mp4 cannot be opened.")
    player.flow.show(1)
    player.qtbot.waitUntil(lambda: "Locate" in player.panel.view.text)
    assert "gate1.mp4 is not at /footage any more." in player.panel.view.text
    assert player.panel.camera_label.text() == "gate1"
    assert player.clicks == []
    player.wait_until_idle()
    player.footage.problem = None
    player.flow.show(1, 0.1)
    player.wait_for(5)


def test_another_video_closes_the_one_before(player: Player) -> None:
    player.flow.show(1, 0.1)
    player.wait_for(5)
    player.flow.show(2, 0.2)
    player.wait_for(10)
    player.wait_until_idle()
    assert {source.info.path.name for source in player.footage.open} == {"gate2.mp4"}


def test_frames_of_a_video_that_was_left_are_not_shown(player: Player) -> None:
    player.flow.show(1, 0.1)
    player.wait_for(5)
    player.wait_until_idle()
    player.footage.gate.clear()
    player.flow.seek(1.0)
    player.qtbot.waitUntil(player.footage.waiting.is_set)
    player.flow.show(2, 0.2)
    player.footage.gate.set()
    player.wait_for(10)
    assert player.positions == [pytest.approx(0.1), pytest.approx(0.2)]


def test_closing_the_library_closes_the_video_and_says_what_to_do(player: Player) -> None:
    player.flow.show(1, 0.1)
    player.wait_for(5)
    player.press("l")
    player.flow.set_workspace(None)
    player.wait_until_idle()
    assert player.footage.open == []
    assert "Drop a folder of videos here" in player.panel.view.text
    assert player.panel.camera_label.text() == ""
    player.flow.show(1)  # nothing to show it from
    player.press("l")
    assert not player.runner.is_busy("player")


def test_boxes_of_people_stored_meanwhile_are_drawn(player: Player) -> None:
    player.flow.show(1, 0.4)
    player.wait_for(20)
    library = player.workspace.playback._library
    (tracklet, path) = library.people[0]
    library.people.append((replace(tracklet, id=12), path))
    player.flow.refresh()
    player.qtbot.waitUntil(lambda: len(player.panel.view.people) == 2)
    assert player.shows(20)


def test_shutting_down_while_playing_takes_less_than_a_second(player: Player) -> None:
    player.footage.frame_count = 5000
    player.flow.show(1, 1.0)
    player.wait_for(50)
    player.press("l")
    player.qtbot.waitUntil(lambda: len(player.positions) > 3)
    begun_s = time.monotonic()
    player.runner.shutdown()
    assert time.monotonic() - begun_s < 1.0
    assert player.footage.open == []


def test_a_window_that_is_busy_gets_no_backlog(player: Player) -> None:
    """Frames are shown one by one, not piled up for later."""
    player.footage.frame_count = 5000
    player.flow.show(1, 1.0)
    player.wait_for(50)
    session = player.flow._session
    assert session is not None
    arrived: list[ShownFrame] = []
    player.flow._take_in = lambda _, event: (  # type: ignore[method-assign]
        arrived.append(event) if isinstance(event, ShownFrame) else None
    )
    player.wait_until_idle()
    player.press("l")
    player.qtbot.waitUntil(lambda: len(arrived) == 2)
    player.qtbot.wait(150)  # nothing takes the frames in: no third one may come
    assert len(arrived) == 2
    player.press("k")
    session.take_in()
    session.take_in()


def test_a_corrected_clock_shows_at_once_without_leaving_the_moment(player: Player) -> None:
    player.flow.show(2, 0.8)
    player.wait_for(40)
    assert player.panel.moment_label.text() == "14 May 2024 10:32:08.2 (file name, raw, +02:00)"
    library = player.workspace.playback._library
    stored = library.video
    clock = CameraClock(offset_s=200.0)

    def corrected(video_id: int) -> Video:
        video = stored(video_id)
        return replace(video, camera=replace(video.camera, name="yard", clock=clock))

    library.video = corrected
    player.flow.refresh()
    wanted = "14 May 2024 10:35:28.2 (file name, corrected, +02:00)"
    player.qtbot.waitUntil(lambda: player.panel.moment_label.text() == wanted)
    assert player.panel.camera_label.text() == "yard"
    assert player.shows(40)


def test_the_chosen_sighting_is_played_again_and_again_until_the_user_leaves_it(
    player: Player,
) -> None:
    player.footage.frame_count = 100
    path = player.workspace.playback._library.people[0]
    short = replace(path[0], first_time_s=0.2, last_time_s=1.3)
    player.workspace.playback._library.people[0] = (short, path[1])
    player.flow.show(1, 0.8, tracklet_id=11)
    player.wait_for(40)
    assert player.panel.transport.seek_bar._sighting_s == (0.2, 1.3)
    player.press("]", 2)
    player.positions.clear()
    player.press(Qt.Key.Key_Space)
    turns = lambda: sum(a > b for a, b in pairwise(player.positions))  # noqa: E731
    player.qtbot.waitUntil(lambda: turns() >= 2, timeout=5000)
    assert min(player.positions) >= 0.2 - 0.001
    assert max(player.positions) < 1.3 + 0.25
    player.press(Qt.Key.Key_L)  # plays on
    player.qtbot.waitUntil(lambda: not player.is_playing, timeout=5000)
    assert player.positions[-1] == pytest.approx(99 / FPS)
    player.flow.show(1, 0.8)
    player.wait_for(40)
    assert player.panel.transport.seek_bar._sighting_s is None
    player.press(Qt.Key.Key_Space)
    player.qtbot.waitUntil(lambda: not player.is_playing, timeout=5000)
    assert player.positions[-1] == pytest.approx(99 / FPS)
