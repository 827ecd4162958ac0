"""Searches that the user made: back and forward through them, and what is kept until next time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.core.queries import SearchFilter
from app.gui.results.gallery_view import Place
from app.gui.results.sought import (
    BoxOfFrame,
    BoxOfPhoto,
    Find,
    PointOfFrame,
    Sought,
    boxed,
    in_photo,
    pointed_at,
    stored_again,
    with_sighting,
)

if TYPE_CHECKING:
    from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """A search as the user left it.

    Attributes:
        where: its filter.
        place: what was selected, and how far the list was scrolled.
    """

    sought: Sought
    where: SearchFilter
    place: Place


class SearchHistory:
    """Searches before and after the one that is shown, of one library."""

    def __init__(self) -> None:
        self._before: list[Visit] = []
        self._after: list[Visit] = []
        self._goal: Visit | None = None
        self._left: Visit | None = None

    def has(self, way: int) -> bool:
        """Whether there is a search before (-1) or after (+1) the one that is shown."""
        return bool(self._ahead(way))

    def set_goal(self, way: int, left: Visit | None = None) -> Visit | None:
        """The next search of a way; it is reached when `arrive` is called. None if there is none.

        Args:
            way: -1 back, +1 forward, 0 to a search of its own.
            left: the search that is shown, before the filter changes.
        """
        if self._goal is None:
            self._left = left
        ahead = self._ahead(way)
        self._goal = ahead[-1] if ahead else None
        return self._goal

    def arrive(self, sought: Sought, left: Visit | None) -> Place:
        """Another search is shown.

        Args:
            sought: whom it is for.
            left: the one that was shown before, if any; that of `set_goal` counts more.

        Returns:
            What was selected in it when it was left; nothing in a new one.
        """
        goal, self._goal = self._goal, None
        for ahead, behind in ((self._before, self._after), (self._after, self._before)):
            if goal is not None and goal in ahead and goal.sought.origin == sought.origin:
                ahead.pop()
                behind += [self._left] if self._left is not None else []
                return goal.place
        if left is not None:
            self._before.append(left)
            self._after.clear()
        return Place()

    def _ahead(self, way: int) -> list[Visit]:
        return {-1: self._before, 1: self._after}.get(way, [])


def written(visit: Visit) -> dict[str, Any] | None:
    """A search in JSON's types; None for one that cannot be made again: of a pasted picture."""
    begun = _begun(visit.sought)
    if begun is None:
        return None
    where, ends = visit.where, (visit.where.from_utc, visit.where.to_utc)
    return {
        "begun": begun,
        "cameras": None if where.camera_ids is None else sorted(where.camera_ids),
        "span": [None if end is None else end.isoformat() for end in ends],
        "chosen": visit.place.chosen_id,
        "scrolled_px": visit.place.scrolled_px,
    }


def read(workspace: Workspace, kept: Mapping[str, Any]) -> tuple[Find, SearchFilter, Place]:
    """What `written` wrote: how to find who is sought, filter, and what was selected.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    cameras, (first, last) = kept["cameras"], kept["span"]
    where = SearchFilter(
        None if cameras is None else frozenset(map(int, cameras)),
        None if first is None else datetime.fromisoformat(first),
        None if last is None else datetime.fromisoformat(last),
    )
    chosen = None if kept["chosen"] is None else int(kept["chosen"])
    place = Place(chosen, is_chosen_in_view=True, scrolled_px=int(kept["scrolled_px"]))
    return _again(workspace, *kept["begun"]), where, place


_KINDS: Mapping[type, str] = {PointOfFrame: "point", BoxOfFrame: "box", BoxOfPhoto: "photo"}


def _begun(sought: Sought) -> list[Any] | None:
    details, begun_with = sought.details, sought.begun_with
    if details is not None:
        return ["sighting", details.tracklet_id, details.first_time_s]
    if begun_with is None:
        return None
    return [_KINDS[type(begun_with)], sought.sighting_id, *begun_with]


def _again(workspace: Workspace, kind: str, *values: Any) -> Find:
    if kind == "sighting":
        tracklet_id, first_time_s = values
        return lambda: stored_again(workspace, tracklet_id, first_time_s)
    sighting_id, *begun = values
    if kind == "photo":
        place = BoxOfPhoto(*begun)
        return lambda: with_sighting(workspace, in_photo(workspace, place), sighting_id)
    if kind == "point":
        point = PointOfFrame(*begun)
        return lambda: with_sighting(workspace, pointed_at(workspace, point), sighting_id)
    if kind == "box":
        drawn = BoxOfFrame(*begun)
        return lambda: with_sighting(workspace, boxed(workspace, drawn), sighting_id)
    raise ValueError(kind)
