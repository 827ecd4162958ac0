"""Several cameras that watch the same people at the same time, with the truth about everybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from trainer.synthetic.appearance import Appearance, draw_appearance
from trainer.synthetic.body import Figure, busy_hands, person_figures
from trainer.synthetic.draws import between, draws
from trainer.synthetic.place import draw_place
from trainer.synthetic.pose import any_pose, gesture, walking
from trainer.synthetic.raster import Window
from trainer.synthetic.rendering import FINE, Seen, render
from trainer.synthetic.sensor import Picture, compressed, develop
from trainer.synthetic.stations import Station, cleared, draw_camera, make_station
from trainer.synthetic.walks import Walk, draw_walks

MIN_BOX_PX = 8.0
_STANDING_M_S = 0.15
CPU = torch.device("cpu")


@dataclass(frozen=True)
class SceneWorld:
    """A promenade with cameras along it; people walk from one to the next.

    Attributes:
        seed: of everything.
        cameras: how many.
        people: how many; their identities are 1 to this.
        seconds, fps: length and rate of the clips.
        size_px: width and height of the frames.
        device: where they are rendered.
    """

    seed: int
    cameras: int
    people: int
    seconds: float
    fps: float
    size_px: tuple[int, int]
    device: torch.device = CPU

    @property
    def frames(self) -> int:
        """Number of frames of each clip."""
        return max(1, round(self.seconds * self.fps))

    def clip(self, camera: int) -> Iterator[tuple[Picture, tuple[Seen, ...]]]:
        """Frame by frame, what a camera (from 0) takes.

        Yields:
            The picture, RGB uint8 (H, W, 3), and everybody of whom some part, even if hidden, is
            in the frame; boxes are clipped to the frame.
        """
        people, stations, walks = _world(self)
        station = stations[camera]
        width, height = self.size_px
        window = Window(0, 0, FINE, FINE * width, FINE * height)
        scenery = station.backdrop.look(window, self.device)
        rng = draws(self.seed, "noise", camera)
        for frame in range(self.frames):
            figures = [
                figure
                for walk in walks
                if _near(station, walk, frame)
                for figure in _figures(people[walk.identity], walk, frame)
            ]
            rendering = render(
                station.backdrop, figures, window, self.device, max(window.width, window.height),
                scenery,
            )  # fmt: skip
            picture = develop(rendering.light, station.sensor, rng)
            yield (
                compressed(picture, station.sensor.quality),
                _in_frame(rendering.seen, self.size_px),
            )


@lru_cache(maxsize=2)
def _world(world: SceneWorld) -> tuple[dict[int, Appearance], tuple[Station, ...], list[Walk]]:
    """People, stations and ways of a world; all of it, since nobody is anywhere alone."""
    rng = draws(world.seed, "promenade")
    spacing = float(np.clip(0.6 * world.seconds, 7, 16))
    half_length = spacing * (world.cameras - 1) / 2 + 7
    place = draw_place(rng, half_length, outdoors=True)
    cameras = []
    for number in range(world.cameras):
        middle = (number - (world.cameras - 1) / 2) * spacing
        side = (np.pi if rng.random() < 0.5 else 0.0) + between(rng, -1.1, 1.1)
        cameras.append(draw_camera(rng, place, world.size_px, (0.30, 0.46), middle, side))
    place = cleared(place, *cameras)
    stations = tuple(
        make_station(draws(world.seed, "sensor", number), camera, place, world.device)
        for number, camera in enumerate(cameras)
    )
    people = {
        identity: draw_appearance(world.seed, identity) for identity in range(1, world.people + 1)
    }
    return people, stations, draw_walks(world.seed, people, place, world.frames, world.fps)


def _figures(person: Appearance, walk: Walk, frame: int) -> list[Figure]:
    speed = float(walk.speeds[frame])
    if speed < _STANDING_M_S:
        pose = any_pose(np.random.default_rng(walk.standing_seed), False, busy_hands(person))
    else:
        vigour = person.vigour * min(1.2, speed / 1.3)
        pose = walking(float(walk.phases[frame]), vigour)
        pose = gesture(pose, busy_hands(person) or walk.gesture)
    x, z = walk.places[frame]
    return person_figures(
        person, pose, walk.identity, (float(x), float(z)), float(walk.headings[frame])
    )


def _near(station: Station, walk: Walk, frame: int) -> bool:
    """Whether the person, or the shadow, may be in the frame."""
    x, z = walk.places[frame]
    ends = np.array([[x, 0, z], [x, 1, z], [x, 2, z]], np.float32)
    pixels, depth = station.camera.project(ends)
    width, height = station.camera.size_px
    reach = 2 * station.camera.focal_px / max(float(depth.min()), 1)
    return bool(
        depth.min() > 0.8
        and (pixels[:, 0] > -reach).any()
        and (pixels[:, 0] < width + reach).any()
        and (pixels[:, 1] > -reach).any()
        and (pixels[:, 1] < height + reach).any()
    )


def _in_frame(seen: tuple[Seen, ...], size_px: tuple[int, int]) -> tuple[Seen, ...]:
    kept = []
    for one in seen:
        x1, y1 = max(one.box[0], 0.0), max(one.box[1], 0.0)
        x2, y2 = min(one.box[2], float(size_px[0])), min(one.box[3], float(size_px[1]))
        if one.identity and x2 - x1 >= 2 and y2 - y1 >= MIN_BOX_PX:
            kept.append(replace(one, box=(x1, y1, x2, y2)))
    return tuple(kept)
