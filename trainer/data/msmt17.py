"""MSMT17: V1 with the images as they were taken, V2 with blurred faces.

Folders `train` and `test` (V2: `mask_train_v2`, `mask_test_v2`), a folder for each identity in
them, and four lists with lines ``0000/0000_000_01_0303morning_0015_0.jpg 0``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from trainer.data.files import list_rows
from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError

CAMERAS = 15
Version = Literal["v1", "v2"]
FOLDERS: dict[Version, tuple[str, str]] = {
    "v1": ("train", "test"),
    "v2": ("mask_train_v2", "mask_test_v2"),
}
LISTS = ("list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt")


def read_msmt17(folder: Path, version: Version, val: bool = False) -> DataSet:
    """MSMT17 as its lists say.

    Args:
        folder: holds the two image folders and the four lists.
        version: which of the two; identities of the test begin at 0 again.
        val: train on the lists train and val (TransReID: 32 621 images) instead of train alone
            (CACE-Net, NFormer: 30 248).

    Raises:
        TrainerError: a list is missing or a line of it cannot be read.
    """
    train_folder, test_folder = (folder / name for name in FOLDERS[version])
    train = _samples(folder / "list_train.txt", train_folder)
    if val:
        train += _samples(folder / "list_val.txt", train_folder)
    query = _samples(folder / "list_query.txt", test_folder)
    gallery = _samples(folder / "list_gallery.txt", test_folder)
    return DataSet(
        name="",
        train=tuple(sorted(train, key=lambda sample: sample.path)),
        trials=(Trial(tuple(query), tuple(gallery)),),
        cameras=CAMERAS,
        views=1,
        camera_names=tuple(f"c{number}" for number in range(1, CAMERAS + 1)),
        terms="",
    )


def _samples(listing: Path, folder: Path) -> list[Sample]:
    samples = []
    for name, identity, *_ in list_rows(listing, 2):
        fields = name.rpartition("/")[2].split("_")
        numbers = [fields[2] if len(fields) > 2 else "", identity]
        if not all(text.isdecimal() for text in numbers) or not 1 <= int(numbers[0]) <= CAMERAS:
            raise TrainerError(
                f'{listing} has the line "{name} {identity}", which tells no camera from 1 to '
                f"{CAMERAS} and identity.",
                "Restore the list as MSMT17 came with it.",
            )
        samples.append(Sample(folder / name, int(identity), int(numbers[0]) - 1))
    return sorted(samples, key=lambda sample: sample.path)
