"""What the journal of decisions knows beyond the decisions."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.entities import Decision


@dataclass(frozen=True, slots=True)
class IdentityChanges:
    """What a decision did to identities.

    Attributes:
        moved: tracklet id → its identity before and after.
        created_id: the identity that was made for it, or None.
    """

    moved: dict[int, tuple[int | None, int | None]]
    created_id: int | None = None


@dataclass(frozen=True, slots=True)
class UndoState:
    """What the journal offers.

    Attributes:
        undoable: the decision that undo takes back, or None.
        redoable: the decision that redo makes again, or None.
    """

    undoable: Decision | None = None
    redoable: Decision | None = None
