"""What the worker does for the cameras beside the main one: finds and decodes the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from app.core.errors import UserFacingError
from app.gui.player.player_session import picture_of
from app.services.footage.moments import Moments, View
from app.services.footage.playback import PersonBox, Playback, VideoReader

_WIDEST_PX = 960
"""Pictures are handed over no wider: the window would have to make them small."""
_CACHE_BYTES = 48 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class CellShown:
    """What one of the cameras shows.

    Attributes:
        place: which cell, from 0.
        picture: None where there is nothing to see.
        people: in pixels of the picture.
        problem: why nothing is to be seen though there is footage, or None.
    """

    place: int
    view: View
    picture: QImage | None = None
    people: tuple[PersonBox, ...] = ()
    problem: UserFacingError | None = None


@dataclass(frozen=True, slots=True)
class CellsUsed:
    """How many cells are filled.

    Attributes:
        zone: in which times are told.
        is_known: whether it is known when the frame of the main camera was recorded.
    """

    count: int
    zone: ZoneInfo
    is_known: bool = True


TogetherEvent = CellShown | CellsUsed


@dataclass(frozen=True, slots=True)
class _Order:
    """What is wanted by now: the moment of a frame, in so many cells; none: all is closed."""

    video_id: int | None = None
    time_s: float = 0.0
    cells: int = 0
    refresh: bool = False


class TogetherSession:
    """The work for one library; of many moments that are wanted, the newest is decoded.

    As with `PlayerSession`, the methods up to `work` belong to the GUI thread, `work` runs in a
    lane as long as there is something to do, and the readers stay open between two runs.

    Args:
        playback: footage and people of the library.
        start: puts `work` into its lane.
    """

    def __init__(self, playback: Playback, start: Callable[[TogetherSession], object]) -> None:
        self._playback, self._start = playback, start
        self._lock = threading.Lock()
        self._order = _Order()
        self._is_new = self._is_working = False
        self._moments: Moments | None = None
        self._readers: dict[int, tuple[int, VideoReader]] = {}  # by camera: video, reader

    # GUI thread ---------------------------------------------------------------------------------

    def show(self, video_id: int, time_s: float, cells: int) -> None:
        """Shows the other cameras at the moment of a frame."""
        self._post(lambda order: _Order(video_id, time_s, cells, order.refresh))

    def refresh(self) -> None:
        """Reads the library's videos, clocks and people again."""
        self._post(lambda order: replace(order, refresh=True))

    def close(self) -> None:
        """Closes all videos, in the worker."""
        self._post(lambda _: _Order())

    def _post(self, change: Callable[[_Order], _Order]) -> None:
        with self._lock:
            self._order = change(self._order)
            self._is_new = True
            starts, self._is_working = not self._is_working, True
        if starts:
            self._start(self)

    # Worker -------------------------------------------------------------------------------------

    def work(self) -> Generator[TogetherEvent]:
        """Shows what is wanted until nothing new is."""
        ran_to_end = False
        try:
            while (order := self._next_order()) is not None:
                yield from self._obey(order)
            ran_to_end = True
        finally:
            if not ran_to_end:
                self._close_all()
                with self._lock:
                    self._is_working = False

    def _next_order(self) -> _Order | None:
        with self._lock:
            if not self._is_new:
                self._is_working = False
                return None
            order, self._is_new = self._order, False
            self._order = replace(order, refresh=False)
            return order

    def _obey(self, order: _Order) -> Generator[TogetherEvent]:
        if order.video_id is None:
            self._moments = None
            self._close_all()
            return
        if order.refresh:
            self._moments = None
            self._playback.forget_people()
        if self._moments is None:
            self._moments = Moments(self._playback.videos())
        main = self._playback.video(order.video_id)
        moment = main.moment(order.time_s)
        if moment is None:
            yield CellsUsed(0, self._playback.timezone, is_known=False)
            return
        views = self._moments.views(moment, besides=main.camera.id)
        if len(views) > order.cells:  # those that show something first
            views.sort(key=lambda view: view.video is None)
        views = views[: order.cells]
        self._close_but({view.camera.id for view in views})
        yield CellsUsed(len(views), self._playback.timezone)
        for place, view in enumerate(views):
            yield self._cell(place, view)

    def _cell(self, place: int, view: View) -> CellShown:
        if view.video is None:
            return CellShown(place, view)
        try:
            reader = self._reader(view.camera.id, view.video.id)
            frame = reader.frame_at(view.time_s)
            picture = picture_of(frame.image)
            scale = min(1.0, _WIDEST_PX / picture.width())
            if scale < 1:
                smooth = Qt.TransformationMode.SmoothTransformation
                picture = picture.scaledToWidth(_WIDEST_PX, smooth)
            people = tuple(
                replace(person, box=person.box * scale)
                for person in self._playback.people_at(view.video.id, frame.time_s)
            )
        except UserFacingError as error:
            return CellShown(place, view, problem=error)
        return CellShown(place, view, picture, people)

    def _reader(self, camera_id: int, video_id: int) -> VideoReader:
        open_id, reader = self._readers.pop(camera_id, (None, None))
        if reader is not None and open_id != video_id:
            reader.close()
            reader = None
        if reader is None:
            reader = self._playback.reader(video_id, _CACHE_BYTES)
        self._readers[camera_id] = (video_id, reader)
        return reader

    def _close_but(self, camera_ids: set[int]) -> None:
        for camera_id in self._readers.keys() - camera_ids:
            self._readers.pop(camera_id)[1].close()

    def _close_all(self) -> None:
        self._close_but(set())
