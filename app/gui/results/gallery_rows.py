"""What rows the gallery has: headings, and under them tiles of one or several hits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from app.core.queries import Band, Hit
from app.gui.hit_text import clock_text, count_text, day_text, taken_utc, video_time_text
from app.language import tr

if TYPE_CHECKING:
    from app.services.people.catalog import HitDetails

# What was seen within so long is one moment.
_MOMENT = timedelta(seconds=20)


class GalleryOrder(StrEnum):
    """What the gallery is sorted by; under headings for cameras or moments."""

    RELEVANCE = "relevance"
    TIME = "time"
    CAMERA = "camera"
    MOMENT = "moment"


class Shown(StrEnum):
    """Which hits the gallery shows, by what was decided about them."""

    ALL = "all"
    UNDECIDED = "undecided"
    CONFIRMED = "same"
    MAYBE = "maybe"
    REJECTED = "different"
    THINGS = "thing"  # which other searches leave out


@dataclass(frozen=True, slots=True)
class Heading:
    """A row of its own above tiles.

    Attributes:
        key: what it is remembered by while the ranking changes.
        title: what it says.
        count: how many hits are below it; 0 for a remark.
        is_folded: whether they are hidden.
    """

    key: str
    title: str
    count: int = 0
    is_folded: bool = False

    @property
    def text(self) -> str:
        """Title and number."""
        return f"{self.title} · {count_text(self.count)}" if self.count else self.title


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture: a hit, and those like it that are seen at the same moment.

    Attributes:
        hits: the best first.
    """

    hits: tuple[Hit, ...]

    @property
    def hit(self) -> Hit:
        """The best."""
        return self.hits[0]


Row = Heading | Tile
_BANDS = {
    Band.LIKELY: tr("Likely"),
    Band.UNCLEAR: tr("Unclear"),
    Band.UNLIKELY: tr("Unlikely"),
}
_REJECTED = "rejected"
FOLDED_AT_FIRST = frozenset({str(Band.UNLIKELY), _REJECTED})


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """How rows are made of a ranking.

    Attributes:
        order: what tiles are sorted by, and put under headings by.
        shown: which hits are left.
        folded: keys of headings whose hits are hidden.
        unstacked: tracklets whose stack is spread out.
        is_calibrated: False where a remark says that probabilities are missing.
        zone: in which times are told.
    """

    order: GalleryOrder
    shown: Shown
    folded: Collection[str]
    unstacked: Collection[int]
    is_calibrated: bool | None
    zone: ZoneInfo

    def rows(
        self,
        ranked: Sequence[Hit],
        details_of: Callable[[int], HitDetails | None],
        verdict_of: Callable[[int], str | None],
    ) -> list[Row]:
        """All rows, those below folded headings left out.

        Args:
            ranked: best first.
            details_of: what is known of a tracklet; a hit of which nothing is known stands last by
                time, camera and moment.
            verdict_of: what was decided about a tracklet.
        """
        hits = [hit for hit in ranked if self._is_shown(verdict_of(hit.tracklet_id))]
        sections = self._sections(hits, details_of, verdict_of)
        rows: list[Row] = []
        # Where nobody is likely, what there is must be seen.
        open_key = None
        if {key for key, _, _ in sections} <= FOLDED_AT_FIRST:
            open_key = sections[0][0] if sections else None
        for key, title, some in sections:
            if title:
                is_folded = key in self.folded and key != open_key
                heading = Heading(key, title, len(some), is_folded)
                rows.append(heading)
                if heading.is_folded:
                    continue
            rows += _stacked(some, verdict_of, self.unstacked)
        if ranked and not hits:
            rows.append(Heading("remark", tr("No hit has this verdict.")))
        if self.is_calibrated is False and hits:
            # Where bands are missing all hits matter: the remark comes after them.
            rows.append(Heading("remark", tr("Not enough data to tell likely from unlikely.")))
        return rows

    def _is_shown(self, verdict: str | None) -> bool:
        match self.shown:
            case Shown.ALL | Shown.THINGS:
                return True
            case Shown.UNDECIDED:
                return verdict in (None, "open")
        return verdict == self.shown

    def _sections(
        self,
        hits: Sequence[Hit],
        details_of: Callable[[int], HitDetails | None],
        verdict_of: Callable[[int], str | None],
    ) -> list[tuple[str, str, list[Hit]]]:
        """Key, title and sorted hits of each; without a title where there is but one kind."""
        by_band: dict[Band | str, list[Hit]] = defaultdict(list)
        for hit in hits:
            is_rejected = verdict_of(hit.tracklet_id) == Shown.REJECTED
            hidden = is_rejected and self.shown is Shown.ALL
            by_band[_REJECTED if hidden else hit.band or Band.LIKELY].append(hit)
        has_bands = any(hit.band is not None for hit in hits)
        rejected = by_band.pop(_REJECTED, [])
        if self.order in (GalleryOrder.CAMERA, GalleryOrder.MOMENT):
            unlikely = by_band.pop(Band.UNLIKELY, [])
            places = {hit.tracklet_id: place for place, hit in enumerate(hits)}
            rest = sorted(
                (hit for some in by_band.values() for hit in some),
                key=lambda hit: places[hit.tracklet_id],
            )
            grouped = self._by_camera if self.order is GalleryOrder.CAMERA else self._by_moment
            found = grouped(rest, details_of)
            ends = [(str(Band.UNLIKELY), _BANDS[Band.UNLIKELY], unlikely)]
        else:
            found = [
                (str(band), _BANDS[band] if has_bands else "", self._sorted(some, details_of))
                for band in Band
                if (some := by_band.get(band))
            ]
            ends = []
        ends.append((_REJECTED, tr("Rejected"), rejected))
        found += [(key, title, self._sorted(some, details_of)) for key, title, some in ends if some]
        return found

    def _sorted(self, hits: list[Hit], details_of: Callable[[int], HitDetails | None]) -> list[Hit]:
        if self.order is not GalleryOrder.TIME:
            return hits
        return sorted(hits, key=lambda hit: _time_key(details_of(hit.tracklet_id)))

    def _by_camera(
        self, hits: Iterable[Hit], details_of: Callable[[int], HitDetails | None]
    ) -> list[tuple[str, str, list[Hit]]]:
        found: dict[str, list[Hit]] = defaultdict(list)
        for hit in hits:
            details = details_of(hit.tracklet_id)
            found["" if details is None else details.camera].append(hit)
        unknown = found.pop("", [])
        named = [(f"camera:{name}", name, some) for name, some in sorted(found.items())]
        return named + ([("", tr("Not read yet"), unknown)] if unknown else [])

    def _by_moment(
        self, hits: Iterable[Hit], details_of: Callable[[int], HitDetails | None]
    ) -> list[tuple[str, str, list[Hit]]]:
        timed, untimed = [], []
        for hit in hits:
            details = details_of(hit.tracklet_id)
            taken = None if details is None else taken_utc(details)
            if taken is None:
                untimed.append(hit)
            else:
                timed.append((taken, hit))
        timed.sort(key=lambda each: (each[0], each[1].tracklet_id))
        groups: list[list[tuple[Any, Hit]]] = []
        for taken, hit in timed:
            if not groups or taken - groups[-1][-1][0] > _MOMENT:
                groups.append([])
            groups[-1].append((taken, hit))
        found = []
        for group in groups:
            first, last = group[0][0], group[-1][0]
            title = f"{day_text(first, self.zone)} {clock_text(first, self.zone)}"
            if clock_text(last, self.zone) != clock_text(first, self.zone):
                title += f"–{clock_text(last, self.zone)}"
            found.append((f"moment:{first}", title, [hit for _, hit in group]))
        return found + ([("no-clock", tr("no clock"), untimed)] if untimed else [])


def _time_key(details: HitDetails | None) -> tuple[Any, ...]:
    if details is None:
        return (2,)
    taken = taken_utc(details)
    if taken is None:
        return (1, details.camera, str(details.video), details.box_time_s)
    return (0, taken, details.tracklet_id)


def _stacked(
    hits: Sequence[Hit], verdict_of: Callable[[int], str | None], unstacked: Collection[int]
) -> list[Tile]:
    """Hits of one stack and with one verdict join the best of them."""
    found: dict[tuple[int, str | None] | int, list[Hit]] = {}
    for hit in hits:
        spread = hit.stack is None or hit.stack in unstacked
        key = hit.tracklet_id if spread else (hit.stack or 0, verdict_of(hit.tracklet_id))
        found.setdefault(key, []).append(hit)
    return [Tile(tuple(some)) for some in found.values()]


def stack_text(hits: Sequence[Hit], details: Iterable[HitDetails | None]) -> str:
    """Such as "×3 in 2 s"; without the time where it is not known."""
    known = [each for each in details if each is not None]
    if len(known) < len(hits):
        return f"×{len(hits)}"
    first, last = min(each.first_time_s for each in known), max(each.last_time_s for each in known)
    seconds = max(1, round(last - first))
    if seconds < 60:
        return tr("×{count} in {seconds} s", count=len(hits), seconds=seconds)
    return tr("×{count} in {time}", count=len(hits), time=video_time_text(seconds))
