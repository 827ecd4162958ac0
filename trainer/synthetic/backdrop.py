"""A place as one camera sees it while nobody is there; rendered once for a camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.synthetic.camera import Camera
from trainer.synthetic.lofts import ACROSS, ALONG, AROUND, FRONT, NORMAL, OPEN, OWNER, Mesh
from trainer.synthetic.place import Light, Place, Wall
from trainer.synthetic.raster import NEAR_M, Window, interpolated, outline, rasterise
from trainer.synthetic.surfaces import Surface, paint

SCALE = 2  # pixels for each of the frame's, along each side
OPEN_CM = 65535
_STRIP_PX = 160


@dataclass(frozen=True)
class Backdrop:
    """An empty place before a camera, at twice its resolution.

    Attributes:
        camera, place: whose it is.
        colour: uint8 (2H, 2W, 3), RGB, square root of the linear light; 255 is 2.25 of it.
        depth: uint16 (2H, 2W), centimetres to things that can hide people; `OPEN_CM` elsewhere.
        ground: uint8 (2H, 2W), 255 where the ground is seen and the sun (or a lamp) shines on it.
    """

    camera: Camera
    place: Place
    colour: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.uint16]
    ground: npt.NDArray[np.uint8]

    def look(self, window: Window, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Linear colour (h, w, 3), depth (h, w), sunlit ground (h, w) of 0 to 1 in a window."""
        step = SCALE / window.scale
        # From the middle of a window pixel to the middle of a backdrop pixel.
        matrix = np.array(
            [[step, 0, window.left * SCALE + 0.5 * step - 0.5],
             [0, step, window.top * SCALE + 0.5 * step - 0.5]]
        )  # fmt: skip
        size = (window.width, window.height)
        smooth, nearest = (
            mode | cv2.WARP_INVERSE_MAP for mode in (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
        )
        colour = cv2.warpAffine(
            self.colour, matrix, size, flags=smooth, borderMode=cv2.BORDER_REPLICATE
        )
        depth = cv2.warpAffine(
            self.depth, matrix, size, flags=nearest, borderMode=cv2.BORDER_REPLICATE
        )
        ground = cv2.warpAffine(
            self.ground, matrix, size, flags=nearest, borderMode=cv2.BORDER_REPLICATE
        )
        light = (torch.from_numpy(colour).to(device).to(torch.float32) * (1.5 / 255)).square_()
        return (
            light,
            torch.from_numpy(depth.astype(np.float32)).to(device) / 100,
            torch.from_numpy(ground).to(device).to(torch.float32) / 255,
        )


def render_backdrop(camera: Camera, place: Place, device: torch.device) -> Backdrop:
    """Renders an empty place, strip by strip."""
    width, height = camera.size_px[0] * SCALE, camera.size_px[1] * SCALE
    colour = np.empty((height, width, 3), np.uint8)
    depth = np.empty((height, width), np.uint16)
    ground = np.empty((height, width), np.uint8)
    for first in range(0, height, _STRIP_PX):
        rows = slice(first, min(first + _STRIP_PX, height))
        window = Window(0, first / SCALE, SCALE, width, rows.stop - first)
        light, deep, sunlit = _strip(camera, place, window, device)
        colour[rows] = (
            (light.sqrt() * (255 / 1.5)).clamp(0, 255).round().to(torch.uint8).cpu().numpy()
        )
        depth[rows] = (deep * 100).clamp(0, OPEN_CM).cpu().numpy().astype(np.uint16)
        ground[rows] = (sunlit * 255).to(torch.uint8).cpu().numpy()
    return Backdrop(camera, place, colour, depth, ground)


def lit(
    albedo: Tensor, attributes: Tensor, light: Light, sunny: Tensor | float, gloss: float
) -> Tensor:
    """Linear light (n, 3) that places of the given colour and `lofts.Mesh.attributes` send out."""
    device = albedo.device
    normal = attributes[:, NORMAL]
    sun = torch.tensor(light.towards_sun, dtype=albedo.dtype, device=device)
    facing = ((normal @ sun) * 0.9 + 0.1).clamp(min=0) * sunny
    sky = attributes[:, OPEN] * (0.68 + 0.32 * normal[:, 1])
    shine = gloss * 0.25 * (normal[:, 1].clamp(min=0) ** 4)
    strength = (
        facing[:, None] * torch.tensor(light.sun, dtype=albedo.dtype, device=device)
        + sky[:, None] * torch.tensor(light.sky, dtype=albedo.dtype, device=device)
    )  # fmt: skip
    return albedo * strength + shine[:, None] * strength


def _strip(
    camera: Camera, place: Place, window: Window, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    rays = torch.from_numpy(camera.rays(window.frame_pixels())).to(device)
    colour = _sky(place, rays)
    nearest = torch.full_like(rays[:, 0], float("inf"))
    sunlit = torch.zeros_like(nearest)
    _lay_ground(camera, place, rays, colour, nearest, sunlit)
    if place.ceiling is not None:
        _hang_ceiling(camera, place, rays, colour, nearest)
    for wall in place.walls:
        _raise_wall(camera, place, wall, rays, colour, nearest, sunlit)
    shape = (window.height, window.width)
    colour, nearest, sunlit = colour.view(*shape, 3), nearest.view(shape), sunlit.view(shape)
    hiding = torch.full_like(nearest, float("inf"))
    for mesh in place.meshes:
        _cast_shadow(camera, place, mesh, window, colour, sunlit)
    for mesh in place.meshes:
        layer = rasterise(mesh, camera, window, device)
        if layer is None:
            continue
        rows, columns = (layer.triangle >= 0).nonzero().unbind(1)
        deep = layer.depth[rows, columns]
        seen = deep < nearest[rows + layer.top, columns + layer.left]
        rows, columns, deep = rows[seen], columns[seen], deep[seen]
        attributes = interpolated(layer, mesh.attributes, rows, columns)
        at = (rows + layer.top, columns + layer.left)
        colour[at] = painted(mesh, attributes, place.light, 1.0)
        nearest[at] = deep
        hiding[at] = deep
        sunlit[at] = 0
    return colour, hiding, sunlit


def painted(mesh: Mesh, attributes: Tensor, light: Light, sunny: Tensor | float) -> Tensor:
    """Linear colours (n, 3) of places on a mesh with these attributes (n, 9)."""
    colour = torch.zeros_like(attributes[:, :3])
    owners = attributes[:, OWNER].round()
    for number, surface in enumerate(mesh.surfaces):
        chosen = (owners == number).nonzero()[:, 0]
        if len(chosen):
            at = attributes[chosen]
            albedo = paint(surface, at[:, AROUND], at[:, ALONG], at[:, ACROSS], at[:, FRONT])
            share = sunny if isinstance(sunny, float) else sunny[chosen]
            colour[chosen] = lit(albedo, at, light, share, surface.gloss)
    return colour


def _sky(place: Place, rays: Tensor) -> Tensor:
    colour = torch.tensor([value**2.2 for value in place.sky], device=rays.device)
    rise = (rays[:, 1] / rays.norm(dim=1)).clamp(0, 1)
    strength = sum(place.light.sky) / 3 + 0.3 * sum(place.light.sun) / 3
    return colour * (strength * (1.2 - 0.5 * rise))[:, None]


def _flat(
    surface: Surface, around: Tensor, along: Tensor, up: float, place: Place, sunny: Tensor
) -> Tensor:
    """Light from a horizontal or vertical plane whose normal's height is `up`."""
    albedo = paint(surface, around, along, around, torch.ones_like(around))
    attributes = torch.zeros((len(around), 9), device=around.device)
    attributes[:, 1] = up
    attributes[:, OPEN] = 1
    return lit(albedo, attributes, place.light, sunny, surface.gloss)


def _lay_ground(
    camera: Camera, place: Place, rays: Tensor, colour: Tensor, nearest: Tensor, sunlit: Tensor
) -> None:
    down = (rays[:, 1] < -1e-3).nonzero()[:, 0]
    depth = -camera.position[1] / rays[down, 1]
    x = camera.position[0] + depth * rays[down, 0]
    z = camera.position[2] + depth * rays[down, 2]
    sunny = torch.ones_like(x)
    if place.light.shade is not None:
        a, b, c = place.light.shade
        sunny = ((c - a * x - b * z) / 0.4 + 0.5).clamp(0, 1)
    owner = torch.zeros_like(down)
    for number, band in enumerate(place.bands, 1):
        owner[(z >= band.near) & (z < band.far)] = number
    for number, surface in enumerate((place.ground, *(band.surface for band in place.bands))):
        chosen = (owner == number).nonzero()[:, 0]
        if len(chosen):
            colour[down[chosen]] = _flat(surface, x[chosen], z[chosen], 1.0, place, sunny[chosen])
    nearest[down] = depth
    sunlit[down] = sunny


def _hang_ceiling(
    camera: Camera, place: Place, rays: Tensor, colour: Tensor, nearest: Tensor
) -> None:
    assert place.ceiling is not None
    height, surface = place.ceiling
    up = (rays[:, 1] > 1e-3).nonzero()[:, 0]
    depth = (height - camera.position[1]) / rays[up, 1]
    x = camera.position[0] + depth * rays[up, 0]
    z = camera.position[2] + depth * rays[up, 2]
    colour[up] = 1.3 * _flat(surface, x, z, -0.2, place, torch.zeros_like(x))
    nearest[up] = depth


def _raise_wall(
    camera: Camera, place: Place, wall: Wall, rays: Tensor, colour: Tensor, nearest: Tensor,
    sunlit: Tensor,
) -> None:  # fmt: skip
    start, end = np.array(wall.start), np.array(wall.end)
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    out = np.array([-along[1], along[0]])  # (x, z), to the left of the way
    here = np.array([camera.position[0], camera.position[2]])
    before = float((here - start) @ out)
    if before <= 0:
        return
    towards = -(rays[:, 0] * float(out[0]) + rays[:, 2] * float(out[1]))
    depth = before / towards.clamp(min=1e-6)
    place_along = float((here - start) @ along) + depth * (
        rays[:, 0] * float(along[0]) + rays[:, 2] * float(along[1])
    )
    height = camera.position[1] + depth * rays[:, 1]
    hit = (towards > 1e-6) & (depth < nearest) & (place_along > 0) & (place_along < length)
    hit &= (height > 0) & (height < wall.height)
    chosen = hit.nonzero()[:, 0]
    if not len(chosen):
        return
    across = place_along[chosen] - length / 2
    albedo = paint(wall.surface, across, height[chosen], across, torch.ones_like(across))
    attributes = torch.zeros((len(chosen), 9), device=rays.device)
    attributes[:, 0], attributes[:, 2] = float(out[0]), float(out[1])
    attributes[:, OPEN] = 0.75 + 0.25 * (height[chosen] / 1.5).clamp(0, 1)
    colour[chosen] = lit(albedo, attributes, place.light, 1.0, 0.0)
    nearest[chosen] = depth[chosen]
    sunlit[chosen] = 0


def _cast_shadow(
    camera: Camera, place: Place, mesh: Mesh, window: Window, colour: Tensor, sunlit: Tensor
) -> None:
    mask = shadow(mesh, camera, place.light, window, colour.device)
    if mask is not None:
        colour *= darkened(place.light, mask * sunlit)


def shadow(
    mesh: Mesh, camera: Camera, light: Light, window: Window, device: torch.device
) -> Tensor | None:
    """Where (h, w) the mesh keeps the sun from the ground, 0 or 1; None: nowhere in the window."""
    sun = np.array(light.towards_sun, np.float32)
    slope = sun[[0, 2]] / max(float(sun[1]), 0.2)
    flat = mesh.vertices.copy()
    flat[:, [0, 2]] -= flat[:, 1:2] * slope
    flat[:, 1] = 0
    pixels, depth = camera.project(flat)
    if depth.min() < NEAR_M:
        return None
    return outline(window.place(pixels), mesh.triangles, window, device)


def darkened(light: Light, mask: Tensor) -> Tensor:
    """Factor (h, w, 3) of the ground's light where the mask (h, w) keeps the sun away."""
    sun = np.array(light.sun) * max(light.towards_sun[1], 0.2)
    share = torch.tensor(sun / (sun + np.array(light.sky)), dtype=mask.dtype, device=mask.device)
    return 1 - mask[..., None] * (0.15 + 0.8 * share)
