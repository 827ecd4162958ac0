"""What the user wants of the player → the player's session in its lane → what the panel shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.errors import UserFacingError
from app.gui.hit_text import date_text
from app.gui.player.player_panel import EMPTY, NO_VIDEO, PlayerPanel
from app.gui.player.player_session import (
    PlayerEvent,
    PlayerProblem,
    PlayerSession,
    PlayStopped,
    ShownFrame,
    VideoOpened,
)
from app.gui.player.transport_bar import SPEEDS
from app.gui.tasks import TaskRunner
from app.language import listed, tr

if TYPE_CHECKING:
    from app.core.entities import FloatArray
    from app.services.workspace import Workspace

LANE = "player"
# A sighting of a frame or two is played with what follows; so much may be missing at its ends.
SHORTEST_LOOP_S = 1.0
LOOP_EDGE_S = 0.05


class PlayerFlow(QObject):
    """Joins the player's panel with the footage of the open library.

    All decoding happens in the lane "player"; see `PlayerSession` for the rules of its thread.

    Signals:
        person_clicked: video id, time of the frame in seconds, x and y in pixels of the full
            frame, where somebody's box is.
        tracklet_clicked: id of somebody who stands behind another one.
        box_drawn: video id, time of the frame in seconds, box: float32 (4,) xyxy in pixels of
            the full frame.
        picture_dropped: the file of a picture to be searched, a Path.
        position_changed: video id and time in seconds of each frame that is shown.
        video_wanted: a frame of a video is to be seen.
        problem_shown: a video cannot be shown; its footage may have been moved.
    """

    person_clicked = Signal(int, float, float, float)
    tracklet_clicked = Signal(int)
    box_drawn = Signal(int, float, object)
    picture_dropped = Signal(object)
    position_changed = Signal(int, float)
    video_wanted = Signal()
    problem_shown = Signal()

    def __init__(
        self, panel: PlayerPanel, runner: TaskRunner, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel = panel
        self._runner = runner
        self._session: PlayerSession | None = None
        # The video that is wanted, and what is known of it once it has been opened.
        self._video_id: int | None = None
        self._last_wish: tuple[int, float, int | None] | None = None
        self._opened: VideoOpened | None = None
        self._shown: ShownFrame | None = None
        self._speed = 1.0
        self._rate = 0.0
        self._rate_before_scrub = 0.0
        self._at_end = False
        self._loops = False  # the chosen sighting is played again and again
        self._begins_loop = False  # it has not been played since it was chosen
        self._end_s: float | None = None
        # The seek that has not been answered yet: its number and where it goes.
        self._asked: tuple[int, float] | None = None
        panel.play_toggled.connect(self._toggle)
        panel.stepped.connect(self._step)
        panel.shuttled.connect(self._shuttle)
        panel.jumped.connect(lambda seconds: self.seek(self._position_s() + seconds))
        panel.seek_asked.connect(self.seek)
        panel.end_asked.connect(lambda: self.seek(self._length_s()))
        panel.scrub_began.connect(self._begin_scrub)
        panel.scrub_ended.connect(lambda: self._play(self._rate_before_scrub))
        panel.speed_chosen.connect(self._choose_speed)
        panel.speed_changed.connect(self._change_speed)
        panel.clicked.connect(self._click)
        panel.behind_clicked.connect(self.tracklet_clicked)
        panel.box_drawn.connect(self._take_box)
        panel.picture_dropped.connect(self.picture_dropped)

    # From the window ----------------------------------------------------------------------------

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Shows another library's footage from now on, or none.

        The video that is open is closed in the worker: the lane is idle once that is done.
        """
        if self._session is not None:
            self._session.close()
        self._session = None
        self._video_id = self._opened = self._shown = self._asked = self._end_s = None
        self._last_wish = None
        self._rate, self._at_end, self._loops, self._begins_loop = 0.0, False, False, False
        self._panel.set_rate(0.0, self._speed)
        self._panel.set_highlighted(None)
        self._panel.show_empty(*(EMPTY if workspace is None else NO_VIDEO))
        if workspace is not None:
            self._session = PlayerSession(workspace.playback, self._start)

    def show(self, video_id: int, time_s: float = 0.0, tracklet_id: int | None = None) -> None:
        """Stands still at the frame shown at a time, with one person's box highlighted."""
        if self._session is None:
            return
        self.video_wanted.emit()
        self._last_wish = (video_id, time_s, tracklet_id)
        if video_id != self._video_id:
            self._video_id, self._opened, self._shown = video_id, None, None
        self._panel.set_highlighted(tracklet_id)
        self._panel.show_hint("")
        self._set_rate(0.0)
        self._loops, self._begins_loop = False, tracklet_id is not None
        self._asked = (self._session.show(video_id, time_s, tracklet_id), time_s)

    def position(self) -> tuple[int, float] | None:
        """Id of the video that is shown, and the time of the frame in seconds."""
        return None if self._shown is None else (self._shown.video_id, self._shown.time_s)

    @property
    def chosen_id(self) -> int | None:
        """The sighting that was to be shown last, or None if it was but a video or a moment."""
        return None if self._last_wish is None else self._last_wish[2]

    def show_first(self, video_ids: Sequence[int]) -> None:
        """Shows the first video of a library in which nothing was chosen yet."""
        if video_ids and self._last_wish is None:
            self.show(video_ids[0])

    def retry(self) -> None:
        """Shows what could not be shown, after footage was found again."""
        if self._last_wish is not None and self._shown is None:
            self.show(*self._last_wish)

    def pause(self) -> None:
        """Stands still."""
        if self._rate != 0:
            self._play(0.0)

    def seek(self, time_s: float) -> None:
        """Goes to the frame shown at a time of the video that is open."""
        if self._session is None or self._opened is None:
            return
        time_s = min(max(0.0, time_s), self._length_s())
        self._at_end = False
        self._asked = (self._session.seek(time_s), time_s)

    def refresh(self) -> None:
        """Shows boxes, names and times anew, after some of them have changed."""
        if self._session is not None and self._shown is not None:
            self._session.refresh()

    def show_hint(self, text: str, *, lasting: bool = False) -> None:
        """Lays a sentence over the frame for a few seconds, or until the next click."""
        self._panel.show_hint(text, lasting=lasting)

    # From the panel -----------------------------------------------------------------------------

    def _toggle(self) -> None:
        if self._rate != 0:
            self._play(0.0)
            return
        loop = None if self._shown is None else _loop_of(self._shown)
        here_s = self._position_s()
        self._loops = loop is not None and (
            self._begins_loop or loop[0] - LOOP_EDGE_S <= here_s <= loop[1] + LOOP_EDGE_S
        )
        if loop is not None and self._loops and (self._begins_loop or here_s >= loop[1]):
            self.seek(loop[0])
        elif self._at_end:
            self.seek(0.0)
        self._begins_loop = False
        self._play(self._speed)

    def _shuttle(self, way: int) -> None:
        self._loops = self._begins_loop = False
        same_way = self._rate * way > 0
        self._play(way * min(SPEEDS[-1], abs(self._rate) * 2) if same_way else float(way))

    def _step(self, frames: int) -> None:
        if self._session is not None and self._opened is not None:
            self._set_rate(0.0)
            self._session.step(frames)

    def _choose_speed(self, speed: float) -> None:
        self._speed = speed
        if self._rate == 0:
            self._set_rate(0.0)
        else:
            self._play(speed if self._rate > 0 else -speed)

    def _change_speed(self, way: int) -> None:
        current = abs(self._rate) or self._speed
        if way > 0:
            self._choose_speed(min((speed for speed in SPEEDS if speed > current), default=current))
        else:
            self._choose_speed(max((speed for speed in SPEEDS if speed < current), default=current))

    def _play(self, rate: float) -> None:
        if self._session is not None and self._opened is not None:
            self._set_rate(rate)
            self._session.play(rate)

    def _set_rate(self, rate: float) -> None:
        self._rate = rate
        self._panel.set_rate(rate, self._speed)

    def _begin_scrub(self) -> None:
        self._rate_before_scrub = self._rate
        self._play(0.0)

    def _click(self, x_px: float, y_px: float) -> None:
        shown = self._shown
        if shown is not None and self._panel.view.has_person_at(x_px, y_px):
            self._panel.show_hint("")
            self.person_clicked.emit(shown.video_id, shown.time_s, x_px, y_px)
        elif shown is not None:
            self._panel.show_hint(
                tr("If a person has no box, hold Shift and drag one around them.")
            )

    def _take_box(self, box: FloatArray) -> None:
        if self._shown is not None:
            self._panel.show_hint("")
            self.box_drawn.emit(self._shown.video_id, self._shown.time_s, box)

    # From the session ---------------------------------------------------------------------------

    def _start(self, session: PlayerSession) -> None:
        task = self._runner.start(LANE, session.work(), lambda event: self._take_in(session, event))
        task.failed.connect(lambda error: self._fail(session, error))

    def _take_in(self, session: PlayerSession, event: PlayerEvent) -> None:
        if isinstance(event, ShownFrame):
            session.take_in()
        # What still comes of a library or a video that has been left is not shown.
        if event is None or session is not self._session or event.video_id != self._video_id:
            return
        if isinstance(event, VideoOpened):
            if self._opened is None:
                self._shown = self._end_s = None
            self._opened = event
        elif isinstance(event, ShownFrame):
            self._show(event)
        elif isinstance(event, PlayStopped):
            self._at_end = event.at_end
            self._set_rate(0.0)
            if self._loops and self._shown is not None:
                self._play_again(self._shown)
        elif isinstance(event, PlayerProblem):
            self._show_problem(event.error.message, event.error.remedy)

    def _show(self, frame: ShownFrame) -> None:
        if self._opened is None:
            return
        self._shown = frame
        self._end_s = frame.end_s
        self._at_end = False
        if self._asked is not None and self._asked[0] <= frame.seek_number:
            self._asked = None
        if self._asked is None and self._rate > 0:
            self._keep_to_sighting(frame)
        self._panel.set_sighting(frame.sighting_s)
        self._panel.show_frame(frame.picture, frame.people)
        self._panel.set_header(*header(self._opened, frame.time_s))
        self._panel.set_position(frame.time_s, max(self._length_s(), frame.time_s))
        self.position_changed.emit(frame.video_id, frame.time_s)

    def _keep_to_sighting(self, frame: ShownFrame) -> None:
        """Goes back to where the sighting begins, or plays on if the user has left it."""
        loop = _loop_of(frame)
        if loop is None or not loop[0] - LOOP_EDGE_S <= frame.time_s <= loop[1] + SHORTEST_LOOP_S:
            self._loops = False
        elif self._loops and frame.time_s >= loop[1]:
            self.seek(loop[0])

    def _play_again(self, frame: ShownFrame) -> None:
        """The video ended before the loop did."""
        loop = _loop_of(frame)
        if loop is not None:
            self.seek(loop[0])
            self._play(self._speed)

    def _fail(self, session: PlayerSession, error: Exception) -> None:
        """A bug ended the session's run; the log has the details."""
        if session is not self._session:
            return
        if isinstance(error, UserFacingError):
            self._show_problem(error.message, error.remedy)
        else:
            self._show_problem(
                tr("The player was stopped by an error in Retrace."),
                tr("Choose the video again; the log says what happened."),
            )

    def _show_problem(self, message: str, remedy: str) -> None:
        self._shown = self._asked = None
        self._set_rate(0.0)
        if self._opened is not None:
            self._panel.set_header(self._opened.video.camera.name, "", "")
        self._panel.show_problem(message, remedy)
        self.problem_shown.emit()

    # Where it stands ----------------------------------------------------------------------------

    def _position_s(self) -> float:
        """Where the player is, or will be as soon as the newest seek has been decoded."""
        if self._asked is not None:
            return self._asked[1]
        return self._shown.time_s if self._shown is not None else 0.0

    def _length_s(self) -> float:
        """Length of the video: what was seen of it counts more than what its header says."""
        if self._opened is None:
            return 0.0
        info = self._opened.video.info
        frame_s = 1 / info.fps if info.fps > 0 else 0.0
        if self._end_s is not None:
            return self._end_s + frame_s
        if info.duration_s:
            return info.duration_s
        return info.frame_count * frame_s if info.frame_count else 0.0


def _loop_of(frame: ShownFrame) -> tuple[float, float] | None:
    """From when to when the chosen sighting is played again and again."""
    if frame.sighting_s is None:
        return None
    begin_s, end_s = frame.sighting_s
    return begin_s, max(end_s, begin_s + SHORTEST_LOOP_S)


def header(opened: VideoOpened, time_s: float) -> tuple[str, str, str]:
    """Camera, recording time of a frame, and all that is known about it as a tooltip."""
    video, zone = opened.video, opened.zone
    moment, start = video.moment(time_s), video.moment(0.0)
    if moment is None or start is None:
        return video.camera.name, tr("recording time unknown"), str(video.path)
    local = moment.astimezone(zone)
    offset = f"{local:%z}"  # +0200
    text = tr(
        "{time} ({source})",
        time=f"{date_text(moment, zone)} {local:%H:%M:%S}.{local.microsecond // 100_000}",
        source=listed((video.time_source, f"{offset[:3]}:{offset[3:5]}")),
    )
    began = start.astimezone(zone).isoformat(sep=" ")
    return (
        video.camera.name,
        text,
        tr(
            "{path}\nStart of the recording by {source}: {start}\nTimes in {zone}",
            path=video.path,
            source=video.time_source,
            start=began,
            zone=zone,
        ),
    )
