"""Things that stand around: cars, trees, lamps, bins, benches, crates, columns, kiosks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.synthetic.draws import between, chance, pick
from trainer.synthetic.lofts import Loft, Mesh, ball, box, mesh, tube
from trainer.synthetic.surfaces import Colour, Decal, Surface, clipped

UP = np.array([0, 1, 0], np.float32)
SIDE = np.array([1, 0, 0], np.float32)
AHEAD = np.array([0, 0, 1], np.float32)


@dataclass(frozen=True)
class Prop:
    """A thing on the ground at (x, z).

    Attributes:
        x, z: its middle, metres.
        radius: nobody can stand closer, metres.
        meshes: its skin, in world coordinates.
        reach: how far it spreads above people's heads, metres.
    """

    x: float
    z: float
    radius: float
    meshes: tuple[Mesh, ...]
    reach: float = 0.0


def car(rng: np.random.Generator, x: float, z: float, turned: bool = False) -> Prop:
    """A parked car along x, or along z where it is turned."""
    paints: dict[Colour, float] = {
        (0.08, 0.08, 0.09): 25, (0.85, 0.85, 0.85): 25, (0.55, 0.56, 0.58): 25,
        (0.12, 0.18, 0.35): 10, (0.5, 0.08, 0.08): 8, (0.3, 0.3, 0.3): 15,
    }  # fmt: skip
    body = Surface(pick(rng, paints), gloss=0.7, grain=0.03)
    glass = Surface((0.10, 0.12, 0.14), gloss=0.8, grain=0.03)
    black = Surface((0.06, 0.06, 0.06))
    turn = (0.5 * np.pi if turned else 0.0) + between(rng, -0.03, 0.03)
    along = np.array([np.cos(turn), 0, -np.sin(turn)], np.float32)
    wide = np.array([np.sin(turn), 0, np.cos(turn)], np.float32)
    middle = np.array([x, 0, z], np.float32)
    half = between(rng, 1.95, 2.3)
    lofts = [
        box(body, middle + 0.58 * UP, (half, 0.33, 0.86), turn, 0.25, 0.96),
        box(glass, middle + 1.12 * UP - 0.15 * along, (0.58 * half, 0.27, 0.74), turn, 0.3, 0.78),
        box(body, middle + 1.40 * UP - 0.15 * along, (0.45 * half, 0.04, 0.60), turn, 0.3),
    ]
    for end in (-0.62, 0.62):
        for side in (-0.80, 0.80):
            hub = middle + end * half * along + side * wide + 0.32 * UP
            rim = np.stack([hub - 0.1 * wide, hub + 0.1 * wide])
            size = np.full(2, 0.32, np.float32)
            lofts.append(tube(black, rim, size, size, along))
    return Prop(x, z, 2.0 if turned else 2.2, (mesh(lofts),))


def tree(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A trunk and a crown of several balls."""
    bark = Surface((0.28, 0.22, 0.17), "leaves", (0.4, 0.33, 0.27), 0.4)
    leaf = Surface(
        (0.05, 0.09, 0.03), "leaves", (0.25, 0.30, 0.14), between(rng, 0.7, 1.4), grain=0.2
    )
    high, thick = between(rng, 2.3, 3.6), between(rng, 0.10, 0.22)
    ground = np.array([x, 0, z], np.float32)
    points = ground + np.linspace(0, high, 4, dtype=np.float32)[:, None] * UP
    radius = thick * np.array([1.25, 1.0, 0.9, 0.8], np.float32)
    lofts = [tube(bark, points, radius, radius, SIDE)]
    for _ in range(5):
        size = np.float32(between(rng, 0.7, 1.4))
        at = ground + (high + 0.7 + rng.uniform(-0.4, 0.9)) * UP
        at = at + rng.uniform(-0.9, 0.9) * SIDE + rng.uniform(-0.9, 0.9) * AHEAD
        lofts.append(ball(leaf, at.astype(np.float32), size * SIDE, 0.8 * size * UP, size * AHEAD))
    return Prop(x, z, thick, (mesh(lofts),), reach=2.5)


def bush(rng: np.random.Generator, x: float, z: float) -> Prop:
    """Three balls of leaves."""
    leaf = Surface(
        (0.06, 0.11, 0.04), "leaves", (0.26, 0.32, 0.15), between(rng, 0.4, 0.9), grain=0.2
    )
    size = np.float32(between(rng, 0.35, 0.8))
    lofts = [
        ball(
            leaf,
            np.array(
                [x + rng.uniform(-0.5, 0.5), 0.6 * size, z + rng.uniform(-0.3, 0.3)], np.float32
            ),
            size * SIDE,
            size * between(rng, 0.8, 1.3) * UP,
            size * AHEAD,
        )
        for _ in range(3)
    ]
    return Prop(x, z, 1.2 * float(size), (mesh(lofts),))


def lamp(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A lamp post or sign post."""
    metal = Surface(pick(rng, {(0.2, 0.22, 0.22): 2, (0.5, 0.5, 0.5): 2, (0.12, 0.25, 0.17): 1}))
    high, thick = between(rng, 2.8, 6), between(rng, 0.04, 0.09)
    points = np.array([[x, 0, z], [x, 0.5 * high, z], [x, high, z]], np.float32)
    radius = np.full(3, thick, np.float32)
    lofts = [tube(metal, points, radius, radius, SIDE)]
    if chance(rng, 0.5):
        sign = Surface(pick(rng, {(0.1, 0.25, 0.6): 2, (0.7, 0.1, 0.1): 1, (0.8, 0.8, 0.8): 1}))
        lofts.append(box(sign, (x, min(high, 2.7), z), (0.3, 0.3, 0.03), 0.0))
    return Prop(x, z, thick, (mesh(lofts),))


def bollard(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A post as high as a hip."""
    paint = Surface(
        pick(rng, {(0.15, 0.15, 0.16): 3, (0.55, 0.55, 0.53): 3, (0.75, 0.62, 0.15): 1})
    )
    high = between(rng, 0.6, 1.0)
    points = np.array([[x, 0, z], [x, 0.5 * high, z], [x, high, z]], np.float32)
    radius = np.full(3, between(rng, 0.05, 0.14), np.float32)
    return Prop(x, z, 0.15, (mesh([tube(paint, points, radius, radius, SIDE)]),))


def bin_can(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A litter bin."""
    paint = Surface(pick(rng, {(0.15, 0.3, 0.2): 2, (0.3, 0.3, 0.32): 3, (0.2, 0.3, 0.5): 1}))
    high = between(rng, 0.7, 1.1)
    return Prop(
        x, z, 0.4, (mesh([box(paint, (x, high / 2, z), (0.28, high / 2, 0.28), 0, 0.6, 1.08)]),)
    )


def bench(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A bench along x."""
    worn = between(rng, 0.6, 1.5)
    wood = Surface(clipped(worn * np.array([0.42, 0.30, 0.20])), "stripes", (0.3, 0.22, 0.15), 0.1)
    iron = Surface((0.2, 0.2, 0.2))
    back = 0.22 if z > 0 else -0.22
    lofts = [
        box(wood, (x, 0.45, z), (0.9, 0.03, 0.22)),
        box(wood, (x, 0.75, z + back), (0.9, 0.15, 0.03)),
        *(box(iron, (x + end, 0.22, z), (0.04, 0.22, 0.2)) for end in (-0.75, 0.75)),
    ]
    return Prop(x, z, 1.0, (mesh(lofts),))


def crate(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A planter, box or display stand."""
    colour = clipped(rng.uniform(0.35, 0.65, 3))
    side = Surface(colour, pick(rng, {"plain": 3, "bricks": 1, "stripes": 1}), (0.4, 0.4, 0.4), 0.2)
    half, high = between(rng, 0.3, 0.7), between(rng, 0.3, 0.75)
    lofts: list[Loft] = [box(side, (x, high / 2, z), (half, high / 2, between(rng, 0.25, 0.5)))]
    if chance(rng, 0.6):
        top = Surface((0.08, 0.14, 0.05), "leaves", (0.45, 0.45, 0.2), 0.5, grain=0.3)
        size = np.float32(half * 0.8)
        at = np.array([x, high + 0.3 * size, z], np.float32)
        lofts.append(ball(top, at, size * SIDE, 0.6 * size * UP, 0.6 * size * AHEAD))
    return Prop(x, z, half + 0.1, (mesh(lofts),))


def kiosk(rng: np.random.Generator, x: float, z: float) -> Prop:
    """A stall with a poster."""
    poster = Decal(clipped(rng.uniform(0.2, 0.9, 3)), (0, 1.5), (0.5, 0.6), 0, "blot")
    side = Surface((0.5, 0.52, 0.55), "plain", decals=(poster,))
    roof = Surface((0.25, 0.25, 0.28))
    lofts = [
        box(side, (x, 1.2, z), (0.8, 1.2, 0.6)),
        box(roof, (x, 2.45, z), (1.0, 0.08, 0.8)),
    ]
    return Prop(x, z, 1.1, (mesh(lofts),))


def column(rng: np.random.Generator, x: float, z: float, high: float) -> Prop:
    """A column up to the ceiling."""
    stone = Surface((0.66, 0.65, 0.63), "tiles", (0.58, 0.57, 0.55), 0.8)
    size = np.full(4, between(rng, 0.2, 0.35), np.float32)
    points = (
        np.array([x, 0, z], np.float32) + np.linspace(0, high, 4, dtype=np.float32)[:, None] * UP
    )
    square = 0.2 if chance(rng, 0.5) else 1.0
    return Prop(x, z, 0.4, (mesh([tube(stone, points, size, size, SIDE, square)]),))
