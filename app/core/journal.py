"""The journal of what the user decided: its steps, and what it knows beyond them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.core.entities import FloatArray, Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What the user said about two tracklets, in whichever order; the last word counts.

    Attributes:
        decided_utc: timezone-aware time of the decision.
    """

    tracklet_id: int
    other_id: int
    verdict: Verdict
    decided_utc: datetime


PersonField = Literal["name", "colour", "notes"]


@dataclass(frozen=True, slots=True)
class PersonEdit:
    """What the user changed about a person as a whole.

    Attributes:
        what: "creation", "deletion", or the field of `Identity` that has another value since.
        decided_utc: timezone-aware time of the change.
    """

    identity_id: int
    what: PersonField | Literal["creation", "deletion"]
    decided_utc: datetime


@dataclass(frozen=True, slots=True)
class SightingEdit:
    """What the user said about sightings by themselves.

    Attributes:
        what: "thing": they show no person; "person": they do after all; "split": the first was cut
            in two, and the second is the other part.
        decided_utc: timezone-aware time of the change.
    """

    tracklet_ids: tuple[int, ...]
    what: Literal["thing", "person", "split"]
    decided_utc: datetime


Step = Decision | PersonEdit | SightingEdit
"""What undo takes back at a time."""


@dataclass(frozen=True, slots=True)
class SplitChange:
    """How a tracklet was cut in two, and what joins it again.

    Attributes:
        tracklet_id: the part that keeps its id, and with it person and decisions.
        new_id: the other part.
        number: the other part's number within the video.
        time_s: the later part begins here.
        new_is_later: whether the other part is the later one.
        before: the tracklet's vector by each embedder, float32 (D,), before.
        embedder_id: the embedder of the parts' vectors.
        after: their vectors, float32 (D,): of the part that keeps its id, of the other one.
    """

    tracklet_id: int
    new_id: int
    number: int
    time_s: float
    new_is_later: bool
    before: dict[str, FloatArray]
    embedder_id: str
    after: tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class IdentityChanges:
    """What a step did to identities.

    Attributes:
        moved: tracklet id → its identity before and after.
        created_id: the identity that was made for it, or None.
        edited: (identity id, field) → its value before and after.
        people: tracklet id → whether it shows a person, before and after.
        split: a tracklet that was cut in two, or None.
    """

    moved: dict[int, tuple[int | None, int | None]]
    created_id: int | None = None
    edited: dict[tuple[int, PersonField], tuple[str, str]] = field(default_factory=dict)
    people: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    split: SplitChange | None = None


@dataclass(frozen=True, slots=True)
class UndoState:
    """What the journal offers.

    Attributes:
        undoable: what undo takes back, or None.
        redoable: what redo makes again, or None.
    """

    undoable: Step | None = None
    redoable: Step | None = None
