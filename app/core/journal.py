"""What the journal of decisions knows beyond the decisions."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.entities import Decision, PersonEdit, PersonField

Step = Decision | PersonEdit
"""What undo takes back at a time."""


@dataclass(frozen=True, slots=True)
class IdentityChanges:
    """What a step did to identities.

    Attributes:
        moved: tracklet id → its identity before and after.
        created_id: the identity that was made for it, or None.
        edited: (identity id, field) → its value before and after.
    """

    moved: dict[int, tuple[int | None, int | None]]
    created_id: int | None = None
    edited: dict[tuple[int, PersonField], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UndoState:
    """What the journal offers.

    Attributes:
        undoable: what undo takes back, or None.
        redoable: what redo makes again, or None.
    """

    undoable: Step | None = None
    redoable: Step | None = None
