"""The part of `Library` that knows what users decide: who is who."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.entities import Identity, Verdict
from app.core.errors import NotFoundError
from app.core.journal import (
    Decision,
    IdentityChanges,
    PersonEdit,
    PersonField,
    SightingEdit,
    Step,
    UndoState,
)
from app.language import tr
from app.storage.library_part import LibraryPart, chunks, tracklet_row, video_row
from app.storage.ordering import natural_key
from app.storage.split_rows import join, packed_split, split, unpacked_split
from app.storage.tables import CropRow, DecisionRow, IdentityRow, TrackletRow


class PeopleRows(LibraryPart):
    """Identities, and the journal of what was said and changed about them."""

    def identities(self) -> list[Identity]:
        """All confirmed people, by name in natural order."""
        with self._database.reading() as session:
            rows = session.scalars(select(IdentityRow).order_by(IdentityRow.id))
            people = [_identity(row) for row in rows]
        return sorted(people, key=lambda person: natural_key(person.name))

    def create_identity(self, name: str) -> Identity:
        """A new person, to whom no tracklet belongs yet. Two may bear the same name."""
        with self._database.writing() as session:
            row = IdentityRow(name=name)
            session.add(row)
            session.flush()
            return _identity(row)

    def identity(self, identity_id: int) -> Identity:
        """A person.

        Raises:
            NotFoundError: there is no such person.
        """
        with self._database.reading() as session:
            return _identity(_identity_row(session, identity_id))

    def identity_ids(self, tracklet_ids: Collection[int]) -> dict[int, int | None]:
        """Who each tracklet was confirmed to be, None for nobody; unknown ids are left out."""
        wanted = [int(tracklet_id) for tracklet_id in tracklet_ids]
        query = select(TrackletRow.id, TrackletRow.identity_id)
        with self._database.reading() as session:
            return {
                row.id: row.identity_id
                for some in chunks(wanted)
                for row in session.execute(query.where(TrackletRow.id.in_(some)))
            }

    def spare_identities(self) -> list[Identity]:
        """People without tracklets whom a decision made that was taken back, the oldest first."""
        created = DecisionRow.changes["created"].as_integer()
        made = select(created).where(created.is_not(None))
        taken = select(TrackletRow.identity_id).where(TrackletRow.identity_id.is_not(None))
        query = select(IdentityRow).where(
            IdentityRow.id.in_(made.where(DecisionRow.state != "stands")),
            IdentityRow.id.not_in(made.where(DecisionRow.state == "stands")),
            IdentityRow.id.not_in(taken),
        )
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(IdentityRow.id))
            return [_identity(row) for row in rows]

    # Journal ------------------------------------------------------------------------------------

    def record_decision(self, step: Step, changes: IdentityChanges) -> None:
        """Notes what the user said or changed, and does to identities what follows from it.

        What was undone before can no longer be redone.

        Raises:
            NotFoundError: one of the tracklets, or an identity, does not exist.
        """
        if isinstance(step, Decision) and step.tracklet_id == step.other_id:
            raise ValueError(f"tracklet {step.other_id} is always the same as itself")
        with self._database.writing() as session:
            undone = update(DecisionRow).where(DecisionRow.state == "undone")
            session.execute(undone.values(state="dropped"))
            row = DecisionRow(
                state="stands", changes=_packed(step, changes), decided_utc=step.decided_utc
            )
            if isinstance(step, Decision):
                row.verdict = step.verdict
                row.tracklet_id, row.other_id = step.tracklet_id, step.other_id
                _set_anchor(session, row, "tracklet", step.tracklet_id)
                _set_anchor(session, row, "other", step.other_id)
            else:
                if isinstance(step, PersonEdit):
                    _identity_row(session, step.identity_id)
                row.verdict = step.what
            session.add(row)
            _apply(session, changes, forward=True)

    def undo_decision(self) -> Step | None:
        """Takes the latest step that stands back; None if there is none to take back."""
        with self._database.writing() as session:
            row = _undoable(session)
            if row is None:
                return None
            row.state = "undone"
            step, changes = _unpacked(row)
            _apply(session, changes, forward=False)
            return step

    def redo_decision(self) -> Step | None:
        """Makes the step stand again that was undone last; None if there is none."""
        with self._database.writing() as session:
            row = _redoable(session)
            if row is None:
                return None
            row.state = "stands"
            step, changes = _unpacked(row)
            if isinstance(step, Decision):
                # It lost a tracklet that was taken back with a split, and is there again.
                known = select(TrackletRow.id)
                for name in ("tracklet_id", "other_id"):
                    same = known.where(TrackletRow.id == getattr(step, name))
                    setattr(row, name, session.scalar(same))
            _apply(session, changes, forward=True)
            return step

    def undo_state(self) -> UndoState:
        """What `undo_decision` and `redo_decision` would take back and make again."""
        with self._database.reading() as session:
            undoable, redoable = _undoable(session), _redoable(session)
            return UndoState(
                None if undoable is None else _unpacked(undoable)[0],
                None if redoable is None else _unpacked(redoable)[0],
            )

    def misplaced_tracklets(self) -> dict[int, int | None]:
        """Tracklets whose identity is not what the journal says, with what it says."""
        replayed: dict[int, int | None] = {}
        query = select(DecisionRow).where(DecisionRow.changes.is_not(None))
        with self._database.reading() as session:
            for row in session.scalars(query.order_by(DecisionRow.id)):
                _, changes = _unpacked(row)
                for tracklet_id, (before, after) in changes.moved.items():
                    replayed.setdefault(tracklet_id, before)  # as it was before any decision
                    if row.state == "stands":
                        replayed[tracklet_id] = after
        now = self.identity_ids(replayed)
        return {each: replayed[each] for each in now if now[each] != replayed[each]}

    def restore_identities(self, identities: dict[int, int | None]) -> None:
        """Says who tracklets show, as the journal has it."""
        with self._database.writing() as session:
            _move(session, identities)

    def decisions(self) -> list[Decision]:
        """The last word about each pair of tracklets that exist, the latest last."""
        query = (
            select(
                DecisionRow.tracklet_id,
                DecisionRow.other_id,
                DecisionRow.verdict,
                DecisionRow.decided_utc,
            )
            .where(
                DecisionRow.state == "stands",
                DecisionRow.tracklet_id.is_not(None),
                DecisionRow.other_id.is_not(None),
            )
            .order_by(DecisionRow.id)
        )
        latest: dict[frozenset[int], Decision] = {}
        with self._database.reading() as session:
            for one, other, verdict, decided in session.execute(query):
                pair = frozenset((cast(int, one), cast(int, other)))
                latest.pop(pair, None)
                latest[pair] = Decision(
                    cast(int, one), cast(int, other), cast(Verdict, verdict), decided
                )
        return list(latest.values())


def _identity(row: IdentityRow) -> Identity:
    return Identity(row.id, row.name, row.colour, row.notes)


def _identity_row(session: Session, identity_id: int) -> IdentityRow:
    row = session.get(IdentityRow, identity_id)
    if row is None:
        raise NotFoundError(
            tr("There is no person {identity_id} in this library.", identity_id=identity_id)
        )
    return row


def _undoable(session: Session) -> DecisionRow | None:
    """The latest decision that stands, unless it is of before there was a journal."""
    query = select(DecisionRow).where(DecisionRow.state == "stands")
    row = session.scalar(query.order_by(DecisionRow.id.desc()).limit(1))
    return None if row is None or row.changes is None else row


def _redoable(session: Session) -> DecisionRow | None:
    query = select(DecisionRow).where(DecisionRow.state == "undone")
    return session.scalar(query.order_by(DecisionRow.id).limit(1))


def _packed(step: Step, changes: IdentityChanges) -> dict[str, Any]:
    """What undoing needs; with the pair's ids, which the row loses together with the tracklets."""
    about: dict[str, Any]
    if isinstance(step, Decision):
        about = {"pair": [int(step.tracklet_id), int(step.other_id)]}
    elif isinstance(step, PersonEdit):
        about = {"person": step.identity_id}
    else:
        about = {"sightings": list(map(int, step.tracklet_ids))}
    return about | {
        "people": [[int(each), *values] for each, values in sorted(changes.people.items())],
        "moved": [[int(each), *moved] for each, moved in sorted(changes.moved.items())],
        "split": None if changes.split is None else packed_split(changes.split),
        "created": changes.created_id,
        "edited": [[*key, *values] for key, values in sorted(changes.edited.items())],
    }


def _unpacked(row: DecisionRow) -> tuple[Step, IdentityChanges]:
    packed = row.changes
    assert packed is not None, "undoable decisions have changes"
    step: Step
    if "pair" in packed:
        one, other = packed["pair"]
        step = Decision(one, other, cast(Verdict, row.verdict), row.decided_utc)
    elif "person" in packed:
        step = PersonEdit(packed["person"], cast(Any, row.verdict), row.decided_utc)
    else:
        step = SightingEdit(tuple(packed["sightings"]), cast(Any, row.verdict), row.decided_utc)
    moved = {each: (before, after) for each, before, after in packed["moved"]}
    edited: dict[tuple[int, PersonField], tuple[str, str]] = {
        (identity_id, name): (before, after)
        for identity_id, name, before, after in packed.get("edited", ())
    }
    people = {each: (before, after) for each, before, after in packed.get("people", ())}
    cut = packed.get("split")
    change = None if cut is None else unpacked_split(cut)
    return step, IdentityChanges(moved, packed["created"], edited, people, change)


def _apply(session: Session, changes: IdentityChanges, *, forward: bool) -> None:
    side = int(forward)
    for (identity_id, name), values in changes.edited.items():
        setattr(_identity_row(session, identity_id), name, values[side])
    _move(session, {each: moved[side] for each, moved in changes.moved.items()})
    for tracklet_id, people in changes.people.items():
        chosen = update(TrackletRow).where(TrackletRow.id == tracklet_id)
        session.execute(chosen.values(is_person=people[side]))
    if changes.split is not None:
        (split if forward else join)(session, changes.split)


def _move(session: Session, identities: dict[int, int | None]) -> None:
    """Says who tracklets show; those that are gone are left out."""
    for identity_id in set(identities.values()):
        if identity_id is not None:
            _identity_row(session, identity_id)
        moving = [each for each, into in identities.items() if into == identity_id]
        for some in chunks(moving):
            chosen = update(TrackletRow).where(TrackletRow.id.in_(some))
            session.execute(chosen.values(identity_id=identity_id))


def _set_anchor(session: Session, row: DecisionRow, side: str, tracklet_id: int) -> None:
    """Whom a decision is about, told without ids: content, time, and box of the thumbnail."""
    tracklet = tracklet_row(session, tracklet_id)
    best = session.scalars(
        select(CropRow).where(CropRow.tracklet_id == tracklet_id, CropRow.is_best)
    ).one()
    setattr(row, f"{side}_content_hash", video_row(session, tracklet.video_id).content_hash)
    setattr(row, f"{side}_time_s", best.time_s)
    setattr(row, f"{side}_box", best.box)
