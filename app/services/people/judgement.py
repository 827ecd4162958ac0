"""What holds between one tracklet and all others, by what the user has decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.core.entities import Verdict
from app.storage.library import Library

Group = tuple[str, int]
"""All tracklets of an identity, or one that has none."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What holds between one tracklet and any other.

    Whoever shares its identity is the same. Someone rejected for one of its identity, or whose
    identity was, is different.

    Attributes:
        tracklet_id: the tracklet.
        group: whom it belongs to.
        said: the last word about other groups: rejected, or left for later.
    """

    tracklet_id: int
    group: Group
    said: Mapping[Group, Verdict]

    def of(self, tracklet_id: int, identity_id: int | None) -> Verdict | None:
        """The verdict about another tracklet of an identity; None where nothing was decided."""
        if tracklet_id == self.tracklet_id:
            return None
        group = _group(tracklet_id, identity_id)
        if group == self.group:
            return "same"
        return self.said.get(group)


def judgement_about(library: Library, tracklet_id: int) -> Judgement:
    """What was decided by now about a tracklet; it need not exist any more."""
    decisions = library.decisions()
    named = {each for d in decisions for each in (d.tracklet_id, d.other_id)}
    identity_ids = library.identity_ids(named | {tracklet_id})
    group_of = {each: _group(each, identity) for each, identity in identity_ids.items()}
    own = group_of.get(tracklet_id, _group(tracklet_id, None))
    latest: dict[Group, Verdict] = {}
    for decision in decisions:
        # A tracklet may have been deleted since the decisions were read.
        pair = group_of.get(decision.tracklet_id), group_of.get(decision.other_id)
        for one, other in (pair, pair[::-1]):
            if one == own and other is not None:
                latest[other] = decision.verdict
    kept = {group: said for group, said in latest.items() if said in ("different", "maybe")}
    return Judgement(tracklet_id, own, kept)


def _group(tracklet_id: int, identity_id: int | None) -> Group:
    """The tracklet's identity; one that has none is a group of its own."""
    return ("tracklet", tracklet_id) if identity_id is None else ("identity", identity_id)


def reachable(start: int, links: Collection[frozenset[int]]) -> set[int]:
    """Everyone joined to `start` by links, itself included."""
    reached = {start}
    frontier = [start]
    while frontier:
        here = frontier.pop()
        for link in links:
            if here in link:
                frontier += link - reached
                reached |= link
    return reached
