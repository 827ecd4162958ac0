"""The part of `Library` that knows what users decide: who is who."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from app.core.entities import Decision, Identity, Verdict
from app.core.errors import NotFoundError
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

    def assign_identity(self, tracklet_ids: Sequence[int], identity_id: int | None) -> None:
        """Says who the tracklets show; None takes it back. Unknown tracklets are left out.

        Raises:
            NotFoundError: there is no such person.
        """
        with self._database.writing() as session:
            if identity_id is not None:
                _identity_row(session, identity_id)
            for some in chunks([int(tracklet_id) for tracklet_id in tracklet_ids]):
                chosen = update(TrackletRow).where(TrackletRow.id.in_(some))
                session.execute(chosen.values(identity_id=identity_id))

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

    def record_decision(self, decision: Decision) -> None:
        """Notes what the user said of two tracklets, in place of what was said of them before.

        Raises:
            NotFoundError: one of the tracklets does not exist.
        """
        if decision.tracklet_id == decision.other_id:
            raise ValueError(f"tracklet {decision.other_id} is always the same as itself")
        with self._database.writing() as session:
            session.execute(
                delete(DecisionRow).where(_about(decision.tracklet_id, decision.other_id))
            )
            session.add(
                DecisionRow(
                    tracklet_id=decision.tracklet_id,
                    other_id=decision.other_id,
                    verdict=decision.verdict,
                    decided_utc=decision.decided_utc,
                    **_anchor(session, "tracklet", decision.tracklet_id),
                    **_anchor(session, "other", decision.other_id),
                )
            )

    def decisions(self) -> list[Decision]:
        """All decisions whose tracklets exist, the latest last."""
        query = (
            select(
                DecisionRow.tracklet_id,
                DecisionRow.other_id,
                DecisionRow.verdict,
                DecisionRow.decided_utc,
            )
            .where(DecisionRow.tracklet_id.is_not(None), DecisionRow.other_id.is_not(None))
            .order_by(DecisionRow.decided_utc, DecisionRow.id)
        )
        with self._database.reading() as session:
            return [
                Decision(cast(int, one), cast(int, other), cast(Verdict, verdict), decided)
                for one, other, verdict, decided in session.execute(query)
            ]

    def delete_decision(self, tracklet_id: int, other_id: int) -> None:
        """Takes back what was said of two tracklets, in whichever order, if anything was."""
        with self._database.writing() as session:
            session.execute(delete(DecisionRow).where(_about(tracklet_id, other_id)))


def _identity_row(session: Session, identity_id: int) -> IdentityRow:
    row = session.get(IdentityRow, identity_id)
    if row is None:
        raise NotFoundError(f"There is no person {identity_id} in this library.")
    return row


def _about(tracklet_id: int, other_id: int) -> ColumnElement[bool]:
    return or_(
        and_(DecisionRow.tracklet_id == tracklet_id, DecisionRow.other_id == other_id),
        and_(DecisionRow.tracklet_id == other_id, DecisionRow.other_id == tracklet_id),
    )


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
