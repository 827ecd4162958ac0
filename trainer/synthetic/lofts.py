"""Meshes made of lofts: rows of rings, each an ellipse or a rounded rectangle, skinned over.

Everything solid of the rendered world is built of them, from a thumb to a parked car.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from trainer.synthetic.surfaces import Surface

Floats = npt.NDArray[np.float32]

SIDES = 14
# Columns of `Mesh.attributes`.
NORMAL = slice(0, 3)
AROUND, ALONG, ACROSS, FRONT, OPEN, OWNER = 3, 4, 5, 6, 7, 8
_POINT_M = 1e-3  # a ring this small closes an end

# Corners of a ring; the first and the last are the seam, at the back.
_ANGLES = np.linspace(-0.5 * np.pi, 1.5 * np.pi, SIDES + 1)
# Rounded, so that what is zero stays zero under the root that makes a ring rectangular.
_COS = np.cos(_ANGLES).round(6).astype(np.float32)
_SIN = np.sin(_ANGLES).round(6).astype(np.float32)


@dataclass(frozen=True)
class Loft:
    """Rings of one skin, all of one surface.

    Attributes:
        surface: what it is made of.
        centres: float32 (R, 3), metres.
        across: float32 (R, 3), from the centre to the ring's side.
        front: float32 (R, 3), from the centre to the ring's front.
        square: 1 is an ellipse; towards 0 it becomes a rectangle.
        open_sky: float32 (R,), share of the sky's light that reaches the ring, 0 to 1.
    """

    surface: Surface
    centres: Floats
    across: Floats
    front: Floats
    square: float = 1.0
    open_sky: Floats | None = None


@dataclass(frozen=True)
class Mesh:
    """Triangles with what shading needs at their corners.

    Attributes:
        vertices: float32 (V, 3), metres.
        attributes: float32 (V, 9): normal, metres around and along the loft, metres sideways from
            its middle, how much it is the front (-1 to 1), share of the sky's light, number of
            the surface.
        triangles: int64 (T, 3), counterclockwise from outside.
        surfaces: what it is made of.
    """

    vertices: Floats
    attributes: Floats
    triangles: npt.NDArray[np.int64]
    surfaces: tuple[Surface, ...]


def cross(left: Floats, right: Floats) -> Floats:
    """Cross products of (..., 3); several times faster than NumPy's own on a few rows."""
    (a, b, c), (d, e, f) = left.T, right.T
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d]).T


def closed(loft: Loft) -> Loft:
    """The same with both ends closed by a flat lid."""
    ends = [0, *range(len(loft.centres)), -1]
    across, front = loft.across[ends].copy(), loft.front[ends].copy()
    for axis in (across, front):
        axis[[0, -1]] *= _POINT_M
    sky = None if loft.open_sky is None else loft.open_sky[ends]
    return Loft(loft.surface, loft.centres[ends], across, front, loft.square, sky)


def tube(
    surface: Surface,
    points: Floats,
    widths: Floats,
    depths: Floats,
    hint: Floats,
    square: float = 1.0,
    open_sky: Floats | None = None,
) -> Loft:
    """A closed loft along points (R, 3); `hint` is about where its side lies, (3,) or (R, 3)."""
    ahead = np.gradient(points, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-9
    front = cross(np.broadcast_to(hint, points.shape), ahead)
    front /= np.linalg.norm(front, axis=1, keepdims=True) + 1e-9
    across = cross(ahead, front)
    return closed(
        Loft(
            surface,
            points.astype(np.float32),
            (across * widths[:, None]).astype(np.float32),
            (front * depths[:, None]).astype(np.float32),
            square,
            open_sky,
        )
    )


def box(
    surface: Surface,
    centre: Sequence[float] | Floats,
    half: Sequence[float],
    turn: float = 0.0,
    square: float = 0.2,
    taper: float = 1.0,
) -> Loft:
    """A rounded upright box; `half` is its half width, height and depth, `turn` about y (rad)."""
    levels = np.array([-1.0, -0.97, 0.0, 0.97, 1.0], np.float32)
    shrink = np.array([0.94, 1.0, 0.5 + 0.5 * taper, taper, 0.94 * taper], np.float32)
    points = np.asarray(centre, np.float32) + levels[:, None] * np.array(
        [0, half[1], 0], np.float32
    )
    across = np.array([np.cos(turn), 0, -np.sin(turn)], np.float32) * half[0]
    front = np.array([np.sin(turn), 0, np.cos(turn)], np.float32) * half[2]
    return closed(Loft(surface, points, across * shrink[:, None], front * shrink[:, None], square))


def ball(
    surface: Surface, centre: Sequence[float] | Floats, across: Floats, up: Floats, front: Floats
) -> Loft:
    """An ellipsoid with the given half axes, each (3,)."""
    angles = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 7)
    rise = np.sin(angles).astype(np.float32)[:, None]
    shrink = np.maximum(np.cos(angles), _POINT_M).astype(np.float32)[:, None]
    return Loft(
        surface, np.asarray(centre, np.float32) + rise * up, shrink * across, shrink * front
    )


def mesh(lofts: Sequence[Loft]) -> Mesh:
    """All lofts in one mesh, with smooth normals that point outwards."""
    counts = tuple(len(loft.centres) for loft in lofts)
    grid = _grid(counts)
    centres = np.concatenate([loft.centres for loft in lofts])
    across = np.concatenate([loft.across for loft in lofts])
    front = np.concatenate([loft.front for loft in lofts])
    square = np.repeat(np.array([loft.square for loft in lofts], np.float32), counts)[:, None]
    cos = np.sign(_COS) * np.abs(_COS) ** square  # (R, S)
    sin = np.sign(_SIN) * np.abs(_SIN) ** square
    offsets = across[:, None] * cos[..., None] + front[:, None] * sin[..., None]  # (R, S, 3)
    points: Floats = (centres[:, None] + offsets).astype(np.float32)
    normals = _normals(points, grid)
    outwards = np.add.reduceat((normals * offsets).sum((1, 2)), grid.first_rows) >= 0
    normals = np.where(np.repeat(outwards, counts)[:, None, None], normals, -normals)

    widths = np.linalg.norm(across, axis=1)
    depths = np.linalg.norm(front, axis=1)
    steps = np.linalg.norm(centres - centres[grid.before], axis=1)
    along = np.cumsum(steps)
    along -= np.repeat(along[grid.first_rows], counts)
    girth = 0.5 * (widths + depths)
    girth = np.maximum(girth, np.maximum.reduceat(girth, grid.first_rows).repeat(counts) * 0.5)
    attributes = np.empty((*points.shape[:2], 9), np.float32)
    attributes[..., NORMAL] = normals
    attributes[..., AROUND] = girth[:, None] * _ANGLES
    attributes[..., ALONG] = along[:, None]
    attributes[..., ACROSS] = widths[:, None] * cos
    attributes[..., FRONT] = _SIN
    attributes[..., OPEN] = np.concatenate(
        [np.ones(n, np.float32) if loft.open_sky is None else loft.open_sky
         for loft, n in zip(lofts, counts, strict=True)]
    )[:, None]  # fmt: skip
    surfaces = tuple(dict.fromkeys(loft.surface for loft in lofts))
    numbers = [surfaces.index(loft.surface) for loft in lofts]
    attributes[..., OWNER] = np.repeat(np.array(numbers, np.float32), counts)[:, None]
    triangles = np.where(
        outwards[grid.triangle_lofts][:, None], grid.triangles, grid.triangles[:, ::-1]
    )
    return Mesh(
        points.reshape(-1, 3),
        attributes.reshape(-1, 9),
        triangles,
        surfaces,
    )


@dataclass(frozen=True)
class _Grid:
    """How rings of several lofts, stacked into one array, hang together."""

    first_rows: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]
    triangles: npt.NDArray[np.int64]
    triangle_lofts: npt.NDArray[np.int64]


@lru_cache(maxsize=512)
def _grid(counts: tuple[int, ...]) -> _Grid:
    firsts = np.cumsum((0, *counts[:-1]))
    rows = np.arange(sum(counts))
    lasts = firsts + np.array(counts) - 1
    before, after = rows - 1, rows + 1
    before[firsts], after[lasts] = firsts, lasts
    lower = np.setdiff1d(rows, lasts)  # the lower ring of each quad
    corner = (lower[:, None] * (SIDES + 1) + np.arange(SIDES)).reshape(-1)
    beside, above = corner + 1, corner + SIDES + 1
    # Rows go up and columns from the side to the front: outwards is (up) x (front).
    triangles = np.stack(
        [np.stack([corner, above, beside], 1), np.stack([beside, above, above + 1], 1)], 1
    ).reshape(-1, 3)
    owners = np.repeat(np.searchsorted(firsts, lower, side="right") - 1, 2 * SIDES)
    return _Grid(firsts, before, after, triangles, owners)


def _normals(points: Floats, grid: _Grid) -> Floats:
    """Unit normals (R, S, 3), inwards or outwards."""
    columns = np.arange(SIDES + 1)
    left, right = columns - 1, columns + 1
    left[0], right[-1] = SIDES - 1, 1  # the seam's two columns are one
    around = points[:, right] - points[:, left]
    along = points[grid.after] - points[grid.before]
    normals = cross(along.transpose(1, 0, 2), around.transpose(1, 0, 2)).transpose(1, 0, 2)
    return normals / (np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12)
