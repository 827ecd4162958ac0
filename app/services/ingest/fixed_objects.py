"""Things that resemble people: they never move, and the pixels at their place never change.

Whoever stands or sits shifts weight, turns the head, moves a hand: from one look at the same place
to the next, a good part of it changes, while the surroundings stay as they are. A sign, a chair or
a mannequin stays as it is too, however sure the detector is of it.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from app.core.array_file import Arrays
from app.core.entities import FloatArray, Frame, Image

# So long something must have been in view before it can be called fixed.
FIXED_S = 2.5
# What moves further than this share of its height is none, whatever happens later.
FIXED_MOVE = 0.3
# A place is looked at so often, and compared with the look before the last.
_LOOK_S = 0.5
_LAG = 2
# A place is seen as so many grey values, with a margin of this share of the box's height around.
_ROWS, _COLUMNS = 72, 48
_MARGIN = 0.25
# The fiftieth of a box that changes most changes by less than this many of 256 grey values, or than
# so many times what a quarter of its surroundings does: nothing happened there.
_QUIET = 8.0
_QUIET_TIMES = 3.0
# Where the surroundings change so much, the camera moves or the light does: it says nothing.
_UNSTEADY = 12.0
# Share of looks without any change from which on a thing is fixed: others may pass before it. What
# the detector is never sure of needs fewer, since leaves move in the wind.
_QUIET_SHARE = 0.5
_UNSURE_QUIET_SHARE = 0.2
UNSURE_BEST_SCORE = 0.65
UNSURE_MEAN_SCORE = 0.5


class Stillness:
    """Watches the place where a track began, for as long as it stays there.

    Args:
        box: the track's first, float32 (4,) xyxy in pixels.
        time_s: when it was seen.
    """

    def __init__(self, box: FloatArray, time_s: float) -> None:
        self._box = box
        self._began_s = time_s
        self._now_s = time_s
        self._away = 0
        self._scores: list[float] = [0.0, 0.0, 0.0]  # best, sum, count
        self._looks: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=_LAG)
        self._said = self._quiet = 0
        x1, y1, x2, y2 = box.tolist()
        margin = _MARGIN * (y2 - y1)
        # Three samples a cell each way: a mean, so that noise does not count as a change.
        self._ys = np.linspace(y1 - margin, y2 + margin, 3 * _ROWS)
        self._xs = np.linspace(x1 - margin, x2 + margin, 3 * _COLUMNS)
        high, wide = self._ys[1::3], self._xs[1::3]
        self._inside = ((high >= y1) & (high <= y2))[:, None] & ((wide >= x1) & (wide <= x2))[None]

    @property
    def moved(self) -> bool:
        """Whether the track has left its place for good."""
        return self._away >= 2

    @property
    def is_undecided(self) -> bool:
        """Whether it is too early to say what this is."""
        return not self.moved and self._now_s - self._began_s < FIXED_S

    def state(self) -> Arrays:
        """Everything that `restored` needs."""
        return {
            "box": self._box,
            "numbers": np.array([self._began_s, self._now_s, self._away, self._said, self._quiet]),
            "scores": np.array(self._scores),
            "looks_s": np.array([time_s for time_s, _ in self._looks]),
            "looks": np.array([grey for _, grey in self._looks], np.float32),
        }

    @classmethod
    def restored(cls, state: Arrays) -> Stillness:
        """One that goes on as that one would whose `state` this is."""
        began_s, now_s, away, said, quiet = state["numbers"].tolist()
        still = cls(state["box"], began_s)
        still._now_s, still._away = now_s, int(away)
        still._said, still._quiet = int(said), int(quiet)
        still._scores = state["scores"].tolist()
        still._looks.extend(zip(state["looks_s"].tolist(), state["looks"], strict=True))
        return still

    def look(self, frame: Frame, box: FloatArray, score: float) -> None:
        """Takes the track's next box and the frame it is in."""
        if self.moved:
            return
        self._now_s = frame.time_s
        self._scores = [max(self._scores[0], score), self._scores[1] + score, self._scores[2] + 1]
        height_px = float(self._box[3] - self._box[1])
        way = ((box[:2] + box[2:]) - (self._box[:2] + self._box[2:])) / 2
        # Twice in a row: a single box may take somebody in who passes.
        self._away = self._away + 1 if np.hypot(*way) > FIXED_MOVE * height_px else 0
        if self._away >= 2:
            self._looks.clear()
        elif not self._looks or frame.time_s - self._looks[-1][0] >= _LOOK_S - 1e-6:
            grey = self._grey(frame.image)
            if len(self._looks) == _LAG:
                self._compare(self._looks[0][1], grey)
            self._looks.append((frame.time_s, grey))

    def is_fixed(self) -> bool:
        """Whether this is a thing that resembles a person, as far as is known."""
        best, total, count = self._scores
        if self.moved or self._now_s - self._began_s < FIXED_S:
            return False
        unsure = best < UNSURE_BEST_SCORE and total < UNSURE_MEAN_SCORE * count
        if not self._said:
            return unsure
        return self._quiet >= (_UNSURE_QUIET_SHARE if unsure else _QUIET_SHARE) * self._said

    def _compare(self, before: NDArray[np.float32], now: NDArray[np.float32]) -> None:
        change = now - before
        change = np.abs(change - np.median(change[~self._inside]))
        around = float(np.percentile(change[~self._inside], 75))
        if around > _UNSTEADY:
            return
        self._said += 1
        within = float(np.percentile(change[self._inside], 98))
        self._quiet += within <= max(_QUIET, _QUIET_TIMES * around)

    def _grey(self, image: Image) -> NDArray[np.float32]:
        """The place and what is around it, float32 (`_ROWS`, `_COLUMNS`) of 0..255."""
        rows = np.clip(self._ys, 0, image.shape[0] - 1).astype(np.int64)
        columns = np.clip(self._xs, 0, image.shape[1] - 1).astype(np.int64)
        cells = image[rows[:, None], columns[None]].astype(np.float32).mean(axis=2)
        return np.asarray(cells.reshape(_ROWS, 3, _COLUMNS, 3).mean(axis=(1, 3)), np.float32)
