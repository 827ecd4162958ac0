"""Crops in Market-1501 layout: folders, names, who is in which, and writing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from trainer.errors import TrainerError
from trainer.synthetic.crops import STRANGERS, CropWorld
from trainer.synthetic.draws import draws
from trainer.synthetic.jobs import Done, chosen_device, run_units, settle
from trainer.synthetic.sensor import jpeg

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"
_IDENTITIES_A_UNIT = 25
_QUALITY = 92


@dataclass(frozen=True)
class CropSettings:
    """What a data set of crops consists of.

    Attributes:
        identities, cameras, images: how many; images for each identity in each of its cameras.
        seed: of everything.
        size_px: width and height of a crop.
        train_share: share of the identities that are for training; the others are for search.
        seen_by: fewest and most cameras that see an identity.
    """

    identities: int
    cameras: int
    images: int
    seed: int
    size_px: tuple[int, int] = (64, 128)
    train_share: float = 0.5
    seen_by: tuple[int, int] = (2, 6)

    def __post_init__(self) -> None:
        """Raises TrainerError where the numbers make no data set."""
        if not 1 <= self.identities < STRANGERS:
            raise TrainerError(
                f"{self.identities} identities cannot be rendered.",
                f"Give 1 to {STRANGERS - 1} identities.",
            )
        low, high = self.seen_by
        if not 1 <= low <= min(high, self.cameras):
            raise TrainerError(
                f"Nobody can be seen by {low} to {high} of {self.cameras} cameras.",
                "Give more --cameras, or a smaller --seen.",
            )
        if low < 2 and self.train_share < 1:
            raise TrainerError(
                "Who is seen by one camera only cannot be found in another.",
                "Let --seen begin with 2, or give --train-share 1.",
            )

    def cameras_of(self, identity: int) -> tuple[int, ...]:
        """The cameras, from 0, that see the identity."""
        rng = draws(self.seed, "seen", identity)
        low, high = self.seen_by
        count = int(rng.integers(low, min(high, self.cameras) + 1))
        return tuple(sorted(int(camera) for camera in rng.permutation(self.cameras)[:count]))

    def file_of(self, identity: int, camera: int, number: int) -> Path:
        """Where a crop lies, relative to the data set."""
        folder = TRAIN
        if identity > round(self.identities * self.train_share):
            folder = QUERY if number == 0 else GALLERY
        return Path(folder, f"{identity:04d}_c{camera + 1}s1_{number + 1:06d}_00.jpg")


@dataclass(frozen=True)
class _Unit:
    settings: CropSettings
    out: Path
    device: str
    camera: int
    identities: tuple[int, ...]
    force: bool


def write_crops(
    settings: CropSettings, out: Path, workers: int = 1, device: str = "auto", force: bool = False
) -> Iterator[Done]:
    """Renders a data set into a folder; crops that are there already are kept, unless forced.

    Raises:
        TrainerError: the folder holds another data set or cannot be written, or there is no such
            device.
    """
    if settings.train_share < 1 and settings.images < 2:
        raise TrainerError(
            "One image of each identity and camera is a query and leaves the gallery empty.",
            "Give --images 2 or more, or --train-share 1.",
        )
    chosen = str(chosen_device(device))
    settle(out, {"product": "reid", **asdict(settings), "size_px": list(settings.size_px),
                 "seen_by": list(settings.seen_by)}, force)  # fmt: skip
    for folder in (TRAIN, QUERY, GALLERY):
        (out / folder).mkdir(exist_ok=True)
    by_camera: dict[int, list[int]] = {camera: [] for camera in range(settings.cameras)}
    for identity in range(1, settings.identities + 1):
        for camera in settings.cameras_of(identity):
            by_camera[camera].append(identity)
    # By camera: a process then renders few empty places.
    units = [
        _Unit(settings, out, chosen, camera, tuple(seen[first : first + _IDENTITIES_A_UNIT]), force)
        for camera, seen in by_camera.items()
        for first in range(0, len(seen), _IDENTITIES_A_UNIT)
    ]
    total = settings.images * sum(len(seen) for seen in by_camera.values())
    yield from run_units(_render, units, workers, total)


def _render(unit: _Unit) -> int:
    settings = unit.settings
    world = CropWorld(settings.seed, settings.size_px, torch.device(unit.device))
    for identity in unit.identities:
        for number in range(settings.images):
            file = unit.out / settings.file_of(identity, unit.camera, number)
            if file.exists() and not unit.force:
                continue
            crop = world.crop(identity, unit.camera, number)
            part = file.with_suffix(".part")
            part.write_bytes(jpeg(crop, _QUALITY))
            part.replace(file)  # a file that is there is whole
    return len(unit.identities) * settings.images
