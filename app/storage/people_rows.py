"""The part of `Library` that knows what users decide: who is who."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.entities import Decision, Identity, Verdict
from app.core.errors import NotFoundError
from app.core.journal import IdentityChanges, UndoState
from app.language import tr
from app.storage.library_part import LibraryPart, chunks, tracklet_row, video_row
from app.storage.ordering import natural_key
from app.storage.tables import CropRow, DecisionRow, IdentityRow, TrackletRow


class PeopleRows(LibraryPart):
    """Identities and decisions."""

    def identities(self) -> list[Identity]:
        """All confirmed people, by name in natural order."""
        with self._database.reading() as session:
            rows = session.scalars(select(IdentityRow).order_by(IdentityRow.id))
            people = [Identity(row.id, row.name) for row in rows]
        return sorted(people, key=lambda person: natural_key(person.name))

    def create_identity(self, name: str) -> Identity:
        """A new person, to whom no tracklet belongs yet. Two may bear the same name."""
        with self._database.writing() as session:
            row = IdentityRow(name=name)
            session.add(row)
            session.flush()
            return Identity(row.id, row.name)

    def rename_identity(self, identity_id: int, name: str) -> Identity:
        """The person under another name.

        Raises:
            NotFoundError: there is no such person.
        """
        with self._database.writing() as session:
            row = _identity_row(session, identity_id)
            row.name = name
            return Identity(row.id, row.name)

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
            return [Identity(row.id, row.name) for row in rows]

    # Journal ------------------------------------------------------------------------------------

    def record_decision(self, decision: Decision, changes: IdentityChanges) -> None:
        """Notes what the user said of two tracklets, and moves tracklets between identities.

        What was undone before can no longer be redone.

        Raises:
            NotFoundError: one of the two tracklets, or an identity, does not exist.
        """
        if decision.tracklet_id == decision.other_id:
            raise ValueError(f"tracklet {decision.other_id} is always the same as itself")
        with self._database.writing() as session:
            undone = update(DecisionRow).where(DecisionRow.state == "undone")
            session.execute(undone.values(state="dropped"))
            session.add(
                DecisionRow(
                    tracklet_id=decision.tracklet_id,
                    other_id=decision.other_id,
                    verdict=decision.verdict,
                    state="stands",
                    changes=_packed(decision, changes),
                    decided_utc=decision.decided_utc,
                    **_anchor(session, "tracklet", decision.tracklet_id),
                    **_anchor(session, "other", decision.other_id),
                )
            )
            _move(session, {each: after for each, (_, after) in changes.moved.items()})

    def undo_decision(self) -> Decision | None:
        """Takes the latest decision that stands back; None if there is none to take back."""
        with self._database.writing() as session:
            row = _undoable(session)
            if row is None:
                return None
            row.state = "undone"
            decision, changes = _unpacked(row)
            _move(session, {each: before for each, (before, _) in changes.moved.items()})
            return decision

    def redo_decision(self) -> Decision | None:
        """Makes the decision stand again that was undone last; None if there is none."""
        with self._database.writing() as session:
            row = _redoable(session)
            if row is None:
                return None
            row.state = "stands"
            decision, changes = _unpacked(row)
            _move(session, {each: after for each, (_, after) in changes.moved.items()})
            return decision

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


def _packed(decision: Decision, changes: IdentityChanges) -> dict[str, Any]:
    """What undoing needs; with the pair's ids, which the row loses together with the tracklets."""
    return {
        "pair": [int(decision.tracklet_id), int(decision.other_id)],
        "moved": [[int(each), *moved] for each, moved in sorted(changes.moved.items())],
        "created": changes.created_id,
    }


def _unpacked(row: DecisionRow) -> tuple[Decision, IdentityChanges]:
    packed = row.changes
    assert packed is not None, "undoable decisions have changes"
    one, other = packed["pair"]
    moved = {each: (before, after) for each, before, after in packed["moved"]}
    decision = Decision(one, other, cast(Verdict, row.verdict), row.decided_utc)
    return decision, IdentityChanges(moved, packed["created"])


def _move(session: Session, identities: dict[int, int | None]) -> None:
    """Says who tracklets show; those that are gone are left out."""
    for identity_id in set(identities.values()):
        if identity_id is not None:
            _identity_row(session, identity_id)
        moving = [each for each, into in identities.items() if into == identity_id]
        for some in chunks(moving):
            chosen = update(TrackletRow).where(TrackletRow.id.in_(some))
            session.execute(chosen.values(identity_id=identity_id))


def _anchor(session: Session, side: str, tracklet_id: int) -> dict[str, Any]:
    """Whom a decision is about, told without ids: content, time, and box of the thumbnail."""
    tracklet = tracklet_row(session, tracklet_id)
    best = session.scalars(
        select(CropRow).where(CropRow.tracklet_id == tracklet_id, CropRow.is_best)
    ).one()
    return {
        f"{side}_content_hash": video_row(session, tracklet.video_id).content_hash,
        f"{side}_time_s": best.time_s,
        f"{side}_box": best.box,
    }
