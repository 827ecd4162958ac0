"""What things are made of: colour, pattern, prints; painted in metres on the thing's own skin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.synthetic.noise import CLOUDS, GRAIN, ROUGH, noise

Colour = tuple[float, float, float]  # sRGB, 0 to 1


def clipped(values: Iterable[float]) -> Colour:
    """The colour of three numbers; neither quite black nor quite white."""
    red, green, blue = (min(max(float(value), 0.03), 0.97) for value in values)
    return red, green, blue


@dataclass(frozen=True)
class Decal:
    """Something on a surface: a print, a strap, a zip, skin below a hem, a window.

    Attributes:
        colour: sRGB, 0 to 1.
        centre: metres across and along.
        half: half its size in metres, across and along.
        side: 1 on the front only, -1 on the back only, 0 all around.
        kind: "box", "disc", "text" (lines of letters), "blot" (a picture) or "sash" (a diagonal
            strip of half width `half[0]`, rising by `half[1]` metres for each metre sideways).
    """

    colour: Colour
    centre: tuple[float, float]
    half: tuple[float, float]
    side: int = 0
    kind: str = "box"


@dataclass(frozen=True)
class Surface:
    """One material.

    Attributes:
        colour: sRGB, 0 to 1.
        pattern: a name of `PATTERNS`.
        second: the pattern's other colour, sRGB.
        scale_m: length of the pattern's period.
        folds: how much the cloth is rumpled, 0 to 1.
        grain: how much the colour varies from place to place, 0 to 1.
        gloss: 0 (cloth) to 1 (car paint).
        decals: what is on it, the last on top.
    """

    colour: Colour
    pattern: str = "plain"
    second: Colour = (1.0, 1.0, 1.0)
    scale_m: float = 0.05
    folds: float = 0.0
    grain: float = 0.06
    gloss: float = 0.0
    decals: tuple[Decal, ...] = ()


def paint(surface: Surface, around: Tensor, along: Tensor, across: Tensor, front: Tensor) -> Tensor:
    """What share of the light the surface throws back at n places, linear (n, 3).

    Args:
        surface: what it is made of.
        around: metres (n,) around its loft, as in `lofts.Mesh.attributes`.
        along: metres (n,) along it.
        across: metres (n,) sideways from its middle.
        front: -1 to 1 (n,).
    """
    amount = PATTERNS[surface.pattern](around / surface.scale_m, along / surface.scale_m)
    base, second = _linear(surface.colour, around), _linear(surface.second, around)
    colour = base + (second - base) * amount[:, None]
    for decal in surface.decals:
        mask = _covered(decal, along, across, front)
        colour = torch.lerp(colour, _linear(decal.colour, around), mask[:, None])
    if surface.grain:
        rough = noise(around * 1.7, along * 1.7, ROUGH)
        colour = colour * (1 + surface.grain * rough).clamp(0.3, 1.8)[:, None]
    return colour.clamp_(0.002, 1.0)


def _linear(colour: Colour, like: Tensor) -> Tensor:
    return torch.tensor([channel**2.2 for channel in colour], dtype=like.dtype, device=like.device)


def _covered(decal: Decal, along: Tensor, across: Tensor, front: Tensor) -> Tensor:
    """Share (n,) of each place that the decal covers, 0 to 1."""
    right, up = across - decal.centre[0], along - decal.centre[1]
    if decal.kind == "sash":
        inside = (right * decal.half[1] - up).abs() < decal.half[0] * (
            1 + decal.half[1] ** 2
        ) ** 0.5
    elif decal.kind == "disc":
        inside = (right / decal.half[0]) ** 2 + (up / decal.half[1]) ** 2 < 1
    else:
        inside = (right.abs() < decal.half[0]) & (up.abs() < decal.half[1])
    if decal.side:
        inside = inside & (front * decal.side > 0.05)
    if decal.kind == "text":
        line = decal.half[1] / 2.5
        inside = (
            inside & ((up / line) % 1 < 0.6) & (noise(right * 9, (up / line).floor(), GRAIN) > -0.4)
        )
    elif decal.kind == "blot":
        inside = inside & (noise(right * 1.3 + decal.half[0], up * 1.3, CLOUDS) > -0.3)
    return inside.to(along.dtype)


def _steps(value: Tensor, share: float) -> Tensor:
    """1 in the first `share` of each unit, else 0."""
    return (value % 1 < share).to(value.dtype)


def _bricks(around: Tensor, along: Tensor) -> Tensor:
    """Joints are 1, stones vary: courses of twice their height, every other one moved."""
    course = along.floor()
    column = around * 0.5 + 0.5 * (course % 2)
    joint = torch.maximum(_steps(along, 0.1), _steps(column, 0.05))
    stone = noise(column.floor() * 0.377, course * 0.213, GRAIN)
    return torch.maximum(joint, (0.3 + 0.22 * stone).clamp(0, 0.9))


def _tiles(around: Tensor, along: Tensor) -> Tensor:
    joint = torch.maximum(_steps(along, 0.05), _steps(around, 0.05))
    tile = noise(around.floor() * 0.377, along.floor() * 0.213, GRAIN)
    return torch.maximum(joint, (0.25 + 0.16 * tile).clamp(0, 0.9))


def _windows(around: Tensor, along: Tensor) -> Tensor:
    """Panes in a wall, one a unit; some reflect the sky."""
    pane = (around % 1 - 0.5).abs() < 0.3
    pane &= (along % 1 - 0.55).abs() < 0.28
    sash = (around % 1 - 0.5).abs() < 0.02
    sky = noise(around.floor() * 0.377, along.floor() * 0.213, GRAIN)
    return (pane & ~sash).to(around.dtype) * (1 - 0.25 * sky.clamp(-1, 1))


def _shelves(around: Tensor, along: Tensor) -> Tensor:
    """Goods on boards: the amount varies from good to good."""
    board = _steps(along, 0.12)
    goods = noise((around * 5).floor() * 0.377, along.floor() * 0.213, GRAIN)
    return torch.where(board > 0, torch.full_like(goods, 0.1), (0.5 + 0.45 * goods).clamp(0, 1))


def _grass(around: Tensor, along: Tensor) -> Tensor:
    fine, wide = noise(around, along, GRAIN), noise(around * 0.11, along * 0.11, CLOUDS)
    return (0.4 + 0.2 * fine + 0.2 * wide).clamp(0, 1)


def _asphalt(around: Tensor, along: Tensor) -> Tensor:
    fine, wide = noise(around, along, GRAIN), noise(around * 0.06, along * 0.06, CLOUDS)
    crack = (noise(around * 0.09, along * 0.09, ROUGH).abs() < 0.02).to(fine.dtype)
    return (0.35 + 0.1 * fine + 0.15 * wide - 0.3 * crack).clamp(0, 1)


# Each takes positions in periods (n,), around and along, and gives the second colour's share (n,).
PATTERNS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "plain": lambda _, along: torch.zeros_like(along),
    "stripes": lambda _, along: _steps(along, 0.45),
    "bars": lambda around, _: _steps(around, 0.3),
    "checks": lambda around, along: 0.5 * (_steps(along, 0.4) + _steps(around, 0.4)),
    "gradient": lambda _, along: along.clamp(0, 1),
    "block": lambda _, along: (along > 1).to(along.dtype),
    "dots": lambda around, along: (((around % 1 - 0.5) ** 2 + (along % 1 - 0.5) ** 2) < 0.07).to(
        along.dtype
    ),
    "camouflage": lambda around, along: (noise(around * 0.14, along * 0.14, CLOUDS) > 0.1).to(
        along.dtype
    ),
    "bricks": _bricks,
    "tiles": _tiles,
    "windows": _windows,
    "shelves": _shelves,
    "grass": _grass,
    "leaves": lambda around, along: (0.4 + 0.35 * noise(around, along, ROUGH)).clamp(0, 1),
    "asphalt": _asphalt,
}
