"""Figures before a backdrop: what the camera's lens lets in, and who is seen how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.synthetic.backdrop import Backdrop, darkened, painted, shadow
from trainer.synthetic.body import Figure
from trainer.synthetic.lofts import ALONG, AROUND, NORMAL, OWNER
from trainer.synthetic.noise import CLOUDS, noise
from trainer.synthetic.occlusion import sun_share
from trainer.synthetic.raster import Layer, Window, interpolated, rasterise

FINE = 2  # each pixel of a picture is the mean of FINE x FINE
COARSE = 4  # fine pixels of a pixel of the shadows on the ground


@dataclass(frozen=True)
class Seen:
    """How much of a figure shows.

    Attributes:
        identity: whose it is; 0: nobody's.
        box: x1, y1, x2, y2 around all of it, hidden or not, in frame pixels; not clipped.
        visible: share of its pixels that show, of those in the frame and outside, 0 to 1.
    """

    identity: int
    box: tuple[float, float, float, float]
    visible: float


@dataclass(frozen=True)
class Rendering:
    """What falls on the sensor.

    Attributes:
        light: linear float32 (h, w, 3).
        owners: int16 (2h, 2w), number of the figure that each fine pixel shows; -1: none.
        seen: each figure that is at least partly within the window or near it.
    """

    light: npt.NDArray[np.float32]
    owners: npt.NDArray[np.int16]
    seen: tuple[Seen, ...]


def render(
    backdrop: Backdrop,
    figures: Sequence[Figure],
    window: Window,
    device: torch.device,
    beyond_px: int = 64,
    scenery: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Rendering:
    """Renders figures in a window of a camera's frame.

    Args:
        backdrop: the camera and its place.
        figures: whoever is there, in any order.
        window: of twice (`FINE`) the resolution of the picture.
        device: where the work is done.
        beyond_px: how far outside the window a figure's hidden part is counted, in window pixels.
        scenery: what `backdrop.look` gives for the window, where it is asked for often.
    """
    colour, nearest, sunlit = scenery or backdrop.look(window, device)
    if scenery is not None:
        colour, nearest = colour.clone(), nearest.clone()
    _cast_shadows(backdrop, figures, window, colour, sunlit)
    layers = [
        rasterise(figure.mesh, backdrop.camera, window, device, beyond_px) for figure in figures
    ]
    owners = _nearest_owners(layers, nearest, window)
    seen = []
    for number, (figure, layer) in enumerate(zip(figures, layers, strict=True)):
        if layer is None:
            continue
        here, there = _overlap(layer, window)
        rows, columns = (owners[here] == number).nonzero().unbind(1)
        covered = layer.triangle >= 0
        pixels = int(covered.sum())
        if not pixels:
            continue  # far away, or a thing seen from its edge: between the pixels' middles
        share = len(rows) / pixels
        seen.append(Seen(figure.identity, _box(covered, layer, window), share))
        if len(rows):
            at = (rows + there[0].start, columns + there[1].start)
            light = _shaded(backdrop, figure, layer, *at)
            colour[rows + here[0].start, columns + here[1].start] = light
    quarters = [colour[row::FINE, column::FINE] for row in range(FINE) for column in range(FINE)]
    mean = sum(quarters[1:], quarters[0]) / FINE**2
    return Rendering(mean.cpu().numpy(), owners.cpu().numpy(), tuple(seen))


def _nearest_owners(layers: Sequence[Layer | None], nearest: Tensor, window: Window) -> Tensor:
    """Number of the figure that shows in each pixel, or -1, int16 (h, w); updates the depths."""
    owners = torch.full(nearest.shape, -1, dtype=torch.int16, device=nearest.device)
    for number, layer in enumerate(layers):
        if layer is not None:
            here, there = _overlap(layer, window)
            closer = layer.depth[there] < nearest[here]
            nearest[here] = torch.where(closer, layer.depth[there], nearest[here])
            owners[here].masked_fill_(closer, number)
    return owners


def _cast_shadows(
    backdrop: Backdrop,
    figures: Sequence[Figure],
    window: Window,
    colour: Tensor,
    sunlit: Tensor,
) -> None:
    """Darkens the ground (h, w, 3) where figures keep the sun from it; edges are soft."""
    device = colour.device
    wide, high = -(-window.width // COARSE), -(-window.height // COARSE)
    coarse = Window(window.left, window.top, window.scale / COARSE, wide, high)
    light = backdrop.place.light
    found = [shadow(figure.mesh, backdrop.camera, light, coarse, device) for figure in figures]
    masks = [mask for mask in found if mask is not None]
    if not masks:
        return
    mask = torch.stack(masks).amax(0).cpu().numpy()
    mask = cv2.GaussianBlur(mask, (0, 0), 0.6 + high / 200)
    mask = cv2.resize(mask, (wide * COARSE, high * COARSE), interpolation=cv2.INTER_LINEAR)
    mask = np.ascontiguousarray(mask[: window.height, : window.width])
    colour *= darkened(light, torch.from_numpy(mask).to(device) * sunlit)


def _overlap(layer: Layer, window: Window) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The same rectangle (rows, columns) in the window and in the layer."""
    high, wide = layer.depth.shape
    top, left = max(layer.top, 0), max(layer.left, 0)
    bottom = max(top, min(layer.top + high, window.height))
    right = max(left, min(layer.left + wide, window.width))
    return (
        (slice(top, bottom), slice(left, right)),
        (slice(top - layer.top, bottom - layer.top), slice(left - layer.left, right - layer.left)),
    )


def _box(covered: Tensor, layer: Layer, window: Window) -> tuple[float, float, float, float]:
    rows = covered.any(1).nonzero()[:, 0]
    columns = covered.any(0).nonzero()[:, 0]
    return (
        window.left + (layer.left + int(columns[0])) / window.scale,
        window.top + (layer.top + int(rows[0])) / window.scale,
        window.left + (layer.left + int(columns[-1]) + 1) / window.scale,
        window.top + (layer.top + int(rows[-1]) + 1) / window.scale,
    )


def _shaded(
    backdrop: Backdrop, figure: Figure, layer: Layer, rows: Tensor, columns: Tensor
) -> Tensor:
    """Light (n, 3) from places of a figure; its cloth has folds."""
    mesh, light = figure.mesh, backdrop.place.light
    attributes = interpolated(layer, mesh.attributes, rows, columns)
    owners = attributes[:, OWNER].round().to(torch.int64)
    folds = torch.tensor([surface.folds for surface in mesh.surfaces], device=rows.device)[owners]
    shift = (figure.seed % 97) / 97
    wave = noise(attributes[:, AROUND] * 0.9 + shift, attributes[:, ALONG] * 0.7 + shift, CLOUDS)
    # A fold turns the cloth's normal up and down; what faces down gets less light.
    attributes[:, 1] += 0.22 * folds * wave
    attributes[:, NORMAL] /= attributes[:, NORMAL].norm(dim=1, keepdim=True)
    middle = mesh.vertices.mean(0)
    sunny: Tensor | float = 1.0 if light.reaches(float(middle[0]), float(middle[2])) else 0.0
    if sunny and figure.bones is not None:
        share = sun_share(mesh.vertices, figure.bones, np.array(light.towards_sun, np.float32))
        sunny = interpolated(layer, share[:, None], rows, columns)[:, 0]
    colour = painted(mesh, attributes, light, sunny)
    return colour * (1 + 0.10 * folds * wave)[:, None]
