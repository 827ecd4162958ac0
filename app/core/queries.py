"""What is searched for, and rankings of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.entities import Image
from app.core.errors import UserFacingError
from app.language import tr, trn


@dataclass(frozen=True, slots=True)
class TrackletQuery:
    """Search for the person of a stored tracklet."""

    tracklet_id: int


@dataclass(frozen=True, slots=True, eq=False)
class CropQuery:
    """Search for the person of a picture.

    Attributes:
        image: RGB uint8 (h, w, 3), one person.
        camera_id: the camera whose frame it was cut from; None where that is not known.
        seen_utc: when, timezone-aware; None where that is not known.
    """

    image: Image
    camera_id: int | None = None
    seen_utc: datetime | None = None


Example = TrackletQuery | CropQuery


@dataclass(frozen=True, slots=True, eq=False)
class PersonQuery:
    """Search for a person of whom several pictures are known.

    Attributes:
        shown: sightings and pictures of the person, at least one.
        rejected: ids of tracklets that look alike and show somebody else.
    """

    shown: tuple[Example, ...]
    rejected: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.shown:
            raise ValueError("a person needs at least one example")


Query = Example | PersonQuery


def examples(query: Query) -> tuple[Example, ...]:
    """What shows the person sought, at least one."""
    return query.shown if isinstance(query, PersonQuery) else (query,)


def sought_tracklet(query: Query) -> int | None:
    """The first tracklet that shows the person sought; None if only pictures do."""
    ids = (each.tracklet_id for each in examples(query) if isinstance(each, TrackletQuery))
    return next(ids, None)


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Which part of the gallery is searched; an empty filter is everything.

    Attributes:
        camera_ids: only these cameras; None is all.
        from_utc: only tracklets seen at or after this timezone-aware time.
        to_utc: only tracklets seen at or before this timezone-aware time.
        things: only those of which the user said that they show no person, which are left out
            otherwise.
    """

    camera_ids: frozenset[int] | None = None
    from_utc: datetime | None = None
    to_utc: datetime | None = None
    things: bool = False


class SearchStage(StrEnum):
    """How far a ranking has been refined."""

    RETRIEVED = "retrieved"
    AGGREGATED = "aggregated"
    RERANKED = "reranked"

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return {
            SearchStage.RETRIEVED: tr("by appearance"),
            SearchStage.AGGREGATED: tr("refined by similar people"),
            SearchStage.RERANKED: tr("refined in pairs"),
        }[self]


class Correction(StrEnum):
    """What the library itself tells of its place, used in every stage of a search."""

    CAMERA_MEAN = "camera_mean"
    TRANSIT = "transit"


Refinement = SearchStage | Correction
REFINEMENTS: frozenset[Refinement] = frozenset(
    {SearchStage.AGGREGATED, SearchStage.RERANKED, *Correction}
)
"""What makes a ranking better and can be switched off."""

# From these log-odds on, a gap is told to be usual, or unusual.
_TELLING = 0.7
_CAMERAS_TOLD = 8


@dataclass(frozen=True, slots=True)
class Transit:
    """The time between two sightings, and what it says.

    Attributes:
        gap_s: seconds from the end of the one sought to the beginning of the hit; below 0 where the
            hit came first; 0 where both were seen at the same time.
        log_odds: how much more often that gap is one person's than any two people's, on the way
            between these two cameras, as a natural logarithm; 0: nothing is known of it.
    """

    gap_s: float
    log_odds: float

    @property
    def judgement(self) -> str:
        """Whether the gap is "usual" or "unusual"; empty where it says little."""
        if abs(self.log_odds) < _TELLING:
            return ""
        return "usual" if self.log_odds > 0 else "unusual"

    def words(self) -> str:
        """Such as "seen 40 s later, usual here"."""
        told = tr("seen at the same time")
        if self.gap_s > 0:
            told = tr("seen {duration} later", duration=gap_text(self.gap_s))
        elif self.gap_s < 0:
            told = tr("seen {duration} earlier", duration=gap_text(-self.gap_s))
        match self.judgement:
            case "usual":
                return tr("{seen}, which is usual", seen=told)
            case "unusual":
                return tr("{seen}, which is unusual", seen=told)
        return told

    def signed(self) -> str:
        """The gap alone, such as "+40 s"; "0 s" at the same time."""
        if not self.gap_s:
            return tr("{count} s", count=0)
        return f"{'+' if self.gap_s > 0 else '−'}{gap_text(abs(self.gap_s))}"


def gap_text(seconds: float) -> str:
    """About how long, in the largest unit of which there are two or more."""
    units = ((86_400, tr("{count} days")), (3600, tr("{count} h")), (60, tr("{count} min")))
    for unit_s, text in units:
        if seconds >= 2 * unit_s:
            return text.format(count=round(seconds / unit_s))
    return tr("{count} s", count=max(1, round(seconds)))


class Band(StrEnum):
    """Hits that are about equally probable."""

    LIKELY = "likely"
    UNCLEAR = "unclear"
    UNLIKELY = "unlikely"


LIKELY, UNLIKELY = 0.8, 0.2
"""The lowest probability of a likely hit; below the other one it is unlikely."""


def percent_text(probability: float) -> str:
    """Such as "93 %"; never 0 or 100, which nobody knows."""
    percent = round(100 * probability)
    return "<\u202f1 %" if percent < 1 else f"{min(percent, 99)} %"


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        score: what the ranking is sorted by.
        cosine: similarity of the embeddings, -1..1; with several examples, half to their mean and
            half to the nearest.
        aggregated: similarity after neighbour aggregation, or None.
        pair: the re-ranker's score of the pair, or None.
        transit: the time between it and the example nearest in time; None where a clock is unknown
            or times do not count.
        nearer_rejected: what the score loses because the cosine to somebody rejected is above
            `cosine`, or little below; at least 0.
        probability: that it shows the person sought, 0..1, as far as similarity and time tell;
            None where the library does not say enough for that, or not yet.
        stack: the same number for hits of one moment in one camera that are all but identical;
            None for one that is like no other.
    """

    tracklet_id: int
    score: float
    cosine: float
    aggregated: float | None = None
    pair: float | None = None
    transit: Transit | None = None
    nearer_rejected: float = 0.0
    probability: float | None = None
    stack: int | None = None

    @property
    def band(self) -> Band | None:
        """How probable it is, in words; None where that is not known."""
        if self.probability is None:
            return None
        if self.probability >= LIKELY:
            return Band.LIKELY
        return Band.UNLIKELY if self.probability < UNLIKELY else Band.UNCLEAR


@dataclass(frozen=True, slots=True)
class CameraShare:
    """How much of a camera's mean is taken off its vectors.

    Attributes:
        sightings: how many tracklets of it there are.
        share: 0..1; it grows with them.
    """

    camera_id: int
    camera: str
    sightings: int
    share: float

    def words(self) -> str:
        """Such as "cam3: 41 sightings, applied at 58 %"."""
        return trn(
            "{camera}: {count} sighting, applied at {percent:.0f} %",
            "{camera}: {count} sightings, applied at {percent:.0f} %",
            self.sightings,
            camera=self.camera,
            percent=100 * self.share,
        )


@dataclass(frozen=True, slots=True)
class TransitUse:
    """What a search knew of transit times.

    Attributes:
        pairs: how many pairs of tracklets they were learnt from.
        camera_pairs: how many ways between two cameras these show.
        clock_known: whether it is known when and where the one sought was seen.
        camera_known: whether at least the camera is known.
    """

    pairs: int
    camera_pairs: int
    clock_known: bool
    camera_known: bool = True

    def words(self) -> str:
        """Such as "learnt from 212 pairs of sightings, between 5 pairs of cameras"."""
        if not self.camera_known:
            return tr("not applied: no camera is known to have seen the person sought")
        if not self.clock_known:
            return tr("not applied: the time of the person sought is unknown or only guessed")
        if not self.pairs:
            return tr("not enough data yet")
        return tr(
            "learnt from {sightings}, between {cameras}",
            sightings=trn("{count} pair of sightings", "{count} pairs of sightings", self.pairs),
            cameras=trn("{count} pair of cameras", "{count} pairs of cameras", self.camera_pairs),
        )


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One ranking; a search yields ever better ones.

    Attributes:
        hits: best first.
        searched: how many tracklets the filter let through.
        elapsed_s: since the search began.
        camera_mean: all cameras of the library; empty where their means are not taken off.
        transit: None where transit times do not count.
        newest_id: the highest id of a tracklet that could be found.
        calibrated: whether hits have a probability; False: the library has not enough data for
            that, None: it is not known yet.
    """

    stage: SearchStage
    hits: Sequence[Hit]
    searched: int
    elapsed_s: float
    camera_mean: tuple[CameraShare, ...] = ()
    transit: TransitUse | None = None
    newest_id: int = 0
    calibrated: bool | None = None

    def remarks(self) -> list[str]:
        """What was taken into account beside looks, a line for each correction that is on."""
        told = []
        if self.camera_mean:
            shown = tr("; ").join(each.words() for each in self.camera_mean[:_CAMERAS_TOLD])
            more = len(self.camera_mean) - _CAMERAS_TOLD
            told.append(
                tr("Camera mean: {cameras}; and {count} more", cameras=shown, count=more)
                if more > 0
                else tr("Camera mean: {cameras}", cameras=shown)
            )
        if self.transit is not None:
            told.append(tr("Transit times: {facts}", facts=self.transit.words()))
        return told


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
