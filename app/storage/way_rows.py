"""The part of `Library` that knows what was set for ways between cameras."""

from __future__ import annotations

from sqlalchemy import delete, select

from app.core.way_limits import LimitsOfWays, WayLimits
from app.storage.library_part import LibraryPart
from app.storage.tables import WayLimitsRow


class WayRows(LibraryPart):
    """Limits of ways."""

    def way_limits(self) -> LimitsOfWays:
        """What was set, by the ids of both cameras."""
        with self._database.reading() as session:
            return {
                frozenset((row.one_id, row.other_id)): WayLimits(row.min_s, row.max_s)
                for row in session.scalars(select(WayLimitsRow))
            }

    def set_way_limits(self, one_id: int, other_id: int, limits: WayLimits | None) -> None:
        """Sets what holds for the way between two cameras; None: nothing is said of it."""
        if one_id == other_id:
            raise ValueError(f"camera {one_id} has no way to itself")
        one_id, other_id = sorted((one_id, other_id))
        with self._database.writing() as session:
            if limits is None:
                session.execute(
                    delete(WayLimitsRow).where(
                        WayLimitsRow.one_id == one_id, WayLimitsRow.other_id == other_id
                    )
                )
            else:
                session.merge(
                    WayLimitsRow(
                        one_id=one_id, other_id=other_id, min_s=limits.min_s, max_s=limits.max_s
                    )
                )
