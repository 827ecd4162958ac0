"""What users decide about pairs of tracklets, and the identities that follow from it.

The last word counts. Identities say who is the same: confirming joins two tracklets with all who
are the same as they; rejecting takes the hit, and those confirmed only through it, out again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from itertools import product

import numpy as np

from app.core.clock import format_offset
from app.core.entities import Identity, Tracklet, Verdict
from app.core.errors import NotFoundError, SeenTogetherError, UsageError
from app.core.journal import (
    Decision,
    IdentityChanges,
    PersonEdit,
    PersonField,
    SightingEdit,
    Step,
    UndoState,
)
from app.core.queries import PersonQuery, TrackletQuery
from app.language import listed, tr
from app.services.people.judgement import reachable
from app.storage.library import Library

# What stands around the number in the name of a person whom nobody named.
_BEFORE, _AFTER = tr("Person {number}").split("{number}")
_DEFAULT_NAME = re.compile(rf"{re.escape(_BEFORE)}(\d+){re.escape(_AFTER)}")
Moved = dict[int, tuple[int | None, int | None]]
"""Tracklet id → its identity before and after."""


class People:
    """Records what users decide, each decision in one transaction. Thread-safe.

    Undo and redo go through the journal of the library, as far back as it reaches.

    Args:
        library: what is decided about.
        learn: called with the ids of tracklets that a step back or forth has changed.
    """

    def __init__(
        self, library: Library, learn: Callable[[Sequence[int]], None] = lambda _: None
    ) -> None:
        self.library = library
        self._learn = learn

    # Verdicts -----------------------------------------------------------------------------------

    def confirm(self, query_tracklet_id: int, hit_id: int, *, anyway: bool = False) -> Identity:
        """Both tracklets show the same person; two identities become one.

        Args:
            query_tracklet_id: a sighting of the person.
            hit_id: another one.
            anyway: even if two boxes of one frame would be one person.

        Returns:
            That person: a new one ("Person 3") where neither was known. Of two, the one whom the
            user gave a name stays, else the query's.

        Raises:
            NotFoundError: if one of the tracklets does not exist.
            SeenTogetherError: a frame shows both at once.
        """
        with self.library.transaction():
            query, hit = self._pair(query_tracklet_id, hit_id)
            known = self._known_identity(query, hit)
            sides = [[each, *self._members(each)] for each in (query, hit)]
            if query.identity_id is None or query.identity_id != hit.identity_id:
                self._check_apart(*sides, anyway=anyway)
            identity = known or self._new_identity()
            moved: Moved = {
                member.id: (member.identity_id, identity.id)
                for side in sides
                if side[0].identity_id != identity.id
                for member in side
            }
            self._decide(query, hit, "same", moved, identity if known is None else None)
            return identity

    def reject(self, query_tracklet_id: int, hit_id: int) -> None:
        """The tracklets show different people; if they were the same person, the hit leaves it.

        Raises:
            NotFoundError: if one of the tracklets does not exist.
        """
        self._take_out(query_tracklet_id, hit_id, "different")

    def doubt(self, query_tracklet_id: int, hit_id: int) -> None:
        """The tracklets may show the same person; if they were the same, the hit leaves it.

        Raises:
            NotFoundError: if one of the tracklets does not exist.
        """
        self._take_out(query_tracklet_id, hit_id, "maybe")

    def reopen(self, query_tracklet_id: int, hit_id: int) -> None:
        """Nothing is said about the tracklets any more; if they were the same, the hit leaves it.

        Raises:
            NotFoundError: if one of the tracklets does not exist.
        """
        self._take_out(query_tracklet_id, hit_id, "open")

    def _take_out(self, query_tracklet_id: int, hit_id: int, verdict: Verdict) -> None:
        with self.library.transaction():
            query, hit = self._pair(query_tracklet_id, hit_id)
            together = query.identity_id is not None and query.identity_id == hit.identity_id
            leaving = self._side_of(hit, query) if together else set()
            # One who stands alone is no group, and needs no name.
            created = self._new_identity() if len(leaving) > 1 else None
            into = None if created is None else created.id
            moved: Moved = dict.fromkeys(leaving, (hit.identity_id, into))
            self._decide(query, hit, verdict, moved, created)

    # Whole people -------------------------------------------------------------------------------

    def begin(self, tracklet_id: int) -> Identity:
        """Somebody of whom only pictures were known has a first sighting.

        Returns:
            A new person, or who it is already.

        Raises:
            NotFoundError: if the tracklet does not exist.
        """
        with self.library.transaction():
            known = self.library.tracklet(tracklet_id).identity_id
            if known is not None:
                return self.library.identity(known)
            created = self._new_identity()
            edit = PersonEdit(created.id, "creation", datetime.now(UTC))
            changes = IdentityChanges({tracklet_id: (None, created.id)}, created.id)
            self.library.record_decision(edit, changes)
            return created

    def merge(self, into_id: int, other_id: int, *, anyway: bool = False) -> Identity:
        """Two people are one: all sightings of the other become the first one's.

        Raises:
            NotFoundError: there is no such person.
            UsageError: both are the same, or one has no sightings.
            SeenTogetherError: a frame shows both at once.
        """
        with self.library.transaction():
            into, other = self.library.identity(into_id), self.library.identity(other_id)
            if into == other:
                raise UsageError(tr("{name} is the same person.", name=into.name))
            kept, joining = (self._sightings_of(each) for each in (into, other))
            self._check_apart(kept, joining, anyway=anyway)
            moved: Moved = {each.id: (other.id, into.id) for each in joining}
            self._decide(kept[0], joining[0], "same", moved, None)
            return into

    def split(self, identity_id: int, tracklet_ids: Collection[int], name: str = "") -> Identity:
        """Some sightings of a person show somebody else, who becomes a person.

        Args:
            identity_id: the person.
            tracklet_ids: sightings that leave; at least one stays.
            name: of the new person; else the next "Person 3".

        Raises:
            NotFoundError: there is no such person.
            UsageError: none of the sightings would stay, or one is not the person's.
        """
        with self.library.transaction():
            person = self.library.identity(identity_id)
            leaving = self._chosen(person, tracklet_ids)
            gone = {each.id for each in leaving}
            staying = [each for each in self._sightings_of(person) if each.id not in gone]
            if not staying:
                raise UsageError(
                    tr("{name} must keep at least one sighting.", name=person.name),
                    tr("To change the name of all, rename the person."),
                )
            created = self._new_identity()
            moved: Moved = {each.id: (person.id, created.id) for each in leaving}
            self._decide(staying[0], leaving[0], "different", moved, created)
            return self.name(created.id, name) if name.strip() else created

    def remove(self, identity_id: int, tracklet_id: int) -> None:
        """One sighting does not show the person; it belongs to nobody then.

        Raises:
            NotFoundError: there is no such person.
            UsageError: the sighting is not the person's.
        """
        with self.library.transaction():
            person = self.library.identity(identity_id)
            (leaving,) = self._chosen(person, [tracklet_id])
            staying = [each for each in self._sightings_of(person) if each.id != leaving.id]
            if staying:
                self._decide(
                    staying[0], leaving, "different", {leaving.id: (person.id, None)}, None
                )
            else:
                self.delete(person.id)

    def delete(self, identity_id: int) -> None:
        """The sightings of a person stay; they belong to nobody then.

        Raises:
            NotFoundError: there is no such person.
        """
        with self.library.transaction():
            members = self.library.tracklets_of_person(self.library.identity(identity_id).id)
            edit = PersonEdit(identity_id, "deletion", datetime.now(UTC))
            moved: Moved = {each.id: (identity_id, None) for each in members}
            self.library.record_decision(edit, IdentityChanges(moved))

    def name(self, identity_id: int, name: str) -> Identity:
        """Gives a person a name.

        Raises:
            NotFoundError: if there is no such person.
            UsageError: if the name is empty.
        """
        if not name.strip():
            raise UsageError(tr("A person's name cannot be empty."), tr("Type a name."))
        return self._edit(identity_id, "name", name.strip())

    def mark(self, identity_id: int, colour: str) -> Identity:
        """Gives a person a colour, as ``#rrggbb``; empty takes it away.

        Raises:
            NotFoundError: if there is no such person.
            UsageError: if that is not a colour.
        """
        if colour and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
            raise UsageError(
                tr("{text} is not a colour.", text=colour),
                tr("Write it as #rrggbb, for example #c03060."),
            )
        return self._edit(identity_id, "colour", colour.lower())

    def note(self, identity_id: int, notes: str) -> Identity:
        """Keeps what the user wrote about a person; raises NotFoundError if there is none."""
        return self._edit(identity_id, "notes", notes.strip())

    def _edit(self, identity_id: int, what: PersonField, value: str) -> Identity:
        with self.library.transaction():
            before = getattr(self.library.identity(identity_id), what)
            if before != value:
                edit = PersonEdit(identity_id, what, datetime.now(UTC))
                edited = {(identity_id, what): (before, value)}
                self.library.record_decision(edit, IdentityChanges({}, edited=edited))
            return self.library.identity(identity_id)

    def _sightings_of(self, person: Identity) -> list[Tracklet]:
        members = self.library.tracklets_of_person(person.id)
        if not members:
            raise UsageError(tr("{name} has no sightings.", name=person.name))
        return members

    def _chosen(self, person: Identity, tracklet_ids: Collection[int]) -> list[Tracklet]:
        members = {each.id: each for each in self._sightings_of(person)}
        strangers = [each for each in tracklet_ids if each not in members]
        if strangers or not tracklet_ids:
            raise UsageError(
                tr(
                    "{name} has no sighting {ids}.",
                    name=person.name,
                    ids=listed(map(str, strangers)),
                ),
                tr("Run people show to see the sightings."),
            )
        return [members[each] for each in dict.fromkeys(tracklet_ids)]

    # Journal ------------------------------------------------------------------------------------

    def undo(self) -> Step | None:
        """Takes the last step back and returns it; None if there is none to take back."""
        return self._learnt(self.library.undo_decision())

    def redo(self) -> Step | None:
        """Makes the step again that was undone last and returns it; None if there is none."""
        return self._learnt(self.library.redo_decision())

    def _learnt(self, step: Step | None) -> Step | None:
        if isinstance(step, SightingEdit):
            self._learn(step.tracklet_ids)
        return step

    def undo_state(self) -> UndoState:
        """What `undo` and `redo` would take back and make again."""
        return self.library.undo_state()

    # Who there is -------------------------------------------------------------------------------

    def all(self) -> list[tuple[Identity, int]]:
        """Everybody who has sightings, with how many, by name in natural order."""
        counts = self.library.sightings_by_person()
        return [
            (person, counts[person.id])
            for person in self.library.identities()
            if person.id in counts
        ]

    def query(self, identity_id: int) -> PersonQuery:
        """A search for a person: all sightings are examples, rejected ones are not meant.

        Raises:
            NotFoundError: there is no such person.
            UsageError: the person has no sightings.
        """
        members = [each.id for each in self._sightings_of(self.library.identity(identity_id))]
        shown = tuple(TrackletQuery(each) for each in sorted(members))
        return PersonQuery(shown, self._rejected(members))

    def find(self, name: str) -> Identity:
        """The person of a name, in any letter case, who has sightings.

        Raises:
            NotFoundError: nobody has that name.
        """
        wanted = name.strip().casefold()
        for person, _ in self.all():
            if person.name.casefold() == wanted:
                return person
        raise NotFoundError(
            tr('Nobody in this library is named "{name}".', name=name),
            tr("Run people list to see the names."),
        )

    def query_of(self, tracklet_id: int) -> TrackletQuery | PersonQuery:
        """A search for the person of a tracklet, which is the first example.

        Whoever is the same person is an example, too; whoever was rejected is not meant.

        Raises:
            NotFoundError: there is no such tracklet.
        """
        person = self.library.tracklet(tracklet_id).identity_id
        members = set() if person is None else {each.id for each in self.sightings(person)}
        rejected = self._rejected(members | {tracklet_id})
        shown = [tracklet_id, *sorted(members - {tracklet_id})]
        if len(shown) == 1 and not rejected:
            return TrackletQuery(tracklet_id)
        return PersonQuery(tuple(TrackletQuery(each) for each in shown), rejected)

    def _rejected(self, members: Collection[int]) -> tuple[int, ...]:
        """Who was said to be somebody else than one of these, by the last word about each."""
        latest: dict[int, bool] = {}
        for decision in self.library.decisions():
            others = {decision.tracklet_id, decision.other_id} - set(members)
            if len(others) == 1:
                latest[others.pop()] = decision.verdict == "different"
        return tuple(sorted(each for each, is_other in latest.items() if is_other))

    def is_known(self, name: str) -> bool:
        """Whether somebody with sightings has that name, in any letter case."""
        wanted = name.strip().casefold()
        return any(person.name.casefold() == wanted for person, _ in self.all())

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
        """All of the tracklet's identity."""
        if tracklet.identity_id is None:
            return []
        return self.library.tracklets_of_person(tracklet.identity_id)

    def _check_apart(
        self, ones: Collection[Tracklet], others: Collection[Tracklet], *, anyway: bool
    ) -> None:
        """Raises SeenTogetherError if a frame shows one of each; `anyway`: does nothing."""
        for one, other in () if anyway else product(ones, others):
            if one.video_id != other.video_id or one.id == other.id:
                continue
            if one.first_time_s > other.last_time_s or other.first_time_s > one.last_time_s:
                continue
            first, second = (self.library.trajectory(each.id) for each in (one, other))
            both, places, _ = np.intersect1d(
                first.frame_index, second.frame_index, return_indices=True
            )
            if len(both):
                raise SeenTogetherError(
                    tr(
                        "{video} shows both at once, at {time}: two boxes of one frame are "
                        "rarely one person.",
                        video=self.library.video(one.video_id).path.name,
                        time=format_offset(float(first.time_s[places[0]])),
                    ),
                    tr("Look at that moment; if both boxes are the same person, add --anyway."),
                )

    def _side_of(self, hit: Tracklet, query: Tracklet) -> set[int]:
        """The hit and those of its identity who are confirmed only through it, not the query."""
        members = {each.id for each in self._members(hit)}
        links = [
            frozenset((decision.tracklet_id, decision.other_id))
            for decision in self.library.decisions()
            if decision.verdict == "same"
        ]
        links = [link for link in links if link <= members]
        staying = reachable(query.id, [link for link in links if hit.id not in link])
        through_hit = reachable(hit.id, [link for link in links if query.id not in link])
        return through_hit - staying

    def _decide(
        self,
        query: Tracklet,
        hit: Tracklet,
        verdict: Verdict,
        moved: Moved,
        created: Identity | None,
    ) -> None:
        decision = Decision(query.id, hit.id, verdict, datetime.now(UTC))
        changes = IdentityChanges(moved, None if created is None else created.id)
        self.library.record_decision(decision, changes)
