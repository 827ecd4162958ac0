"""PKU VehicleID: each vehicle's test images are split anew in ten seeded repeats.

A folder `image` with all images, and lists in `train_test_split` with lines "image vehicle".
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from trainer.data.files import list_rows
from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError

SIZES = (800, 1600, 2400)
REPEATS = 10


def read_vehicleid(folder: Path, size: int) -> DataSet:
    """VehicleID with the test list of `size` vehicles.

    In repeat r = 0 … 9, a generator seeded with r draws one image of each vehicle, the vehicles in
    the order of their numbers and their images in the order of their names, for the gallery; the
    others are queries. The data set names no cameras: queries and training images have camera 0,
    gallery images camera 1, so that no match is left out for being of the same camera.
    Differs from the published code: that draws without a seed.

    Raises:
        TrainerError: a list is missing or a line of it cannot be read.
    """
    lists = folder / "train_test_split"
    train = _images(folder, lists / "train_list.txt")
    test = _images(folder, lists / f"test_list_{size}.txt")
    return DataSet(
        name="",
        train=tuple(Sample(path, vehicle, 0) for vehicle, paths in train for path in paths),
        trials=tuple(_trial(test, repeat) for repeat in range(REPEATS)),
        cameras=2,
        views=1,
        camera_names=("query", "gallery"),
        terms="",
    )


def _trial(vehicles: list[tuple[int, list[Path]]], seed: int) -> Trial:
    generator = np.random.default_rng(seed)
    query, gallery = [], []
    for vehicle, paths in vehicles:
        drawn = int(generator.integers(len(paths)))
        gallery.append(Sample(paths[drawn], vehicle, 1))
        query += [Sample(path, vehicle, 0) for path in paths[:drawn] + paths[drawn + 1 :]]
    return Trial(tuple(query), tuple(gallery))


def _images(folder: Path, listing: Path) -> list[tuple[int, list[Path]]]:
    """Vehicles in the order of their numbers, each with its images in the order of their names."""
    found: dict[int, list[Path]] = defaultdict(list)
    for image, vehicle, *_ in list_rows(listing, 2):
        if not (image.isdecimal() and vehicle.isdecimal()):
            raise TrainerError(
                f'{listing} has the line "{image} {vehicle}", which is not an image and a vehicle.',
                "Restore the list as VehicleID came with it.",
            )
        found[int(vehicle)].append(folder / "image" / f"{image}.jpg")
    return [(vehicle, sorted(found[vehicle])) for vehicle in sorted(found)]
