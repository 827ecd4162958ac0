"""A station: one camera with its place and sensor, all that is the same for everybody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from trainer.synthetic.backdrop import Backdrop, render_backdrop
from trainer.synthetic.camera import Camera
from trainer.synthetic.draws import between, chance, draws
from trainer.synthetic.place import Place, draw_place
from trainer.synthetic.sensor import Sensor, draw_sensor

FRAME_PX = (960, 540)
PERSON_M = 1.7
CLEAR_M = 4.0


@dataclass(frozen=True)
class Station:
    """A camera with what it watches and how it takes pictures."""

    camera: Camera
    backdrop: Backdrop
    sensor: Sensor


@lru_cache(maxsize=8)
def draw_station(seed: int, number: int, device: torch.device) -> Station:
    """The station with this number of the world with this seed, a place of its own."""
    rng = draws(seed, "station", number)
    place = draw_place(rng, half_length=14)
    camera = draw_camera(rng, place, FRAME_PX, (0.28, 0.62))
    place = cleared(place, camera)
    return make_station(rng, camera, place, device)


def make_station(
    rng: np.random.Generator, camera: Camera, place: Place, device: torch.device
) -> Station:
    """The station of a camera: its empty picture, and a sensor set to its light."""
    backdrop = render_backdrop(camera, place, device)
    light = (backdrop.colour.astype(np.float32) * (1.5 / 255)) ** 2
    return Station(camera, backdrop, draw_sensor(rng, float(light.mean())))


def cleared(place: Place, *cameras: Camera) -> Place:
    """The place without what stands so close before a camera that it would see nothing else."""
    props = tuple(
        prop
        for prop in place.props
        if all(
            np.hypot(prop.x - camera.position[0], prop.z - camera.position[2])
            > CLEAR_M + max(prop.radius, prop.reach)
            for camera in cameras
        )
    )
    return replace(place, props=props, meshes=tuple(mesh for prop in props for mesh in prop.meshes))


def draw_camera(
    rng: np.random.Generator,
    place: Place,
    size_px: tuple[int, int],
    person: tuple[float, float],
    middle_x: float = 0.0,
    yaw: float | None = None,
) -> Camera:
    """A camera that watches the promenade at `middle_x`.

    Args:
        rng: of its draws.
        place: where it hangs.
        size_px: width and height of its frames.
        person: lowest and highest share of the frame's height that a person in the middle has.
        middle_x: what it looks at.
        yaw: from where, radians; None: from anywhere.
    """
    low, high = place.behind
    roofed = place.ceiling is not None
    target = np.array([middle_x + between(rng, -1.5, 1.5), 0.95, between(rng, -0.5, 0.5)])
    if yaw is None:
        yaw = between(rng, 0, 2 * np.pi)
    if high - low < 6:  # a corridor is watched along its length
        yaw = (0.5 if chance(rng, 0.5) else 1.5) * np.pi + between(rng, -0.15, 0.15)
    away = between(rng, 5, 9) if roofed else between(rng, 6.5, 14)
    at = target - away * np.array([np.sin(yaw), 0, np.cos(yaw)])
    at[2] = np.clip(at[2], low, high)
    at[1] = between(rng, 2.3, 3.1) if roofed else between(rng, 2.4, 6.5)
    if place.ceiling is not None:
        at[1] = min(at[1], place.ceiling[0] - 0.25)
    ahead = target - at
    flat = float(np.hypot(ahead[0], ahead[2]))
    focal = between(rng, *person) * size_px[1] * float(np.linalg.norm(ahead)) / PERSON_M
    focal = float(np.clip(focal, 0.55 * size_px[0], 1.7 * size_px[0]))
    return Camera(
        (float(at[0]), float(at[1]), float(at[2])),
        yaw=float(np.arctan2(ahead[0], ahead[2])) + between(rng, -0.08, 0.08),
        tilt=float(np.arctan2(-ahead[1], flat)) + between(rng, -0.03, 0.05),
        roll=float(rng.normal(0, 0.02)),
        focal_px=focal,
        size_px=size_px,
        # Of the corner: beyond 0.15 the polynomial would fold back inside the frame.
        bend=between(rng, -0.10, 0.01) / (float(np.hypot(*size_px)) / 2 / focal) ** 2,
    )
