"""The item model of the result gallery: rows in order; what a tile shows comes when it is seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.core.entities import Verdict
from app.core.queries import Hit
from app.gui.hit_text import spoken_text, tooltip_text
from app.gui.results.gallery_rows import (
    FOLDED_AT_FIRST,
    Arrangement,
    GalleryOrder,
    Heading,
    Row,
    Shown,
    Tile,
    stack_text,
)
from app.gui.widgets.plain import plain_tip
from app.language import tr

if TYPE_CHECKING:
    from app.services.people.catalog import HitDetails

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class GalleryModel(QAbstractListModel):
    """Thousands of hits; only those that were seen carry details.

    Rows are headings and tiles. They are arranged when a ranking comes or the user asks for another
    order; verdicts and details that come in between change no row, so that nothing moves under the
    pointer.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ranked: list[Hit] = []
        self._rows: list[Row] = []
        self._row_of: dict[int, int] = {}
        self._rank_of: dict[int, int] = {}
        self._details: dict[int, HitDetails] = {}
        self._stale: set[int] = set()
        self._decided: dict[int, Verdict | None] = {}
        self._things: dict[int, bool] = {}  # said, and perhaps not stored yet
        self._arranged_by: dict[int, str | None] = {}  # verdicts, by which rows are arranged
        self._order = GalleryOrder.RELEVANCE
        self._shown = Shown.ALL
        self._folded = set(FOLDED_AT_FIRST)
        self._unstacked: set[int] = set()
        self._is_calibrated: bool | None = None
        self.zone = ZoneInfo("UTC")

    # What is shown ------------------------------------------------------------------------------

    def show(self, hits: Sequence[Hit], *, is_calibrated: bool | None = None) -> None:
        """Replaces the ranking, best first; details already known are kept.

        Args:
            hits: the ranking.
            is_calibrated: whether hits have a probability; None: that is not known yet.
        """
        self._ranked = list(hits)
        self._rank_of = {hit.tracklet_id: rank for rank, hit in enumerate(self._ranked, 1)}
        self._is_calibrated = is_calibrated
        self.arrange()

    def forget(self) -> None:
        """Empties the gallery and forgets all details: another query, another library."""
        self._details.clear()
        self._stale.clear()
        self._decided.clear()
        self._things.clear()
        self._unstacked.clear()
        self.show([])

    @property
    def order(self) -> GalleryOrder:
        """What the gallery is sorted by."""
        return self._order

    def sort_by(self, order: GalleryOrder) -> None:
        """Sorts again; by time or camera, a hit whose details are not known stands last."""
        depends = order is not GalleryOrder.RELEVANCE or self._shown is not Shown.ALL
        if order is not self._order or depends:
            self._order = order
            self.arrange()

    def show_only(self, shown: Shown) -> None:
        """Shows only hits about which this was decided."""
        if shown is not self._shown:
            self._shown = shown
            self.arrange()

    @property
    def shown(self) -> Shown:
        """Which hits are shown."""
        return self._shown

    def arrange(self) -> None:
        """Makes the rows anew, by what is decided and known by now."""
        ids = [hit.tracklet_id for hit in self._ranked]
        self._arranged_by = {each: self.verdict_of(each) for each in ids}
        self._make_rows()

    def toggle(self, row: int) -> None:
        """Folds or unfolds what is below a heading, or spreads out a stack; nothing else moves."""
        match self._rows[row]:
            case Heading(key=key, count=count) if count:
                self._folded ^= {key}
            case Tile(hits=hits) if len(hits) > 1:
                self._unstacked.add(hits[0].stack or 0)
            case _:
                return
        self._make_rows()

    def _make_rows(self) -> None:
        arrangement = Arrangement(
            self._order,
            self._shown,
            frozenset(self._folded),
            frozenset(self._unstacked),
            self._is_calibrated,
            self.zone,
        )
        self.beginResetModel()
        self._rows = arrangement.rows(self._ranked, self._details.get, self._arranged_by.get)
        self._row_of = {
            hit.tracklet_id: number
            for number, row in enumerate(self._rows)
            if isinstance(row, Tile)
            for hit in row.hits
        }
        self.endResetModel()

    def next_open(self, row: int) -> int | None:
        """The next tile after a row whose best hit is undecided, or None."""
        for following in range(row + 1, len(self._rows)):
            tile = self._rows[following]
            if not isinstance(tile, Tile) or not self.is_person(tile.hit.tracklet_id):
                continue
            if self.verdict_of(tile.hit.tracklet_id) is None:
                return following
        return None

    def tile_beside(self, row: int, way: int) -> int | None:
        """The row of the tile after (1) or before (-1) a row, or None; after no row, the first."""
        following = range(row + 1, len(self._rows))
        rows = range(row - 1, -1, -1) if way < 0 <= row else following
        return next((each for each in rows if isinstance(self._rows[each], Tile)), None)

    def has_order(self, hits: Sequence[Hit]) -> bool:
        """Whether a ranking has the order that is shown."""
        return [hit.tracklet_id for hit in hits] == [hit.tracklet_id for hit in self._ranked]

    # Rows ---------------------------------------------------------------------------------------

    def ranking(self) -> Sequence[Hit]:
        """All hits, best first, hidden ones included."""
        return self._ranked

    def __len__(self) -> int:
        """How many hits there are, hidden ones included."""
        return len(self._ranked)

    def at(self, row: int) -> Row:
        """The heading or tile of a row."""
        return self._rows[row]

    def hit(self, row: int) -> Hit:
        """The best hit of a tile's row."""
        tile = self._rows[row]
        assert isinstance(tile, Tile), "a heading is no hit"
        return tile.hit

    def headings(self) -> list[bool]:
        """Of each row, whether it is a heading."""
        return [isinstance(row, Heading) for row in self._rows]

    def stack_words(self, tile: Tile) -> str:
        """How many hits a tile stands for, and for how long; empty for one."""
        if len(tile.hits) == 1:
            return ""
        return stack_text(tile.hits, [self._details.get(hit.tracklet_id) for hit in tile.hits])

    def row_of(self, tracklet_id: int) -> int | None:
        """The row of a tracklet, or None where it is hidden or not among the hits."""
        return self._row_of.get(tracklet_id)

    def hit_of(self, tracklet_id: int) -> Hit:
        """The hit of a tracklet."""
        return self._ranked[self._rank_of[tracklet_id] - 1]

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

    def is_person(self, tracklet_id: int) -> bool:
        """Whether a hit shows a person, as far as the user has not said that it is a thing."""
        details = self._details.get(tracklet_id)
        return not self._things.get(tracklet_id, details is not None and not details.is_person)

    def expect_thing(self, tracklet_id: int, is_thing: bool) -> None:
        """Shows that a hit is a thing, or none, before that is stored."""
        self._things[tracklet_id] = is_thing
        self.repaint(tracklet_id)

    def without_details(self, rows: Iterable[int] | None = None) -> list[Hit]:
        """Those hits of some rows (default: all) whose details are not known, or out of date.

        Judged ones that are out of date are among them wherever they are: they may be folded away
        for a verdict that no longer holds.
        """
        there = self._ranked if rows is None else self.hits_in(rows)
        missing = [
            hit
            for hit in there
            if hit.tracklet_id not in self._details or hit.tracklet_id in self._stale
        ]
        if rows is not None and self._stale:
            known = {hit.tracklet_id for hit in missing}
            judged = {each for each in self._stale - known if self._details[each].verdict}
            missing += [hit for hit in self._ranked if hit.tracklet_id in judged]
        return missing

    def hits_in(self, rows: Iterable[int]) -> list[Hit]:
        """All hits of the tiles among some rows."""
        there = (self._rows[row] for row in rows if row < len(self._rows))
        return [hit for row in there if isinstance(row, Tile) for hit in row.hits]

    # What arrives -------------------------------------------------------------------------------

    def add_details(self, fetched: Iterable[HitDetails]) -> None:
        """Takes what was fetched and repaints those rows; the order stays.

        Of hits that nothing was known of, those that turn out to be rejected go where they belong.
        """
        rows = []
        is_rejected_new = False
        for details in fetched:
            if details.tracklet_id not in self._details and details.verdict == "different":
                self._arranged_by[details.tracklet_id] = details.verdict
                is_rejected_new = True
            self._details[details.tracklet_id] = details
            self._stale.discard(details.tracklet_id)
            row = self._row_of.get(details.tracklet_id)
            if row is not None:
                rows.append(row)
        if is_rejected_new:
            self._make_rows()
        elif rows:
            self._changed(min(rows), max(rows))

    def expect_verdict(self, tracklet_id: int, verdict: Verdict | None) -> None:
        """Shows a decision before it is stored; no row moves."""
        self._decided[tracklet_id] = None if verdict == "open" else verdict
        self.repaint(tracklet_id)

    def settle_verdict(self, tracklet_id: int, verdict: Verdict | None) -> None:
        """A decision is stored, or could not be: this is what holds now."""
        self._decided.pop(tracklet_id, None)
        details = self._details.get(tracklet_id)
        if details is not None:
            known = None if verdict == "open" else verdict
            self._details[tracklet_id] = replace(details, verdict=known)
        self.repaint(tracklet_id)

    def expire(self) -> None:
        """Details are shown on but fetched again when seen: a decision touches names of others."""
        self._stale = set(self._details)
        self._things.clear()

    def repaint(self, tracklet_id: int) -> None:
        """Has one tile painted again."""
        row = self._row_of.get(tracklet_id)
        if row is not None:
            self._changed(row, row)

    def _changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first), self.index(last))

    # Qt's face ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """How many headings and tiles there are."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words for tooltips and screen readers; the delegate asks by `at` and `details_of`."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        spoken = role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        if isinstance(row, Heading):
            return _spoken_heading(row) if spoken else None
        rank = self._rank_of[row.hit.tracklet_id]
        details = self._details.get(row.hit.tracklet_id)
        if role == Qt.ItemDataRole.ToolTipRole and details is not None:
            return plain_tip(tooltip_text(details, row.hit, rank, self.zone))
        if spoken:
            verdict = self.verdict_of(row.hit.tracklet_id)
            said = verdict if self.is_person(row.hit.tracklet_id) else "thing"
            words = spoken_text(details, row.hit, rank, said, self.zone)
            stack = self.stack_words(row)
            return f"{words}, {stack}" if stack else words
        return None


def _spoken_heading(heading: Heading) -> str:
    if not heading.count:
        return heading.title
    text = tr("{heading}, folded") if heading.is_folded else tr("{heading}, unfolded")
    return text.format(heading=heading.text)
