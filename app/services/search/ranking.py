"""Hits in order: from what the index found, and again after each refinement."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.core.entities import FloatArray
from app.core.queries import Hit, Transit
from app.services.search.calibration import Curves
from app.services.search.gallery_index import Found
from app.services.search.match_curve import FLOOR
from site_statistics.transit_times import bonus


def hits_of(found: Found, without: Collection[int | None]) -> list[Hit]:
    """What the index found, but for some tracklets."""
    rows = zip(
        found.tracklet_ids.tolist(),
        found.scores.tolist(),
        found.cosines.tolist(),
        found.gaps_s.tolist(),
        found.log_odds.tolist(),
        found.nearer_rejected.tolist(),
        strict=True,
    )
    return [
        Hit(
            tracklet_id,
            score,
            cosine,
            transit=None if math.isnan(gap) else Transit(gap, odds),
            nearer_rejected=nearer,
        )
        for tracklet_id, score, cosine, gap, odds, nearer in rows
        if tracklet_id not in without
    ]


@dataclass(frozen=True, slots=True)
class KnownOfHits:
    """What tells how probable hits are, besides how similar they are.

    Attributes:
        cameras: ids, by tracklet.
        sought: ids of the cameras of the examples.
        together: tracklets that a frame shows together with an example: surely somebody else.
        stacks: of the first hits, see `GalleryIndex.stacks`.
    """

    cameras: Mapping[int, int]
    sought: frozenset[int]
    together: frozenset[int]
    stacks: Mapping[int, int]


def with_probabilities(hits: list[Hit], curves: Curves | None, known: KnownOfHits) -> list[Hit]:
    """Hits with the probability that each shows the person sought, where that can be told."""
    found = None
    if curves is not None and hits:
        found = curves.probabilities(
            np.array([hit.cosine - hit.nearer_rejected for hit in hits], np.float32),
            np.array([known.cameras[hit.tracklet_id] for hit in hits], np.int64),
            known.sought,
            np.array([hit.transit.log_odds if hit.transit else 0 for hit in hits], np.float32),
        )
    told: Sequence[float | None] = [None] * len(hits) if found is None else found.tolist()
    return [
        replace(
            hit,
            probability=FLOOR
            if found is not None and hit.tracklet_id in known.together
            else probability,
            stack=known.stacks.get(hit.tracklet_id),
        )
        for hit, probability in zip(hits, told, strict=True)
    ]


def transit_bonus(hit: Hit) -> float:
    """What the time between adds to a cosine."""
    if hit.transit is None:
        return 0.0
    return float(bonus(np.array([hit.transit.log_odds], np.float32))[0])


def min_max(scores: FloatArray) -> FloatArray:
    """The scores scaled to 0..1, float32 (n,); all 0 where they do not differ."""
    spread = float(scores.max() - scores.min())
    if spread == 0:
        return np.zeros(len(scores), np.float32)
    return np.asarray((scores - scores.min()) / spread, np.float32)


def ranked(head: list[Hit], before: list[Hit], tail: list[Hit]) -> list[Hit]:
    """The head by its new scores, ties by tracklet id, and behind it the tail in its old order.

    The tail's scores continue below the head's by the distances they had, so that a ranking is
    always sorted by `Hit.score`.

    Args:
        head: hits with new scores.
        before: the hits of the head as they were ranked until now.
        tail: hits that were not scored anew.
    """
    head = sorted(head, key=lambda hit: (-hit.score, hit.tracklet_id))
    if not head:
        return tail
    shift = head[-1].score - before[-1].score
    return head + [replace(hit, score=hit.score + shift) for hit in tail]
