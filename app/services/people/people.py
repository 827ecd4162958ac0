"""What users decide about pairs of tracklets, and the identities that follow from it.

The last word counts. Identities say who is the same: confirming joins two tracklets with all who
are the same as they; rejecting takes the hit, and those confirmed only through it, out again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.entities import Decision, Identity, Tracklet, Verdict
from app.core.errors import NotFoundError, UsageError
from app.core.journal import IdentityChanges, UndoState
from app.language import tr
from app.storage.library import Library

# What stands around the number in the name of a person whom nobody named.
_BEFORE, _AFTER = tr("Person {number}").split("{number}")
_DEFAULT_NAME = re.compile(rf"{re.escape(_BEFORE)}(\d+){re.escape(_AFTER)}")
Group = tuple[str, int]
"""All tracklets of an identity, or one that has none."""


class People:
    """Records what users decide, each decision in one transaction. Thread-safe.

    Undo and redo go through the journal of the library, as far back as it reaches.
    """

    def __init__(self, library: Library) -> None:
        self.library = library

    def confirm(self, query_tracklet_id: int, hit_id: int) -> Identity:
        """Both tracklets show the same person; two identities become one.

        Returns:
            That person: a new one ("Person 3") where neither was known. Of two, the one whom the
            user gave a name stays, else the query's.

        Raises:
            NotFoundError: if one of the tracklets does not exist.
        """
        with self.library.transaction():
            query, hit = self._pair(query_tracklet_id, hit_id)
            known = self._known_identity(query, hit)
            identity = known or self._new_identity()
            joining = [each for each in (query, hit) if each.identity_id != identity.id]
            moved: dict[int, tuple[int | None, int | None]] = {
                member.id: (member.identity_id, identity.id)
                for each in joining
                for member in (each, *self._members(each))
            }
            self._decide(query, hit, "same", moved, identity if known is None else None)
            return identity

    def reject(self, query_tracklet_id: int, hit_id: int) -> None:
        """The tracklets show different people; if they were the same person, the hit leaves it.

        Raises:
            NotFoundError: if one of the tracklets does not exist.
        """
        with self.library.transaction():
            query, hit = self._pair(query_tracklet_id, hit_id)
            together = query.identity_id is not None and query.identity_id == hit.identity_id
            leaving = self._side_of(hit, query) if together else set()
            # One who stands alone is no group, and needs no name.
            created = self._new_identity() if len(leaving) > 1 else None
            into = None if created is None else created.id
            moved = dict.fromkeys(leaving, (hit.identity_id, into))
            self._decide(query, hit, "different", moved, created)

    def undo(self) -> Decision | None:
        """Takes the last decision back and returns it; None if there is none to take back."""
        return self.library.undo_decision()

    def redo(self) -> Decision | None:
        """Makes the decision again that was undone last and returns it; None if there is none."""
        return self.library.redo_decision()

    def undo_state(self) -> UndoState:
        """What `undo` and `redo` would take back and make again."""
        return self.library.undo_state()

    def name(self, identity_id: int, name: str) -> Identity:
        """Gives a person a name.

        Raises:
            NotFoundError: if there is no such person.
            UsageError: if the name is empty.
        """
        if not name.strip():
            raise UsageError(tr("A person's name cannot be empty."), tr("Type a name."))
        return self.library.rename_identity(identity_id, name.strip())

    def find(self, name: str) -> Identity:
        """The person of a name, in any letter case, who has sightings.

        Raises:
            NotFoundError: nobody has that name.
        """
        wanted = name.strip().casefold()
        for identity in self.library.identities():
            if identity.name.casefold() == wanted and self.sightings(identity.id):
                return identity
        raise NotFoundError(
            tr('Nobody in this library is named "{name}".', name=name),
            tr("Run people list to see the names."),
        )

    def sightings(self, identity_id: int) -> list[Tracklet]:
        """The tracklets that were confirmed to show a person, by video and time."""
        return self.library.tracklets_of_person(identity_id)

    def _pair(self, query_tracklet_id: int, hit_id: int) -> tuple[Tracklet, Tracklet]:
        if query_tracklet_id == hit_id:
            raise ValueError(f"tracklet {hit_id} cannot be compared with itself")
        return self.library.tracklet(query_tracklet_id), self.library.tracklet(hit_id)

    def _known_identity(self, query: Tracklet, hit: Tracklet) -> Identity | None:
        """Who stays when both become one: someone with a name, else the query's identity."""
        people = {identity.id: identity for identity in self.library.identities()}
        candidates = [people[each.identity_id] for each in (query, hit) if each.identity_id]
        named = [each for each in candidates if not _DEFAULT_NAME.fullmatch(each.name)]
        return next(iter(named or candidates), None)

    def _new_identity(self) -> Identity:
        for spare in self.library.spare_identities():
            if _DEFAULT_NAME.fullmatch(spare.name):
                return spare
        names = [identity.name for identity in self.library.identities()]
        numbers = [int(match[1]) for name in names if (match := _DEFAULT_NAME.fullmatch(name))]
        return self.library.create_identity(
            tr("Person {number}", number=max(numbers, default=0) + 1)
        )

    def _members(self, tracklet: Tracklet) -> list[Tracklet]:
        """Those of the tracklet's identity; nobody gets there but by a decision."""
        if tracklet.identity_id is None:
            return []
        decided = _decided(self.library, self.library.decisions())
        return [each for each in decided if each.identity_id == tracklet.identity_id]

    def _side_of(self, hit: Tracklet, query: Tracklet) -> set[int]:
        """The hit and those of its identity who are confirmed only through it, not the query."""
        members = {each.id for each in self._members(hit)}
        links = [
            frozenset((decision.tracklet_id, decision.other_id))
            for decision in self.library.decisions()
            if decision.verdict == "same"
        ]
        links = [link for link in links if link <= members]
        staying = _reachable(query.id, [link for link in links if hit.id not in link])
        through_hit = _reachable(hit.id, [link for link in links if query.id not in link])
        return through_hit - staying

    def _decide(
        self,
        query: Tracklet,
        hit: Tracklet,
        verdict: Verdict,
        moved: dict[int, tuple[int | None, int | None]],
        created: Identity | None,
    ) -> None:
        decision = Decision(query.id, hit.id, verdict, datetime.now(UTC))
        changes = IdentityChanges(moved, None if created is None else created.id)
        self.library.record_decision(decision, changes)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What holds between one tracklet and any other.

    Whoever shares its identity is the same. Someone rejected for one of its identity, or whose
    identity was, is different.

    Attributes:
        tracklet_id: the tracklet.
        group: whom it belongs to.
        rejected: groups that are somebody else.
    """

    tracklet_id: int
    group: Group
    rejected: frozenset[Group]

    def of(self, tracklet_id: int, identity_id: int | None) -> Verdict | None:
        """The verdict about another tracklet of an identity; None where nothing was decided."""
        if tracklet_id == self.tracklet_id:
            return None
        group = _group(tracklet_id, identity_id)
        if group == self.group:
            return "same"
        return "different" if group in self.rejected else None


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
    rejected = frozenset(group for group, verdict in latest.items() if verdict == "different")
    return Judgement(tracklet_id, own, rejected)


def _group(tracklet_id: int, identity_id: int | None) -> Group:
    """The tracklet's identity; one that has none is a group of its own."""
    return ("tracklet", tracklet_id) if identity_id is None else ("identity", identity_id)


def _decided(library: Library, decisions: Iterable[Decision]) -> list[Tracklet]:
    """Every tracklet that a decision names."""
    return library.tracklets(
        sorted({each for d in decisions for each in (d.tracklet_id, d.other_id)})
    )


def _reachable(start: int, links: Collection[frozenset[int]]) -> set[int]:
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
