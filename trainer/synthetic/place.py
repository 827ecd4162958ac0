"""The places that cameras watch: a promenade along x, what borders it, and the light.

People walk around z = 0, along x. Walls are seen from their front only, so that a camera may hang
on one, or behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from trainer.synthetic.draws import between, chance, pick
from trainer.synthetic.lofts import Mesh
from trainer.synthetic.props import (
    Prop,
    bench,
    bin_can,
    bollard,
    bush,
    car,
    column,
    crate,
    kiosk,
    lamp,
    tree,
)
from trainer.synthetic.surfaces import Colour, Decal, Surface, clipped


@dataclass(frozen=True)
class Band:
    """A strip of other ground along x, from `near` to `far` in z."""

    near: float
    far: float
    surface: Surface


@dataclass(frozen=True)
class Wall:
    """A vertical rectangle; whoever walks from start to end, (x, z), has its front to the left."""

    start: tuple[float, float]
    end: tuple[float, float]
    height: float
    surface: Surface


@dataclass(frozen=True)
class Light:
    """What lights a place.

    Attributes:
        towards_sun: unit vector.
        sun, sky: strength of either, linear RGB.
        shade: (a, b, c): no sun reaches the ground where a x + b z > c; None: it does everywhere.
    """

    towards_sun: tuple[float, float, float]
    sun: Colour
    sky: Colour
    shade: tuple[float, float, float] | None = None

    def reaches(self, x: float, z: float) -> bool:
        """Whether the sun shines on the ground there."""
        return self.shade is None or self.shade[0] * x + self.shade[1] * z <= self.shade[2]


@dataclass(frozen=True)
class Place:
    """A piece of world without people.

    Attributes:
        ground: what lies where no band does.
        bands: the later ones on top.
        walls, props: what stands there.
        light: what lights it.
        half_width: people walk where abs(z) is below it.
        half_length: people walk where abs(x) is below it.
        behind: lowest and highest z where a camera may hang.
        ceiling: its height in metres and material; None: the sky.
        sky: its colour, sRGB.
    """

    ground: Surface
    bands: tuple[Band, ...]
    walls: tuple[Wall, ...]
    props: tuple[Prop, ...]
    light: Light
    half_width: float
    half_length: float
    behind: tuple[float, float]
    ceiling: tuple[float, Surface] | None = None
    sky: Colour = (0.75, 0.82, 0.90)
    meshes: tuple[Mesh, ...] = field(default=(), repr=False)

    def free(self, x: float, z: float, radius: float = 0.35) -> bool:
        """Whether a person can stand there."""
        if abs(z) > self.half_width or abs(x) > self.half_length:
            return False
        return all(np.hypot(x - prop.x, z - prop.z) > prop.radius + radius for prop in self.props)


GROUNDS: dict[str, tuple[Colour, Colour, float]] = {
    "asphalt": ((0.33, 0.33, 0.34), (0.50, 0.50, 0.50), 1.1),
    "grass": ((0.19, 0.24, 0.11), (0.36, 0.39, 0.21), 1.5),
    "tiles": ((0.62, 0.60, 0.57), (0.45, 0.44, 0.42), 0.5),
    "bricks": ((0.60, 0.52, 0.47), (0.42, 0.37, 0.34), 0.2),
}


def draw_place(rng: np.random.Generator, half_length: float, outdoors: bool = False) -> Place:
    """A place of chance; `outdoors` leaves out those under a roof."""
    styles: dict[Callable[..., Place], float] = {_street: 26, _park: 16, _plaza: 20, _yard: 10}
    if not outdoors:
        styles |= {_hall: 12, _corridor: 9, _shop: 7}
    place = pick(rng, styles)(rng, half_length)
    return replace(place, meshes=tuple(mesh for prop in place.props for mesh in prop.meshes))


def _ground(rng: np.random.Generator, kind: str) -> Surface:
    low, high, scale = GROUNDS[kind]
    tint = np.exp(rng.normal(0, 0.03, 3)) * np.exp(rng.normal(0, 0.15))
    factor = between(rng, 0.7, 1.6)
    dark, light = clipped(np.array(low) * tint), clipped(np.array(high) * tint)
    return Surface(dark, kind, light, scale * factor, grain=0.1)


def _grey(rng: np.random.Generator, low: float, high: float, tint: float = 0.02) -> Colour:
    return clipped(between(rng, low, high) + rng.normal(0, tint, 3))


def _facade(rng: np.random.Generator) -> Surface:
    kind = pick(rng, {"windows": 6, "bricks": 2, "plain": 2, "tiles": 2})
    second: Colour = (0.13, 0.15, 0.18) if kind == "windows" else _grey(rng, 0.3, 0.7)
    scale = between(rng, 2.2, 3.6) if kind == "windows" else between(rng, 0.25, 0.9)
    doors = tuple(
        Decal(
            _grey(rng, 0.1, 0.6, 0.1), (between(rng, -18, 18), 1.1), (between(rng, 0.5, 2.5), 1.2)
        )
        for _ in range(int(rng.integers(2, 7)))
    )
    return Surface(_grey(rng, 0.35, 0.8, 0.035), kind, second, scale, grain=0.12, decals=doors)


def _daylight(rng: np.random.Generator) -> Light:
    if chance(rng, 0.4):  # overcast
        sky = between(rng, 0.75, 1.0)
        blue = between(rng, 0.97, 1.12)
        return Light((0.2, 0.95, 0.2), (0.12,) * 3, (sky, sky, sky * blue))
    height, around = between(rng, 0.35, 1.25), between(rng, 0, 2 * np.pi)
    towards = (
        float(np.cos(height) * np.sin(around)),
        float(np.sin(height)),
        float(np.cos(height) * np.cos(around)),
    )
    warm = 1 - 0.45 * float(np.exp(-3.5 * (height - 0.3)))
    strength = between(rng, 0.9, 1.5)
    sun = (strength, strength * (0.7 + 0.3 * warm), strength * (0.45 + 0.55 * warm))
    sky = between(rng, 0.28, 0.5)
    shade = None
    if chance(rng, 0.4):  # a building's shadow lies over a part
        turn = between(rng, 0, 2 * np.pi)
        shade = (float(np.cos(turn)), float(np.sin(turn)), between(rng, -3, 5))
    return Light(towards, sun, (sky, sky * 1.05, sky * 1.2), shade)


def _lamplight(rng: np.random.Generator) -> Light:
    warm = between(rng, 0.0, 0.35)
    sky = between(rng, 0.6, 0.9)
    lamps = between(rng, 0.15, 0.45)
    tint = (1.0, 1 - 0.35 * warm, 1 - 0.9 * warm)
    around = between(rng, 0, 2 * np.pi)
    return Light(
        (0.45 * float(np.sin(around)), 0.89, 0.45 * float(np.cos(around))),
        (lamps * tint[0], lamps * tint[1], lamps * tint[2]),
        (sky * tint[0], sky * tint[1], sky * tint[2]),
    )


def _row(rng: np.random.Generator, half_length: float, step: float) -> list[float]:
    """Places along x, about `step` apart."""
    count = max(1, int(2 * half_length / step))
    return [
        float(x) for x in np.linspace(-half_length, half_length, count) + rng.uniform(-1, 1, count)
    ]


def _street(rng: np.random.Generator, half_length: float) -> Place:
    half = between(rng, 2.2, 4.0)
    road = half + 0.2
    far = road + between(rng, 6, 9)
    ends = half_length + 60
    line = (0.85, 0.85, 0.8)
    bands = (
        Band(-half - 12, half, _ground(rng, pick(rng, {"tiles": 5, "bricks": 4, "asphalt": 2}))),
        Band(half, road, Surface((0.6, 0.6, 0.58))),
        Band(0.5 * (road + far) - 0.06, 0.5 * (road + far) + 0.06, Surface(line, "bars",
             (0.35, 0.35, 0.35), 6.0)),
        Band(far, far + 0.2, Surface((0.6, 0.6, 0.58))),
        Band(far + 0.2, 200, _ground(rng, pick(rng, {"tiles": 3, "grass": 2}))),
    )  # fmt: skip
    near, across = -half - between(rng, 0.3, 4), far + between(rng, 3, 10)
    walls = (
        Wall((-ends, near), (ends, near), between(rng, 7, 14), _facade(rng)),
        Wall((ends, across), (-ends, across), between(rng, 7, 16), _facade(rng)),
    )
    props: list[Prop] = []
    for x in _row(rng, half_length + 15, between(rng, 6, 11)):
        if chance(rng, 0.7):
            props.append(car(rng, x, road + 1.2))
        if chance(rng, 0.35):
            props.append(car(rng, x + 2, far - 1.2))
    kerb = pick(rng, {lamp: 3, tree: 3, bollard: 3})
    props += [kerb(rng, x, half - 0.3) for x in _row(rng, half_length + 8, between(rng, 4, 10))]
    props += [bin_can(rng, x, -half + 0.4) for x in _row(rng, half_length, 14)]
    return Place(
        _ground(rng, "asphalt"), bands, walls, tuple(props), _daylight(rng), half - 0.2,
        half_length, (near + 0.3, across),
    )  # fmt: skip


def _park(rng: np.random.Generator, half_length: float) -> Place:
    half = between(rng, 1.8, 3.5)
    ends = half_length + 60
    path = _ground(rng, pick(rng, {"asphalt": 4, "bricks": 3, "tiles": 2}))
    kerb = Surface((0.55, 0.55, 0.52))
    bands = (Band(-half - 0.12, half + 0.12, kerb), Band(-half, half, path))
    hedge = Surface((0.06, 0.09, 0.04), "leaves", (0.23, 0.28, 0.13), 2.2, grain=0.2)
    reach = between(rng, 9, 20)
    walls = (
        Wall((-ends, -reach), (ends, -reach), between(rng, 3, 9), hedge),
        Wall((ends, reach), (-ends, reach), between(rng, 3, 9), hedge),
    )
    props: list[Prop] = []
    for x in _row(rng, half_length + 12, between(rng, 2.5, 5)):
        for side in (-1, 1):
            kind = pick(rng, {bush: 4, tree: 4, bench: 1, lamp: 1.2})
            away = half + 0.8 if kind in (bench, lamp) else half + between(rng, 1.2, 6)
            props.append(kind(rng, x, side * away))
    return Place(
        _ground(rng, "grass"), bands, walls, tuple(props), _daylight(rng), half - 0.1, half_length,
        (-reach, reach),
    )  # fmt: skip


def _plaza(rng: np.random.Generator, half_length: float) -> Place:
    half = between(rng, 4, 6)
    ends = half_length + 60
    near, far = -half - between(rng, 3, 12), half + between(rng, 3, 14)
    ground = _ground(rng, pick(rng, {"tiles": 5, "bricks": 5, "asphalt": 1}))
    walls = (
        Wall((-ends, near), (ends, near), between(rng, 6, 14), _facade(rng)),
        Wall((ends, far), (-ends, far), between(rng, 6, 14), _facade(rng)),
    )
    bands = (Band(-0.4, 0.4, _ground(rng, "tiles")),) if chance(rng, 0.5) else ()
    props: list[Prop] = []
    for x in _row(rng, half_length + 10, between(rng, 4, 8)):
        for side in (-1, 1):
            kind = pick(rng, {crate: 3, bench: 3, lamp: 2, tree: 2, bollard: 2, kiosk: 1, bush: 2})
            props.append(kind(rng, x, side * (half + between(rng, 0.3, 3))))
    props += [bollard(rng, x, between(rng, -2, 2)) for x in _row(rng, half_length, 9)]
    return Place(
        ground, bands, walls, tuple(props), _daylight(rng), half, half_length,
        (near + 0.3, far - 0.3),
    )  # fmt: skip


def _yard(rng: np.random.Generator, half_length: float) -> Place:
    half = between(rng, 3, 4.5)
    ends = half_length + 60
    near, far = -half - between(rng, 6, 9), half + between(rng, 6, 9)
    paint = Surface((0.33, 0.33, 0.34), "bars", (0.85, 0.85, 0.8), 2.6)
    fence = Surface(_grey(rng, 0.3, 0.6), "bars", _grey(rng, 0.2, 0.7), between(rng, 0.1, 0.3))
    walls = (
        Wall((-ends, near), (ends, near), between(rng, 1.8, 9), _facade(rng)),
        Wall((ends, far), (-ends, far), between(rng, 1.8, 3), fence),
    )
    bands = (Band(half, half + 0.08, Surface((0.85, 0.85, 0.8))),
             Band(half + 0.08, half + 0.3, paint))  # fmt: skip
    props = [
        car(rng, x, side * (half + 2.6), turned=True)
        for side in (-1, 1)
        for x in np.arange(-half_length - 14, half_length + 14, 2.7)
        if chance(rng, 0.6)
    ]
    props += [lamp(rng, x, half + 0.4) for x in _row(rng, half_length + 8, 12)]
    return Place(
        _ground(rng, "asphalt"), bands, walls, tuple(props), _daylight(rng), half, half_length,
        (near + 0.3, far + 6),
    )  # fmt: skip


def _hall(rng: np.random.Generator, half_length: float) -> Place:
    half, high = between(rng, 4, 6), between(rng, 3.8, 6)
    fronts = Surface(
        _grey(rng, 0.5, 0.8), "windows", _grey(rng, 0.5, 0.95, 0.08), between(rng, 3, 6), grain=0.08
    )
    pillars = [
        column(rng, x, side * (half - 0.6), high)
        for x in _row(rng, half_length, between(rng, 5, 8))
        for side in (-1, 1)
    ]
    clutter = [
        pick(rng, {crate: 2, bench: 3, bin_can: 3, kiosk: 1})(rng, x, side * (half - 0.8))
        for x in _row(rng, half_length, 7)
        for side in (-1, 1)
    ]
    return _indoors(rng, half, half_length, high, fronts, (*pillars, *clutter))


def _corridor(rng: np.random.Generator, half_length: float) -> Place:
    half, high = between(rng, 1.4, 2.4), between(rng, 2.7, 3.3)
    doors = tuple(
        Decal(_grey(rng, 0.2, 0.7, 0.08), (x, 1.05), (0.48, 1.05)) for x in np.arange(-40, 40, 3.7)
    )
    rail = Decal(_grey(rng, 0.3, 0.7, 0.08), (0, 0.5), (99, between(rng, 0.08, 0.5)))
    wall = Surface(_grey(rng, 0.6, 0.88), grain=0.05, decals=(rail, *doors))
    return _indoors(rng, half, half_length, high, wall, ())


def _shop(rng: np.random.Generator, half_length: float) -> Place:
    half, high = between(rng, 1.8, 3.2), between(rng, 2.9, 4)
    shelves = Surface(
        _grey(rng, 0.1, 0.5, 0.2), "shelves", _grey(rng, 0.6, 0.9, 0.2), 0.42, grain=0.35
    )
    stands = tuple(
        crate(rng, x, side * (half - 0.5))
        for x in _row(rng, half_length, 4.5)
        for side in (-1, 1)
        if chance(rng, 0.6)
    )
    return _indoors(rng, half, half_length, high, shelves, stands)


def _indoors(
    rng: np.random.Generator, half: float, half_length: float, high: float, wall: Surface,
    props: tuple[Prop, ...],
) -> Place:  # fmt: skip
    ends = half_length + 10
    back = Surface(_grey(rng, 0.4, 0.8), "windows", _grey(rng, 0.3, 0.9), 2.5)
    walls = (
        Wall((-ends, -half), (ends, -half), high, wall),
        Wall((ends, half), (-ends, half), high, wall),
        Wall((ends, -half), (ends, half), high, back),
        Wall((-ends, half), (-ends, -half), high, back),
    )
    lamps = Surface(_grey(rng, 0.6, 0.85), "windows", (1.0, 1.0, 1.0), between(rng, 1.2, 3))
    floor = pick(rng, {"tiles": 6, "asphalt": 2})
    return Place(
        _ground(rng, floor), (), walls, props, _lamplight(rng), half - 0.35, half_length,
        (-half + 0.2, half - 0.2), (high, lamps),
    )  # fmt: skip
