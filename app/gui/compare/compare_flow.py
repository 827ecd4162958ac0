"""The query and the selected hit → their pictures, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage

from app.core.queries import CropQuery, Hit, Query, TrackletQuery, examples
from app.gui.compare.compare_panel import ComparePanel
from app.gui.hit_text import when_text
from app.gui.results.sought import as_qimage
from app.gui.results.thumbnails import read_picture
from app.gui.tasks import Task, TaskRunner

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.services.people.catalog import HitDetails
    from app.services.workspace import Workspace

LANE = "compare"
MOST = 4
"""Pictures of each side."""
_WITHIN = QSize(1024, 1024)


class CompareFlow(QObject):
    """Fills the comparison while it is seen.

    Args:
        panel: shows it.
        tasks: reads the pictures.

    Signals:
        problem: an exception that belongs into a dialog.
    """

    problem = Signal(object)

    def __init__(
        self, panel: ComparePanel, tasks: TaskRunner, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._tasks = panel, tasks
        self._workspace: Workspace | None = None
        self._query: Query | None = None
        self._hit: HitDetails | None = None
        self._is_on = False
        self._task: Task | None = None

    def set_workspace(self, workspace: Workspace | None) -> None:
        """Compares in another library from now on, or in none."""
        self._workspace = workspace
        self._query = self._hit = None
        self._show()

    def set_query(self, query: Query) -> None:
        """Hits are for this query from now on."""
        self._query = query
        self._show()

    def set_hit(self, hit: HitDetails) -> None:
        """Another hit is selected."""
        self._hit = hit
        self._show()

    def switch(self, is_on: bool) -> None:
        """Whether the comparison is seen."""
        self._is_on = is_on
        self._show()

    def _show(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if not self._is_on:
            return
        workspace, query, hit = self._workspace, self._query, self._hit
        if workspace is None or query is None or hit is None:
            self._panel.clear()
            return
        self._task = self._tasks.start(LANE, _pictures(workspace, query, hit), self._take)
        self._task.failed.connect(self.problem)

    def _take(self, sides: tuple[list[QImage], list[QImage]]) -> None:
        hit, workspace = self._hit, self._workspace
        if hit is not None and workspace is not None:
            zone: ZoneInfo = workspace.playback.timezone
            self._panel.show_person(sides[0])
            self._panel.show_sighting(f"{hit.camera} · {when_text(hit, zone)}", sides[1])


def _pictures(
    workspace: Workspace, query: Query, hit: HitDetails
) -> Iterator[tuple[list[QImage], list[QImage]]]:
    """A job: of the person the best picture of each example, or several of the only one."""
    shown = examples(query)
    crops = [as_qimage(each.image) for each in shown if isinstance(each, CropQuery)]
    ids = [each.tracklet_id for each in shown if isinstance(each, TrackletQuery)]
    stored = workspace.catalog.details([Hit(each, score=0.0, cosine=0.0) for each in ids[:MOST]])
    if len(stored) == 1 and not crops:
        paths = spread(stored[0].pictures)
    else:
        paths = [each.thumbnail for each in stored]
    person = (crops + [read_picture(path, _WITHIN) for path in paths])[:MOST]
    yield person, [read_picture(path, _WITHIN) for path in spread(hit.pictures)]


def spread(paths: Sequence[Path]) -> list[Path]:
    """At most `MOST` of them, the first and the last among them, evenly apart."""
    if len(paths) <= MOST:
        return list(paths)
    return [paths[round(at * (len(paths) - 1) / (MOST - 1))] for at in range(MOST)]
