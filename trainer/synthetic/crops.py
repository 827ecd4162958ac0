"""Crops of people for re-identification: who, before which camera, the how-many-eth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch

from trainer.synthetic.appearance import Appearance, draw_appearance
from trainer.synthetic.backdrop import SCALE
from trainer.synthetic.body import Figure, busy_hands, person_figures
from trainer.synthetic.draws import between, chance, draws, pick
from trainer.synthetic.pose import any_pose
from trainer.synthetic.props import bin_can, bollard, bush, crate, lamp
from trainer.synthetic.raster import NEAR_M, Window
from trainer.synthetic.rendering import FINE, Rendering, render
from trainer.synthetic.sensor import Picture, compressed, develop
from trainer.synthetic.stations import Station, draw_station

STRANGERS = 1_000_000  # identities from here on are never asked for
MIN_HEIGHT_PX = 36
MIN_VISIBLE = 0.45
_TRIES = 40
CPU = torch.device("cpu")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CropWorld:
    """What the crops of one data set have in common.

    Attributes:
        seed: of everything.
        size_px: width and height of the crops.
        device: where they are rendered.
    """

    seed: int
    size_px: tuple[int, int] = (64, 128)
    device: torch.device = CPU

    def crop(self, identity: int, camera: int, number: int) -> Picture:
        """A crop, RGB uint8 (h, w, 3); the same for the same numbers, whatever came before."""
        rng = draws(self.seed, "crop", identity, camera, number)
        station = draw_station(self.seed, camera, self.device)
        passing = draws(self.seed, "passing", identity, camera)
        way = between(passing, 0, 2 * np.pi)
        with_bag = not chance(passing, 0.06)
        person = _appearance(self.seed, identity)
        for attempt in range(4):  # where all else fails, the last time nobody is in the way
            rendering, window = self._try(
                rng, station, person, identity, way, with_bag, attempt < 3
            )
            visible = [seen.visible for seen in rendering.seen if seen.identity == identity]
            if visible and visible[0] >= MIN_VISIBLE:
                break
        sensor = station.sensor
        sensor = replace(sensor, exposure=sensor.exposure * float(np.exp(rng.normal(0, 0.12))))
        speed = rng.normal(0, 0.006, 2) * window.height / FINE if chance(rng, 0.5) else (0, 0)
        picture = develop(
            rendering.light, sensor, rng, window.scale / FINE, (float(speed[0]), float(speed[1]))
        )
        picture = compressed(picture, sensor.quality)
        return cv2.resize(picture, self.size_px, interpolation=cv2.INTER_LINEAR).astype(np.uint8)

    def _try(
        self, rng: np.random.Generator, station: Station, person: Appearance, identity: int,
        way: float, with_bag: bool, crowded: bool,
    ) -> tuple[Rendering, Window]:  # fmt: skip
        x, z = _spot(rng, station, person.build.stature_m)
        heading = way + float(rng.normal(0, 0.4)) if chance(rng, 0.75) else between(rng, 0, 6.28)
        pose = any_pose(rng, chance(rng, 0.8), busy_hands(person, with_bag))
        figures = person_figures(person, pose, identity, (x, z), heading, with_bag)
        box = _detected(rng, _around(station, figures[0]))
        if crowded:
            figures += self._passers_by(rng, station, (x, z))
            figures += _obstacles(rng, station, (x, z))
        reduced = min(1.0, self.size_px[1] / (box[3] - box[1]))
        width = max(4, round((box[2] - box[0]) * reduced))
        height = max(8, round((box[3] - box[1]) * reduced))
        window = Window(box[0], box[1], FINE * reduced, FINE * width, FINE * height)
        return render(station.backdrop, figures, window, self.device), window

    def _passers_by(
        self, rng: np.random.Generator, station: Station, spot: tuple[float, float]
    ) -> list[Figure]:
        figures: list[Figure] = []
        for _ in range(pick(rng, {0: 70, 1: 22, 2: 8})):
            turn, away = between(rng, 0, 2 * np.pi), between(rng, 0.5, 2.2)
            x, z = spot[0] + away * np.sin(turn), spot[1] + away * np.cos(turn)
            stranger = STRANGERS + int(rng.integers(STRANGERS))
            pose = any_pose(rng, chance(rng, 0.8))
            heading = between(rng, 0, 2 * np.pi)
            if station.backdrop.place.free(float(x), float(z)):
                other = draw_appearance(self.seed, stranger)
                figures += person_figures(other, pose, stranger, (float(x), float(z)), heading)
        return figures


@lru_cache(maxsize=256)
def _appearance(seed: int, identity: int) -> Appearance:
    return draw_appearance(seed, identity)


def _spot(rng: np.random.Generator, station: Station, stature_m: float) -> tuple[float, float]:
    """A place on the ground where the camera sees a person from head to foot."""
    camera, place = station.camera, station.backdrop.place
    width, height = camera.size_px
    best, best_size = (0.0, 0.0), 0.0
    for _ in range(_TRIES):
        pixel = (between(rng, 0.06, 0.94) * width, between(rng, 0.25, 0.99) * height)
        spot = camera.ground(pixel)
        if spot is None or not place.free(*spot):
            continue
        ends = np.array([[spot[0], 0, spot[1]], [spot[0], stature_m, spot[1]]], np.float32)
        (feet, head), depth = camera.project(ends)
        size = float(feet[1] - head[1])
        if depth.min() < 1.5 or head[1] < 0.01 * height:
            continue
        if _hidden(station, (feet + head) / 2, float(depth.mean())):
            continue
        if size > MIN_HEIGHT_PX * 1.2:
            return spot
        if size > best_size:
            best, best_size = spot, size
    return best


def _hidden(station: Station, pixel: npt.NDArray[np.float32], depth: float) -> bool:
    """Whether something of the place stands before a pixel at this depth."""
    known = station.backdrop.depth
    row = int(np.clip(pixel[1] * SCALE, 0, known.shape[0] - 1))
    column = int(np.clip(pixel[0] * SCALE, 0, known.shape[1] - 1))
    return bool(known[row, column] < 100 * depth)


def _around(station: Station, figure: Figure) -> Box:
    pixels, depth = station.camera.project(figure.mesh.vertices)
    pixels = pixels[depth > NEAR_M] if (depth > NEAR_M).any() else pixels
    low, high = pixels.min(0), pixels.max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _detected(rng: np.random.Generator, box: Box) -> Box:
    """The box as a detector would have it: shifted, too wide, sometimes without the feet."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    wanted = between(rng, 0.40, 0.54) * height
    width += max(0.0, wanted - width) * between(rng, 0.4, 1.0)
    grown = np.exp(rng.normal(0.05, 0.05, 2))
    middle = (x1 + x2) / 2 + float(rng.normal(0, 0.04)) * width
    centre = (y1 + y2) / 2 + float(rng.normal(0, 0.02)) * height
    width, height = width * float(grown[0]), height * float(grown[1])
    top, bottom = centre - height / 2, centre + height / 2
    if chance(rng, 0.06):
        bottom -= between(rng, 0.1, 0.35) * height
    elif chance(rng, 0.02):
        top += between(rng, 0.05, 0.12) * height
    return middle - width / 2, top, middle + width / 2, bottom


def _obstacles(
    rng: np.random.Generator, station: Station, spot: tuple[float, float]
) -> list[Figure]:
    """Now and then a thing between the person and the camera."""
    if not chance(rng, 0.10):
        return []
    make = pick(rng, {crate: 3, bush: 2, bollard: 3, bin_can: 3, lamp: 2})
    share = between(rng, 0.12, 0.35)
    here = station.camera.position
    x = spot[0] + share * (here[0] - spot[0]) + float(rng.normal(0, 0.25))
    z = spot[1] + share * (here[2] - spot[1]) + float(rng.normal(0, 0.25))
    thing = make(rng, x, z)
    return [Figure(part, 0) for part in thing.meshes]
