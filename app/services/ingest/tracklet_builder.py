"""Boxes of tracks → what each track added in a chapter: its boxes, and its best crops."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

import numpy as np

from app.core.array_file import Arrays, named, those_of
from app.core.boxes import area, cut_out, intersection
from app.core.chapters import TrackPart
from app.core.clock import ROUNDING_S
from app.core.crop_selection import SpreadBest, geometric_quality, sharpness
from app.core.entities import Crop, FloatArray, Frame, TrackStep, Trajectory
from app.services.ingest.fixed_objects import Stillness
from app.services.ingest.segments import CROSSING, GHOST_S

# From one crossing with somebody to the next: the begin and the end, and two in between.
CROPS_PER_SEGMENT = 4
# At a crossing that lasts, a crop is kept for each so long: tracks may be exchanged at any moment.
CROSSING_STEP_S = 0.8
# How far focus can lower a crop's quality: it decides between crops of like size and cover only.
_SHARPNESS_WEIGHT = 0.4


@dataclass
class _LiveTrack:
    """What is kept of a track of one chapter: 32 bytes for each box, and some crops."""

    still: Stillness
    alone: SpreadBest
    crossing: SpreadBest
    last_box: FloatArray
    last_s: float
    is_crossing: bool = False
    sealed_s: float = -math.inf
    crops: list[Crop] = field(default_factory=list)
    frame_index: array[int] = field(default_factory=lambda: array("i"))
    time_s: array[float] = field(default_factory=lambda: array("d"))
    boxes: array[float] = field(default_factory=lambda: array("f"))
    scores: array[float] = field(default_factory=lambda: array("f"))

    def add(self, frame: Frame, box: FloatArray, score: float) -> None:
        self.frame_index.append(frame.index)
        self.time_s.append(frame.time_s)
        self.boxes.extend(box.tolist())
        self.scores.append(score)
        self.last_box, self.last_s = box, frame.time_s
        self.still.look(frame, box, score)

    def seal(self, time_s: float) -> None:
        """The crops so far are as good as they get."""
        self.sealed_s = time_s
        self.crops += [*self.alone, *self.crossing]
        self.alone, self.crossing = _empty()

    def begin_chapter(self) -> None:
        for column in (self.frame_index, self.time_s, self.boxes, self.scores, self.crops):
            del column[:]

    def trajectory(self) -> Trajectory:
        return Trajectory(
            np.array(self.frame_index, np.int32),
            np.array(self.time_s, np.float64),
            np.array(self.boxes, np.float32).reshape(-1, 4),
            np.array(self.scores, np.float32),
        )


class TrackletBuilder:
    """Collects what the tracker says of one video.

    Memory is bounded by the tracks and the length of one chapter.
    """

    def __init__(self) -> None:
        self._live: dict[int, _LiveTrack] = {}
        self._ended: list[tuple[int, _LiveTrack]] = []

    @property
    def has_ended(self) -> bool:
        """Whether some track has ended in this chapter."""
        return bool(self._ended)

    def add(self, frame: Frame, step: TrackStep) -> None:
        """Takes one analysed frame and what it did to the tracks.

        Args:
            frame: the analysed frame, RGB.
            step: the tracker's answer to that frame's detections.
        """
        height_px, width_px = frame.image.shape[:2]
        tracked = step.tracked
        qualities = geometric_quality(tracked.boxes, width_px, height_px)
        crossing = self._crossing(frame, step)
        for row, track_id in enumerate(tracked.track_ids.tolist()):
            box, quality = tracked.boxes[row].copy(), float(qualities[row])
            live = self._live.get(track_id)
            if live is None:
                live = _LiveTrack(Stillness(box, frame.time_s), *_empty(), box, frame.time_s)
                self._live[track_id] = live
            live.add(frame, box, float(tracked.scores[row]))
            if live.is_crossing and (
                not crossing[row] or frame.time_s - live.sealed_s >= CROSSING_STEP_S - ROUNDING_S
            ):
                live.seal(frame.time_s)  # whoever it is now gets crops of their own
            if crossing[row] and not live.is_crossing:
                live.sealed_s = frame.time_s
            live.is_crossing = bool(crossing[row])
            best = live.crossing if live.is_crossing else live.alone
            # Focus can only lower the quality: what is too poor already need not be cut out.
            if best.would_keep(frame.time_s, quality):
                best.add(_crop(frame, box, quality))
        self.close(step)

    def close(self, step: TrackStep) -> None:
        """Takes note of the tracks that a step ended, and forgets what it dropped."""
        for track_id in step.dropped:
            self._live.pop(track_id, None)
        self._ended += [(track_id, self._live.pop(track_id)) for track_id in step.ended]

    def chapter(self) -> list[TrackPart]:
        """What all tracks added since the last call, by number, without fixed objects.

        What was seen for too short a time to know what it is waits for the next chapter.
        """
        found = [(track_id, live, False) for track_id, live in self._ended]
        found += [(track_id, live, True) for track_id, live in self._live.items()]
        self._ended = []
        parts = []
        for track_id, live, alive in sorted(found, key=lambda each: each[0]):
            live.seal(live.last_s)
            if not live.time_s or (alive and live.still.is_undecided):
                continue
            if not live.still.is_fixed():
                crops = tuple(sorted(live.crops, key=lambda crop: crop.frame_index))
                parts.append(TrackPart(track_id, live.trajectory(), crops, alive))
            live.begin_chapter()
        return parts

    def state(self) -> Arrays:
        """Everything that a fresh one needs to go on as this one would; right after `chapter`."""
        state: Arrays = {"tracks": np.array(list(self._live), np.int64)}
        for track_id, live in self._live.items():
            state |= named(f"{track_id}/still", live.still.state())
            state |= {
                f"{track_id}/last": np.array([live.last_s, live.is_crossing, live.sealed_s]),
                f"{track_id}/last_box": live.last_box,
                f"{track_id}/frame_index": np.array(live.frame_index, np.int32),
                f"{track_id}/time_s": np.array(live.time_s, np.float64),
                f"{track_id}/boxes": np.array(live.boxes, np.float32),
                f"{track_id}/scores": np.array(live.scores, np.float32),
            }
            for number, crop in enumerate(live.crops):
                state[f"{track_id}/crop/{number}/image"] = crop.image
                state[f"{track_id}/crop/{number}/box"] = crop.box
                numbers = [crop.frame_index, crop.time_s, crop.quality]
                state[f"{track_id}/crop/{number}/numbers"] = np.array(numbers)
            state[f"{track_id}/crops"] = np.array(len(live.crops))
        return state

    def restore(self, state: Arrays) -> None:
        """Goes on from what `state` returned."""
        for track_id in state["tracks"].tolist():
            kept = those_of(str(track_id), state)
            last_s, is_crossing, sealed_s = kept["last"].tolist()
            live = _LiveTrack(
                Stillness.restored(those_of("still", kept)), *_empty(), kept["last_box"], last_s,
                bool(is_crossing), sealed_s,
            )  # fmt: skip
            live.frame_index.extend(kept["frame_index"].tolist())
            live.time_s.extend(kept["time_s"].tolist())
            live.boxes.extend(kept["boxes"].tolist())
            live.scores.extend(kept["scores"].tolist())
            for number in range(int(kept["crops"])):
                crop = those_of(f"crop/{number}", kept)
                frame_index, time_s, quality = crop["numbers"].tolist()
                live.crops.append(
                    Crop(crop["image"], int(frame_index), time_s, crop["box"], quality)
                )
            self._live[track_id] = live

    def _crossing(self, frame: Frame, step: TrackStep) -> list[bool]:
        """Which tracked people may be taken for somebody else who is near, or was a moment ago."""
        boxes, ids = step.tracked.boxes, set(step.tracked.track_ids.tolist())
        hidden = [
            live.last_box
            for track_id, live in self._live.items()
            if track_id not in ids and frame.time_s - live.last_s <= GHOST_S
        ]
        others = np.concatenate([boxes, np.array(hidden, np.float32).reshape(-1, 4)])
        common = intersection(boxes, others)
        np.fill_diagonal(common, 0)
        smaller = np.minimum(area(boxes)[:, None], area(others)[None])
        near = np.any(common >= CROSSING * smaller, axis=1)
        return [bool(each) for each in np.atleast_1d(near)]


def _empty() -> tuple[SpreadBest, SpreadBest]:
    """Crops of a track while it is alone, and at a crossing: one, in case there are no others."""
    return SpreadBest(CROPS_PER_SEGMENT), SpreadBest(1)


def _crop(frame: Frame, box: FloatArray, geometric: float) -> Crop:
    image = cut_out(frame.image, box)
    focus = 1 - _SHARPNESS_WEIGHT * (1 - sharpness(image))
    return Crop(image, frame.index, frame.time_s, box, geometric * focus)
