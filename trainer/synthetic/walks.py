"""Who walks where: people on a promenade who keep their lane, avoid each other, and turn round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.synthetic.appearance import Appearance
from trainer.synthetic.draws import between, chance, draws, pick
from trainer.synthetic.place import Place
from trainer.synthetic.pose import GESTURES, STRIDE

Doubles = npt.NDArray[np.float64]

STEPS_PER_S = 20  # of the simulation, at least
ROOM_M = 1.1  # people keep this far apart
AHEAD_M = 2.5  # and see each other coming from here


@dataclass(frozen=True)
class Walk:
    """One person's way, a row for each frame.

    Attributes:
        identity: whose way.
        places: (T, 2), x and z in metres.
        headings: (T,), radians from z to x.
        phases: (T,), radians of the walk, two steps a turn.
        speeds: (T,), metres per second.
        gesture: what the arms do.
        standing_seed: of the pose while standing.
    """

    identity: int
    places: Doubles
    headings: Doubles
    phases: Doubles
    speeds: Doubles
    gesture: str
    standing_seed: int


def draw_walks(
    seed: int, people: dict[int, Appearance], place: Place, frames: int, fps: float
) -> list[Walk]:
    """Simulates everybody on the place's promenade.

    Args:
        seed: of the world.
        people: appearance by identity.
        place: where they walk.
        frames: how many places of everybody are kept.
        fps: how many of them a second has.
    """
    rng = draws(seed, "walks")
    substeps = max(1, round(STEPS_PER_S / fps))
    crowd = _Crowd(rng, people, place, frames / fps)
    trace = []
    for _ in range(frames):
        trace.append((crowd.where, crowd.headings, crowd.phases, np.hypot(*crowd.speed.T)))
        for _ in range(substeps):
            crowd.step(1 / (fps * substeps))
    places, headings, phases, speeds = (np.array(column) for column in zip(*trace, strict=True))
    return [
        Walk(
            identity, places[:, row], headings[:, row], phases[:, row], speeds[:, row],
            pick(rng, GESTURES), int(rng.integers(2**31)),
        )
        for row, identity in enumerate(people)
    ]  # fmt: skip


class _Crowd:
    """Everybody at one moment; a row each."""

    def __init__(
        self, rng: np.random.Generator, people: dict[int, Appearance], place: Place, seconds: float
    ) -> None:
        count = len(people)
        self._rng, self._place = rng, place
        reach = np.array([place.half_length, place.half_width])
        self.where = rng.uniform(-1, 1, (count, 2)) * reach
        self._lanes = self.where[:, 1].copy()
        self._ways = rng.choice([-1.0, 1.0], count)
        self._pace = np.array([person.pace_m_s for person in people.values()])
        self._stride = STRIDE * np.array([person.build.stature_m for person in people.values()])
        # Some stand still for a while: from when, and until when.
        self._pauses = np.array([_pause(rng, seconds) for _ in people]).reshape(-1, 2)
        self.speed = np.stack([self._ways * self._pace, np.zeros(count)], 1)
        self.phases = rng.uniform(0, 2 * np.pi, count)
        self.headings = np.arctan2(self.speed[:, 0], self.speed[:, 1])
        self._now_s = 0.0

    def step(self, step_s: float) -> None:
        """Moves everybody on; no array is changed in place."""
        half_length, half_width = self._place.half_length, self._place.half_width
        along, sideways = self.where.T
        turning = (np.abs(along) > half_length) & (np.sign(along) == self._ways)
        self._ways = np.where(turning, -self._ways, self._ways)
        lanes = self._rng.uniform(-1, 1, len(turning)) * half_width
        self._lanes = np.where(turning, lanes, self._lanes)
        wish = np.stack([self._ways * self._pace, 0.6 * (self._lanes - sideways)], 1)
        wish += _avoidance(self.where, self.speed, self._place)
        resting = (self._pauses[:, 0] <= self._now_s) & (self._now_s < self._pauses[:, 1])
        wish = np.where(resting[:, None], 0.0, wish)
        # Nobody stops at once.
        speed = self.speed + np.clip(wish - self.speed, -3 * step_s, 3 * step_s)
        rates = np.hypot(*speed.T)
        slower = np.minimum(1, 1.3 * self._pace / np.maximum(rates, 1e-6))
        self.speed, rates = speed * slower[:, None], rates * slower
        where = self.where + self.speed * step_s
        where[:, 1] = np.clip(where[:, 1], -half_width, half_width)
        self.where = where
        self.phases = self.phases + 2 * np.pi * rates * step_s / self._stride
        ahead = np.arctan2(self.speed[:, 0], self.speed[:, 1])
        turn = np.angle(np.exp(1j * (ahead - self.headings)))
        turn = np.clip(turn, -4 * step_s, 4 * step_s)
        self.headings = self.headings + np.where(rates > 0.2, turn, 0)
        self._now_s += step_s


def _pause(rng: np.random.Generator, seconds: float) -> tuple[float, float]:
    start = between(rng, 0, seconds)
    length = between(rng, 2, 7)
    return (start, start + length) if chance(rng, 0.2) else (0.0, 0.0)


def _avoidance(where: Doubles, speed: Doubles, place: Place) -> Doubles:
    """Extra velocity (n, 2) away from others and around what stands there."""
    others = where[:, None] - where[None]  # from the other to oneself
    distance = np.linalg.norm(others, axis=2) + 1e-9
    np.fill_diagonal(distance, np.inf)
    push = np.clip(ROOM_M - distance, 0, None)[..., None] * others / distance[..., None] * 2.0
    # Who comes towards one is passed on the right, from further away.
    nearing = -(others * (speed[:, None] - speed[None])).sum(2) / distance
    side = np.where(np.abs(others[..., 1]) > 0.05, np.sign(others[..., 1]), np.sign(speed[:, :1]))
    close = (nearing > 0.3) & (distance < AHEAD_M) & (np.abs(others[..., 1]) < 0.8)
    push[..., 1] += np.where(close, 0.5 * side, 0)
    found = push.sum(1)
    for prop in place.props:
        away = where - np.array([prop.x, prop.z])
        gap = np.linalg.norm(away, axis=1) - prop.radius
        near = np.clip(0.9 - gap, 0, None)[:, None]
        found += 3.0 * near * away / (np.linalg.norm(away, axis=1, keepdims=True) + 1e-9)
        found[:, 1] += np.where((gap < 0.9) & (np.abs(away[:, 1]) < 0.1), 0.8, 0)
    return found
