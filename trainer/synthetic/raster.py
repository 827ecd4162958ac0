"""Which triangle each pixel shows: a z-buffer without loops, on any device of torch.

All triangles' pixels are listed at once, tested at once, and the nearest of each pixel is found by
a minimum over one 64-bit key (depth, triangle), which gives the same answer in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.synthetic.camera import Camera
from trainer.synthetic.lofts import Mesh

Floats = npt.NDArray[np.float32]

NEAR_M = 0.3
_EMPTY = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Window:
    """A part of a camera's frame, at its own resolution.

    Attributes:
        left, top: in frame pixels.
        scale: window pixels for each frame pixel.
        width, height: in window pixels.
    """

    left: float
    top: float
    scale: float
    width: int
    height: int

    def place(self, pixels: Floats) -> Floats:
        """Frame pixels (n, 2) → window pixels."""
        return (pixels - np.array([self.left, self.top], np.float32)) * np.float32(self.scale)

    def frame_pixels(self) -> Floats:
        """Where the middles of the window's pixels lie in the frame, row by row, (h * w, 2)."""
        x = self.left + (np.arange(self.width) + 0.5) / self.scale
        y = self.top + (np.arange(self.height) + 0.5) / self.scale
        return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2).astype(np.float32)


@dataclass(frozen=True)
class Layer:
    """What one mesh covers of a window, in a rectangle that may reach beyond it.

    Attributes:
        left, top: of the rectangle, in window pixels.
        depth: float32 (h, w), metres; infinite where the mesh is not.
        triangle: int64 (h, w), row of `corners`; -1 where it is not.
        corners: int64 (T', 3), vertices of the triangles that are seen.
        shares: float32 (3, 3, T'), the planes (per x, per y, at 0) of each corner's share.
    """

    left: int
    top: int
    depth: Tensor
    triangle: Tensor
    corners: Tensor
    shares: Tensor


def rasterise(
    mesh: Mesh, camera: Camera, window: Window, device: torch.device, beyond_px: int = 0
) -> Layer | None:
    """The mesh as the camera sees it; None: not in the window, or partly behind the camera.

    Args:
        mesh: in world coordinates.
        camera: who looks.
        window: where and how finely.
        device: where the work is done.
        beyond_px: how far outside the window it is followed, in window pixels.
    """
    pixels, depth = camera.project(mesh.vertices)
    if depth.min() < NEAR_M:
        return None
    return fill(window.place(pixels), depth, mesh.triangles, window, device, beyond_px)


def fill(
    points: Floats,
    depth: Floats,
    triangles: npt.NDArray[np.int64],
    window: Window,
    device: torch.device,
    beyond_px: int = 0,
) -> Layer | None:
    """Fills the triangles that face the camera; points (V, 2) in window pixels, depths (V,)."""
    low, high = _bounds(points, window, beyond_px)
    width, height = (high - low).astype(int)
    if width <= 0 or height <= 0:
        return None
    found = _listed(points - low, triangles, int(width), int(height), device)
    if found is None:
        return None
    rows, shares, owner, px, py = found
    deep = torch.from_numpy(depth).to(device)[rows].T  # (3, T')
    planes = torch.stack([*(shares * deep).sum(1), deep.amin(0), deep.amax(0)])
    per_x, per_y, at_zero, least, most = planes.index_select(1, owner)
    z = per_x * (px + 0.5) + per_y * (py + 0.5) + at_zero
    z = torch.minimum(torch.maximum(z, least), most)  # slivers are badly conditioned
    # The bits of positive floats order like the floats.
    key = (z.view(torch.int32).to(torch.int64) << 32) | owner
    best = torch.full((height * width,), _EMPTY, dtype=torch.int64, device=device)
    best.scatter_reduce_(0, (py * width + px).to(torch.int64), key, "amin")
    covered = best != _EMPTY
    triangle = torch.where(covered, best & 0xFFFFFFFF, -1)
    nearest = (best >> 32).to(torch.int32).view(torch.float32)
    nearest = torch.where(covered, nearest, torch.full_like(nearest, float("inf")))
    return Layer(
        int(low[0]), int(low[1]), nearest.view(height, width), triangle.view(height, width), rows,
        shares,
    )  # fmt: skip


def outline(
    points: Floats, triangles: npt.NDArray[np.int64], window: Window, device: torch.device
) -> Tensor | None:
    """Which pixels (h, w) of the window a closed mesh covers, 0 or 1; None: none.

    Its far side covers what its near side does, so that the triangles of one side are enough.
    """
    low, high = _bounds(points, window, 0)
    width, height = (high - low).astype(int)
    if width <= 0 or height <= 0:
        return None
    found = _listed(points - low, triangles, int(width), int(height), device)
    if found is None:
        return None
    mask = torch.zeros((window.height, window.width), device=device)
    mask[(found[4] + float(low[1])).to(torch.int64), (found[3] + float(low[0])).to(torch.int64)] = 1
    return mask


def _bounds(points: Floats, window: Window, beyond_px: int) -> tuple[Floats, Floats]:
    low = np.maximum(np.floor(points.min(0)), -beyond_px)
    high = np.minimum(np.ceil(points.max(0)), np.array([window.width, window.height]) + beyond_px)
    return low.astype(np.float32), high.astype(np.float32)


def _span(corners: Floats, size: int) -> tuple[Floats, Floats]:
    """First pixel, and number of pixels, between the corners (T, 3) of each triangle."""
    one, two, three = corners.T
    low = np.ceil(np.minimum(np.minimum(one, two), three) - 0.5)
    high = np.floor(np.maximum(np.maximum(one, two), three) - 0.5)
    low = np.maximum(low, 0)
    return low, np.minimum(high, size - 1) - low + 1


def _listed(
    points: Floats, triangles: npt.NDArray[np.int64], width: int, height: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor] | None:
    """Every pixel of every triangle that faces the camera.

    Returns:
        Those triangles that have pixels: their corners (T', 3) and the planes of the corners'
        shares (3, 3, T'), (per x, per y, at 0) by corner; and for each of n pixels its triangle,
        column and row (n,).
    """
    x, y = (points[:, axis][triangles] for axis in (0, 1))  # (T, 3)
    x_low, columns = _span(x, width)
    y_low, lines = _span(y, height)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    # Counterclockwise from outside is clockwise on a screen whose y points down.
    kept = np.flatnonzero((area < -1e-4) & (columns > 0) & (lines > 0))
    if not len(kept):
        return None
    x, y, area = x[kept], y[kept], area[kept, None]
    per_x = (np.roll(y, -1, 1) - np.roll(y, 1, 1)) / area
    per_y = (np.roll(x, 1, 1) - np.roll(x, -1, 1)) / area
    at_zero = (np.roll(x, -1, 1) * np.roll(y, 1, 1) - np.roll(x, 1, 1) * np.roll(y, -1, 1)) / area
    shares = torch.from_numpy(np.stack([per_x.T, per_y.T, at_zero.T])).to(device)
    columns, counts = columns[kept], (columns[kept] * lines[kept]).astype(np.int64)
    total = int(counts.sum())
    owner = torch.repeat_interleave(
        torch.arange(len(kept), device=device), torch.from_numpy(counts).to(device),
        output_size=total,
    )  # fmt: skip
    table = torch.from_numpy(
        np.stack([x_low[kept], y_low[kept], columns, np.cumsum(counts) - counts]).astype(np.float32)
    ).to(device)
    left, upper, across, first = table.index_select(1, owner)
    number = torch.arange(total, device=device, dtype=torch.float32).sub_(first)
    down = ((number + 0.5) / across).floor_()
    px, py = left.add_(number).sub_(down * across), upper.add_(down)
    sx, sy = px + 0.5, py + 0.5
    planes = shares[:, :2].reshape(6, -1).index_select(1, owner)
    one = (planes[0] * sx).addcmul_(planes[2], sy).add_(planes[4])
    two = (planes[1] * sx).addcmul_(planes[3], sy).add_(planes[5])
    inside = torch.minimum(torch.minimum(one, two), 1 - one - two) >= -1e-5
    hit = inside.nonzero()[:, 0]
    rows = torch.from_numpy(triangles[kept]).to(device)
    return rows, shares, owner[hit], px[hit], py[hit]


def interpolated(layer: Layer, values: Floats, rows: Tensor, columns: Tensor) -> Tensor:
    """What the vertices have (V, A), at covered places of the layer's rectangle (n, A)."""
    triangle = layer.triangle[rows, columns]
    corners = layer.corners[triangle]  # (n, 3)
    per_x, per_y, at_zero = layer.shares[:, :, triangle]  # (3, n) each
    shares = per_x * (columns + 0.5) + per_y * (rows + 0.5) + at_zero
    shares = shares.clamp(min=0)
    shares = shares / shares.sum(0)  # slivers are badly conditioned
    known = torch.from_numpy(values).to(layer.depth.device)
    found = known[corners[:, 0]] * shares[0, :, None]
    found += known[corners[:, 1]] * shares[1, :, None]
    found += known[corners[:, 2]] * shares[2, :, None]
    return found
