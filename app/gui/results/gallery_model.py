"""The item model of the result gallery: ids in order; what a tile shows comes when it is seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.core.entities import Verdict
from app.core.queries import Hit
from app.gui.hit_text import spoken_text, taken_utc, tooltip_text
from app.gui.widgets.plain import plain_tip

if TYPE_CHECKING:
    from app.services.people.catalog import HitDetails

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class GalleryOrder(StrEnum):
    """What the gallery is sorted by."""

    RELEVANCE = "relevance"
    TIME = "time"
    CAMERA = "camera"


class GalleryModel(QAbstractListModel):
    """Thousands of hits; only those that were seen carry details."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ranked: list[Hit] = []
        self._shown: list[Hit] = []
        self._row_of: dict[int, int] = {}
        self._rank_of: dict[int, int] = {}
        self._details: dict[int, HitDetails] = {}
        self._stale: set[int] = set()
        self._decided: dict[int, Verdict | None] = {}
        self._order = GalleryOrder.RELEVANCE
        self.zone = ZoneInfo("UTC")

    # What is shown ------------------------------------------------------------------------------

    def show(self, hits: Sequence[Hit]) -> None:
        """Replaces the ranking, best first; details already known are kept."""
        self._ranked = list(hits)
        self._rank_of = {hit.tracklet_id: rank for rank, hit in enumerate(self._ranked, 1)}
        self._arrange()

    def forget(self) -> None:
        """Empties the gallery and forgets all details: another query, another library."""
        self._details.clear()
        self._stale.clear()
        self._decided.clear()
        self.show([])

    @property
    def order(self) -> GalleryOrder:
        """What the gallery is sorted by."""
        return self._order

    def sort_by(self, order: GalleryOrder) -> None:
        """Sorts again; by time or camera, a hit whose details are not known stands last."""
        if order is not self._order or order is not GalleryOrder.RELEVANCE:
            self._order = order
            self._arrange()

    def _arrange(self) -> None:
        self.beginResetModel()
        if self._order is GalleryOrder.RELEVANCE:
            self._shown = self._ranked
        else:
            key = self._time_key if self._order is GalleryOrder.TIME else self._camera_key
            self._shown = sorted(self._ranked, key=lambda hit: key(hit.tracklet_id))
        self._row_of = {hit.tracklet_id: row for row, hit in enumerate(self._shown)}
        self.endResetModel()

    def _time_key(self, tracklet_id: int) -> tuple[Any, ...]:
        details = self._details.get(tracklet_id)
        if details is None:
            return (2,)
        taken = taken_utc(details)
        if taken is None:
            return (1, details.camera, str(details.video), details.box_time_s)
        return (0, taken, tracklet_id)

    def _camera_key(self, tracklet_id: int) -> tuple[Any, ...]:
        details = self._details.get(tracklet_id)
        if details is None:
            return (1,)
        return (0, details.camera, self._rank_of[tracklet_id])

    # Rows ---------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._shown)

    def hit(self, row: int) -> Hit:
        """The hit of a row."""
        return self._shown[row]

    def row_of(self, tracklet_id: int) -> int | None:
        """The row of a tracklet, or None where it is not among the hits."""
        return self._row_of.get(tracklet_id)

    def rank_of(self, tracklet_id: int) -> int:
        """The place of a tracklet by relevance, from 1."""
        return self._rank_of[tracklet_id]

    def details_of(self, tracklet_id: int) -> HitDetails | None:
        """What a tile shows, or None where it has not been fetched."""
        return self._details.get(tracklet_id)

    def verdict_of(self, tracklet_id: int) -> Verdict | None:
        """What the user decided about this hit and the query, or None."""
        if tracklet_id in self._decided:
            return self._decided[tracklet_id]
        details = self._details.get(tracklet_id)
        return None if details is None else details.verdict

    def without_details(self, rows: Iterable[int] | None = None) -> list[Hit]:
        """Those hits of some rows (default: all) whose details are not known, or out of date."""
        hits = self._shown if rows is None else (self._shown[row] for row in rows)
        return [
            hit
            for hit in hits
            if hit.tracklet_id not in self._details or hit.tracklet_id in self._stale
        ]

    # What arrives -------------------------------------------------------------------------------

    def add_details(self, fetched: Iterable[HitDetails]) -> None:
        """Takes what was fetched and repaints those rows; the order stays."""
        rows = []
        for details in fetched:
            self._details[details.tracklet_id] = details
            self._stale.discard(details.tracklet_id)
            row = self._row_of.get(details.tracklet_id)
            if row is not None:
                rows.append(row)
        if rows:
            self._changed(min(rows), max(rows))

    def expect_verdict(self, tracklet_id: int, verdict: Verdict | None) -> None:
        """Shows a decision before it is stored; no row moves."""
        self._decided[tracklet_id] = verdict
        self.repaint(tracklet_id)

    def settle_verdict(self, tracklet_id: int, verdict: Verdict | None) -> None:
        """A decision is stored, or could not be: this is what holds now."""
        self._decided.pop(tracklet_id, None)
        details = self._details.get(tracklet_id)
        if details is not None:
            self._details[tracklet_id] = replace(details, verdict=verdict)
        self.repaint(tracklet_id)

    def expire(self) -> None:
        """Details are shown on but fetched again when seen: a decision touches names of others."""
        self._stale = set(self._details)

    def repaint(self, tracklet_id: int) -> None:
        """Has one tile painted again."""
        row = self._row_of.get(tracklet_id)
        if row is not None:
            self._changed(row, row)

    def _changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first), self.index(last))

    # Qt's face ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """How many hits there are."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words for tooltips and screen readers; the delegate asks by `hit` and `details_of`."""
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        hit = self._shown[index.row()]
        rank = self._rank_of[hit.tracklet_id]
        details = self._details.get(hit.tracklet_id)
        if role == Qt.ItemDataRole.ToolTipRole and details is not None:
            return plain_tip(tooltip_text(details, hit, rank, self.zone))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            verdict = self.verdict_of(hit.tracklet_id)
            return spoken_text(details, hit, rank, verdict, self.zone)
        return None
