"""Segments of tracks → tracklets that show one person each, by looks, motion and time.

Each segment is followed by at most one other, which begins after it has ended: so a tracklet never
shows two people of one frame. Which one is an assignment over all segments of a chapter. Two
tracks that were exchanged at a crossing are exchanged back, one that went over to somebody else is
cut, and whoever returns soon is linked. How alike two people are who are certainly not the same,
because both are in view, is counted on the way: it says from when on two segments are alike,
whatever the embedder and the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from app.core.array_file import Arrays
from app.core.chapters import TrackletPart, TrackPart, joined
from app.core.entities import FloatArray
from app.services.ingest.segments import Segment, segments_of
from app.services.search.mean_vectors import LEAST_WEIGHT, mean_vectors

# The begin, the best, the end, and others in between.
CROPS_PER_TRACKLET = 6
# A tracklet may go on after its person was out of sight for so long.
RELINK_S = 12.0
# Segments are alike if they are more so than this share of all pairs of different people.
_ALIKE_PERCENT = 98.0
# What that comes to before many pairs were seen, and as how many pairs that counts.
_ALIKE_AT_FIRST, _PAIRS_AT_FIRST = 0.6, 30
_ALIKE_RANGE = (0.3, 0.9)
# The tracker's own opinion, and the distance from where somebody was heading, a height each.
_SAME_TRACK = 0.05
# The looks of a segment as short as this say little: its track's opinion counts for more.
_SHORT_S, _SHORT_SAME_TRACK = 0.7, 0.1
_DISTANCE = 0.04
# How far people get, in their own heights: at once, and in a second; and how their height changes.
_REACH, _REACH_PER_S = 0.6, 1.6
_GROWTH = 1.5
# For so long somebody is expected to walk on as before.
_HEADING_S = 1.5
_HEADING_BOXES = 6
# What was seen earlier counts so much less, from segment to segment.
_FADING = 0.7
_BINS = 100


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A segment, or the tracklet so far (`order` -1, nothing before it).

    Attributes:
        velocity: float64 (2,), pixels a second at its end.
        looks: float64 (D,), sum of its crops' vectors, each times its weight.
    """

    track_id: int
    order: int
    first_s: float
    last_s: float
    first_box: FloatArray
    last_box: FloatArray
    velocity: NDArray[np.float64]
    looks: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """The crops of a tracklet that stay, in order of time.

    Attributes:
        frames: int64 (k,).
        times: float64 (k,).
        qualities: float64 (k,).
        vectors: float32 (k, D).
    """

    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    qualities: NDArray[np.float64]
    vectors: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """A tracklet that may go on."""

    number: int
    node: _Node
    kept: _Kept


@dataclass(frozen=True, slots=True, eq=False)
class Untangled:
    """A tracklet that is new or goes on.

    Attributes:
        part: what is to be stored.
        vector: float32 (D,), L2-normalised, of all crops that stay.
        is_new: nothing of it was stored before.
    """

    part: TrackletPart
    vector: FloatArray
    is_new: bool


class Untangler:
    """Joins the segments of one video, chapter by chapter.

    Args:
        first_number: number of the first tracklet.
        crops_per_tracklet: how many crops of a tracklet stay at most.
    """

    def __init__(self, first_number: int = 1, crops_per_tracklet: int = CROPS_PER_TRACKLET) -> None:
        self._crops_per_tracklet = crops_per_tracklet
        self._next_number = first_number
        self._open: list[_Open] = []
        self._different = np.zeros(_BINS, np.int64)  # pairs by cosine, 0..1

    def chapter(
        self, parts: Sequence[TrackPart], vectors: Sequence[FloatArray], until_s: float
    ) -> list[Untangled]:
        """What a chapter adds to which tracklet, by the tracklets' numbers.

        Args:
            parts: of tracks, later than all parts of the chapters before.
            vectors: float32 (crops, D) of each part's crops, L2-normalised.
            until_s: when the chapter ends.
        """
        by_track = dict(zip((part.track_id for part in parts), zip(parts, vectors, strict=True),
                            strict=True))  # fmt: skip
        segments = segments_of(parts, vectors, self._alike())
        nodes = [_node(segment, *by_track[segment.track_id]) for segment in segments]
        self._count_different(nodes)
        before = [each.node for each in self._open]
        following = self._following([*before, *nodes], len(before))
        found: list[Untangled] = []
        still_open = {each.number: each for each in self._open}
        for opened, members in _chains(following, len(before), len(nodes)):
            untangled, goes_on = self._joined(
                self._open[opened] if opened is not None else None,
                [segments[each] for each in members],
                [nodes[each] for each in members],
                by_track,
            )
            found.append(untangled)
            still_open[goes_on.number] = goes_on
        self._open = [
            each for _, each in sorted(still_open.items())
            if each.node.last_s >= until_s - RELINK_S
        ]  # fmt: skip
        return sorted(found, key=lambda each: each.part.number)

    def _joined(
        self,
        earlier: _Open | None,
        segments: list[Segment],
        nodes: list[_Node],
        by_track: dict[int, tuple[TrackPart, FloatArray]],
    ) -> tuple[Untangled, _Open]:
        """One tracklet with what follows."""
        if earlier is None:
            number, looks = self._next_number, np.zeros_like(nodes[0].looks)
            self._next_number += 1
        else:
            number, looks = earlier.number, earlier.node.looks
        crops, rows = [], []
        for segment, node in zip(segments, nodes, strict=True):
            part, vectors = by_track[segment.track_id]
            crops += [part.crops[index] for index in segment.crops]
            rows += [vectors[index] for index in segment.crops]
            looks = _FADING * looks + node.looks
        kept = _thinned(_all_crops(earlier, crops, rows), self._crops_per_tracklet)
        frames = set(kept.frames.tolist())
        old = set() if earlier is None else set(earlier.kept.frames.tolist())
        stored = TrackletPart(
            number,
            joined([segment.trajectory for segment in segments]),
            tuple(crop for crop in crops if crop.frame_index in frames),
            tuple(sorted(frames & old)),
        )
        (vector,) = mean_vectors(kept.vectors, [len(kept.frames)], kept.qualities.tolist())
        last, lives = segments[-1], by_track[segments[-1].track_id][0].alive
        node = replace(
            nodes[-1], looks=looks, order=-1,
            track_id=last.track_id if last.is_last and lives else 0,
        )  # fmt: skip
        return Untangled(stored, vector, earlier is None), _Open(number, node, kept)

    # Which follows which ------------------------------------------------------------------------

    def _following(self, nodes: list[_Node], opened: int) -> dict[int, int]:
        """The node that follows each, where one does; the first `opened` follow none."""
        if len(nodes) == opened:
            return {}
        alike = self._alike()
        possible, distance, same = _possible(nodes)
        prior = np.where(same, _SAME_TRACK, 0.0) - _DISTANCE * distance - alike
        short = _column(nodes, "last_s") - _column(nodes, "first_s") < _SHORT_S
        prior += np.where(same & (short[:, None] | short[None]), _SHORT_SAME_TRACK, 0.0)
        looks = np.stack([node.looks for node in nodes])
        following: dict[int, int] = {}
        # Once by the segments alone; then by what was joined to each of them the first time.
        for _ in range(2):
            until, since = _accumulated(looks, nodes, following)
            gain = np.where(possible, _unit(until) @ _unit(since).T + prior, 0.0)
            rows, columns = linear_sum_assignment(-np.maximum(gain, 0.0))
            following = {
                int(row): int(column)
                for row, column in zip(rows, columns, strict=True)
                if gain[row, column] > 0
            }
        return following

    def _alike(self) -> float:
        """The cosine from which on two segments are alike."""
        pairs = int(self._different.sum())
        if not pairs:
            return _ALIKE_AT_FIRST
        reached = np.searchsorted(np.cumsum(self._different), _ALIKE_PERCENT / 100 * pairs)
        measured = (float(reached) + 1) / _BINS
        mean = (pairs * measured + _PAIRS_AT_FIRST * _ALIKE_AT_FIRST) / (pairs + _PAIRS_AT_FIRST)
        return float(np.clip(mean, *_ALIKE_RANGE))

    def _count_different(self, nodes: list[_Node]) -> None:
        """Notes how alike people are who are in view at one time."""
        if len(nodes) < 2:
            return
        first, last = _column(nodes, "first_s"), _column(nodes, "last_s")
        track = _column(nodes, "track_id")
        at_once = (first[:, None] < last[None]) & (first[None] < last[:, None])
        at_once &= np.triu(track[:, None] != track[None], 1)
        looks = _unit(np.stack([node.looks for node in nodes]))
        cosines = (looks @ looks.T)[at_once]
        bins = np.clip(np.floor(cosines * _BINS), 0, _BINS - 1).astype(np.int64)
        self._different = self._different + np.bincount(bins, minlength=_BINS)

    # To be stored -------------------------------------------------------------------------------

    def state(self) -> Arrays:
        """Everything that a fresh one needs to go on as this one would, to the bit."""
        state: Arrays = {
            "next_number": np.array(self._next_number),
            "different": self._different,
            "numbers": np.array([each.number for each in self._open], np.int64),
        }
        for each in self._open:
            node, kept = each.node, each.kept
            state |= {
                f"{each.number}/clock": np.array([node.track_id, node.first_s, node.last_s]),
                f"{each.number}/boxes": np.stack([node.first_box, node.last_box]),
                f"{each.number}/velocity": node.velocity,
                f"{each.number}/looks": node.looks,
                f"{each.number}/frames": kept.frames,
                f"{each.number}/times": kept.times,
                f"{each.number}/qualities": kept.qualities,
                f"{each.number}/vectors": kept.vectors,
            }
        return state

    def restore(self, state: Arrays) -> None:
        """Goes on from what `state` returned."""
        self._next_number = int(state["next_number"])
        self._different = state["different"]
        self._open = []
        for number in state["numbers"].tolist():
            track_id, first_s, last_s = state[f"{number}/clock"].tolist()
            boxes = state[f"{number}/boxes"]
            node = _Node(
                int(track_id), -1, first_s, last_s, boxes[0], boxes[1],
                state[f"{number}/velocity"], state[f"{number}/looks"],
            )  # fmt: skip
            kept = _Kept(*(state[f"{number}/{name}"]
                           for name in ("frames", "times", "qualities", "vectors")))  # fmt: skip
            self._open.append(_Open(number, node, kept))


# Nodes --------------------------------------------------------------------------------------------


def _node(segment: Segment, part: TrackPart, vectors: FloatArray) -> _Node:
    track = segment.trajectory
    tail = slice(-_HEADING_BOXES, None)
    centres = (track.boxes[tail, :2] + track.boxes[tail, 2:]).astype(np.float64) / 2
    took_s = float(track.time_s[-1] - track.time_s[tail][0])
    chosen = list(segment.crops)
    weights = np.maximum([part.crops[index].quality for index in chosen], LEAST_WEIGHT)
    return _Node(
        segment.track_id,
        segment.order,
        float(track.time_s[0]),
        float(track.time_s[-1]),
        track.boxes[0],
        track.boxes[-1],
        (centres[-1] - centres[0]) / took_s if took_s > 0 else np.zeros(2),
        (vectors[chosen].astype(np.float64) * weights[:, None]).sum(axis=0),
    )


def _possible(
    nodes: list[_Node],
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.bool_]]:
    """Which node (column) may follow which (row), how far off it begins, and is the same track's.

    Returns:
        bool (n, n); float64 (n, n) in heights, from where the earlier one was heading; bool (n, n).
    """
    gap_s = _column(nodes, "first_s")[None] - _column(nodes, "last_s")[:, None]
    track, order = _column(nodes, "track_id"), _column(nodes, "order")
    same = (track[:, None] == track[None]) & (order[None] == order[:, None] + 1)
    ends = np.stack([node.last_box for node in nodes]).astype(np.float64)
    begins = np.stack([node.first_box for node in nodes]).astype(np.float64)
    end_height, begin_height = ends[:, 3] - ends[:, 1], begins[:, 3] - begins[:, 1]
    height = np.maximum((end_height[:, None] + begin_height[None]) / 2, 1.0)
    end_at, begin_at = (ends[:, :2] + ends[:, 2:]) / 2, (begins[:, :2] + begins[:, 2:]) / 2
    velocity = np.stack([node.velocity for node in nodes])
    way = begin_at[None] - end_at[:, None]  # (n, n, 2)
    heading = velocity[:, None] * np.clip(gap_s, 0, _HEADING_S)[..., None]
    reached = np.linalg.norm(way, axis=2) / height <= _REACH + _REACH_PER_S * gap_s
    growth = np.maximum(end_height[:, None], 1.0) / np.maximum(begin_height[None], 1.0)
    alike = np.maximum(growth, 1 / growth) <= _GROWTH
    possible = (gap_s > 0) & (same | ((gap_s <= RELINK_S) & reached & alike))
    possible &= (order >= 0)[None]
    return possible, np.minimum(np.linalg.norm(way - heading, axis=2) / height, 3.0), same


def _accumulated(
    looks: NDArray[np.float64], nodes: list[_Node], following: dict[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The looks of each node with those before it, and with those after it, float64 (n, D)."""
    until, since = looks.copy(), looks.copy()
    by_time = np.argsort(_column(nodes, "first_s"), kind="stable").tolist()
    for node in by_time:
        if node in following:
            until[following[node]] += _FADING * until[node]
    for node in reversed(by_time):
        if node in following:
            since[node] += _FADING * since[following[node]]
    return until, since


def _chains(
    following: dict[int, int], opened: int, count: int
) -> list[tuple[int | None, list[int]]]:
    """The open tracklet, or None, and the segments that follow one another; each is in one."""
    followed = set(following.values())
    chains: list[tuple[int | None, list[int]]] = []
    for start in range(opened + count):
        if start in followed or (start < opened and start not in following):
            continue
        members, node = [], following[start] if start < opened else start
        while True:
            members.append(node - opened)
            if node not in following:
                break
            node = following[node]
        chains.append((start if start < opened else None, members))
    return chains


def _column(nodes: list[_Node], name: str) -> NDArray[np.float64]:
    return np.array([getattr(node, name) for node in nodes], np.float64)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


# Crops --------------------------------------------------------------------------------------------


def _all_crops(earlier: _Open | None, crops: list[Any], rows: list[FloatArray]) -> _Kept:
    new = _Kept(
        np.array([crop.frame_index for crop in crops], np.int64),
        np.array([crop.time_s for crop in crops], np.float64),
        np.array([crop.quality for crop in crops], np.float64),
        np.stack(rows),
    )
    if earlier is None:
        return new
    old = earlier.kept
    return _Kept(
        np.concatenate([old.frames, new.frames]),
        np.concatenate([old.times, new.times]),
        np.concatenate([old.qualities, new.qualities]),
        np.concatenate([old.vectors, new.vectors]),
    )


def _thinned(crops: _Kept, count: int) -> _Kept:
    """At most `count` crops: the first, the last and the best, and others far apart in time."""
    rows = list(range(len(crops.frames)))
    best = int(crops.qualities.argmax())
    while len(rows) > count:
        inner = [place for place in range(1, len(rows) - 1) if rows[place] != best]
        if not inner:
            break
        rows.pop(
            min(inner, key=lambda at: (crops.times[rows[at + 1]] - crops.times[rows[at - 1]], at))
        )
    return _Kept(crops.frames[rows], crops.times[rows], crops.qualities[rows], crops.vectors[rows])
