"""What is searched for, and rankings of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.entities import Image
from app.core.errors import UserFacingError


@dataclass(frozen=True, slots=True)
class TrackletQuery:
    """Search for the person of a stored tracklet."""

    tracklet_id: int


@dataclass(frozen=True, slots=True, eq=False)
class CropQuery:
    """Search for the person of a picture.

    Attributes:
        image: RGB uint8 (h, w, 3), one person.
    """

    image: Image


Query = TrackletQuery | CropQuery


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Which part of the gallery is searched; an empty filter is everything.

    Attributes:
        camera_ids: only these cameras; None is all.
        from_utc: only tracklets seen at or after this timezone-aware time.
        to_utc: only tracklets seen at or before this timezone-aware time.
    """

    camera_ids: frozenset[int] | None = None
    from_utc: datetime | None = None
    to_utc: datetime | None = None


class SearchStage(StrEnum):
    """How far a ranking has been refined."""

    RETRIEVED = "retrieved"
    AGGREGATED = "aggregated"
    RERANKED = "reranked"


REFINEMENTS: frozenset[SearchStage] = frozenset({SearchStage.AGGREGATED, SearchStage.RERANKED})
"""The stages that can be switched off."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        score: what the ranking is sorted by.
        cosine: similarity of the embeddings, -1..1.
        aggregated: similarity after neighbour aggregation, or None.
        pair: the re-ranker's score of the pair, or None.
    """

    tracklet_id: int
    score: float
    cosine: float
    aggregated: float | None = None
    pair: float | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One ranking; a search yields ever better ones.

    Attributes:
        hits: best first.
        searched: how many tracklets the filter let through.
        elapsed_s: since the search began.
    """

    stage: SearchStage
    hits: Sequence[Hit]
    searched: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class StageRunning:
    """A stage is being worked on; comes at least every 0.3 s while nothing else does."""

    stage: SearchStage


@dataclass(frozen=True, slots=True)
class StageLeftOut:
    """A stage that was asked for and cannot be had; the search goes on without it.

    Attributes:
        error: why, and what to do about it.
    """

    stage: SearchStage
    error: UserFacingError


SearchEvent = SearchResult | StageRunning | StageLeftOut
