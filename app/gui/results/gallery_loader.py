"""Fetches what the tiles in view show: details, then pictures; never thousands at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.queries import Hit

if TYPE_CHECKING:
    from app.gui.results.gallery_model import GalleryModel
    from app.gui.results.thumbnails import Thumbnails
    from app.gui.tasks import Task, TaskRunner
    from app.services.people.catalog import HitDetails

Fetch = Callable[[Sequence[Hit]], "list[HitDetails]"]

LANE = "details"
CHUNK = 200
"""Details fetched between two events, so that newer wishes wait a few milliseconds at most."""


class GalleryLoader(QObject):
    """Keeps the tiles in view filled.

    Signals:
        arrived: a list of HitDetails that the item model holds from now on.
        all_arrived: the details of every hit are there (after `fetch_all`).
        failed: the exception that a fetch ended with.
    """

    arrived = Signal(object)
    all_arrived = Signal()
    failed = Signal(object)

    def __init__(
        self, model: GalleryModel, thumbnails: Thumbnails, tasks: TaskRunner, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._thumbnails = thumbnails
        self._tasks = tasks
        self._fetch: Fetch | None = None
        self._rows = range(0)
        self._with_ends = False
        self._played: list[Path] = []
        self._ids_of_path: dict[Path, int] = {}
        self._page_task: Task | None = None
        self._full_task: Task | None = None
        thumbnails.loaded.connect(self._repaint)

    def set_source(self, fetch: Fetch | None) -> None:
        """Where details come from; None: nothing is loaded, and all that was is forgotten."""
        self._stop()
        self._fetch = fetch
        self._ids_of_path.clear()
        if fetch is None:
            self._thumbnails.clear()

    def _stop(self) -> None:
        for task in (self._page_task, self._full_task):
            if task is not None:
                task.cancel()
        self._page_task = self._full_task = None
        self._thumbnails.want([])

    def show_rows(self, rows: range) -> None:
        """Loads what these rows lack; what other rows lacked is given up."""
        self._rows = rows
        if self._fetch is None:
            return
        if self._page_task is not None:
            self._page_task.cancel()
            self._page_task = None
        missing = self._model.without_details(rows)
        if missing and self._full_task is None:
            self._page_task = self._start(missing)
        self._want_pictures()

    def fetch_all(self) -> None:
        """Fetches the details of every hit, for an order that needs them; then `all_arrived`."""
        if self._full_task is not None:
            self._full_task.cancel()
            self._full_task = None
        missing = self._model.without_details()
        if not missing or self._fetch is None:
            self.all_arrived.emit()
            return
        self._full_task = self._start(missing)
        self._full_task.finished.connect(self._end_full)
        self._full_task.failed.connect(self._drop_full)

    def _start(self, missing: Sequence[Hit]) -> Task:
        assert self._fetch is not None
        task = self._tasks.start(LANE, _fetch_in_chunks(self._fetch, missing), self._take)
        task.failed.connect(self.failed)
        return task

    def _end_full(self) -> None:
        self._drop_full()
        self.all_arrived.emit()

    def _drop_full(self) -> None:
        self._full_task = None

    def _take(self, fetched: list[HitDetails]) -> None:
        self._model.add_details(fetched)
        for each in fetched:
            self._ids_of_path.update(
                dict.fromkeys((each.thumbnail, *each.pictures), each.tracklet_id)
            )
        self.arrived.emit(fetched)
        self._want_pictures()

    def _want_pictures(self) -> None:
        hits = self._model.hits_in(self._rows)
        known = [each for hit in hits if (each := self._model.details_of(hit.tracklet_id))]
        wanted = [each.thumbnail for each in known]
        if self._with_ends:
            wanted += [path for each in known for path in (each.pictures[:1] + each.pictures[-1:])]
        self._thumbnails.want(wanted + self._played)

    def play(self, row: int) -> None:
        """Loads all pictures of the sighting of a row, too."""
        (hit,) = self._model.hits_in([row])[:1] or (None,)
        details = None if hit is None else self._model.details_of(hit.tracklet_id)
        self._played = [] if details is None else list(details.pictures)
        self._want_pictures()

    def load_ends(self, wanted: bool) -> None:
        """Whether first and last picture of each sighting are shown, too."""
        self._with_ends = wanted
        self._want_pictures()

    def _repaint(self, path: Path) -> None:
        tracklet_id = self._ids_of_path.get(path)
        if tracklet_id is not None:
            self._model.repaint(tracklet_id)


def _fetch_in_chunks(fetch: Fetch, hits: Sequence[Hit]) -> Iterator[list[HitDetails]]:
    """A job: details in the order asked."""
    for start in range(0, len(hits), CHUNK):
        yield fetch(hits[start : start + CHUNK])
