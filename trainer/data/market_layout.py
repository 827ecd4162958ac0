"""Market-1501, DukeMTMC-reID, Occluded-Duke, and any folder in their layout.

Three folders, `bounding_box_train`, `query` and `bounding_box_test`; a file's name begins with its
identity and camera: ``0002_c1s1_000451_03.jpg``, ``0001_c2_f0046182.jpg``.
"""

from __future__ import annotations

import re
from pathlib import Path

from trainer.data.files import image_files
from trainer.data.places import complete_folders
from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"
JUNK = -1
# Of Market-1501's cameras.
FRAMES_PER_SECOND = 25
_NAME = re.compile(r"(-?\d+)_c(\d+)")
_FRAME = re.compile(r"-?\d+_c\d+s\d+_(\d+)")


def identity_and_camera(file_name: str) -> tuple[int, int] | None:
    """The two numbers that a file's name begins with, the camera as written; None: neither."""
    # The base name only: folders of the path may look like an identity too.
    match = _NAME.match(file_name)
    return (int(match[1]), int(match[2])) if match else None


def frame_number(file_name: str) -> int | None:
    """The number of the frame, within its recording, that a file's name tells; None: it does not.

    The third number of Market-1501's names; some data sets count images there instead.
    """
    match = _FRAME.match(file_name)
    return int(match[1]) if match else None


def read_market(folder: Path, cameras: int) -> DataSet:
    """A data set of known cameras, numbered from 1 in its file names.

    Raises:
        TrainerError: a folder is missing, a name is not of this layout, or its camera is unknown.
    """
    return _data_set(folder, (TRAIN, QUERY, GALLERY), tuple(range(1, cameras + 1)))


def read_any_folder(folder: Path) -> DataSet:
    """Any folder in this layout; its cameras are those that its names tell, in their order.

    Only `bounding_box_train`, or only `query` with `bounding_box_test`, is enough.

    Raises:
        TrainerError: nothing of this layout is there, or a name is not of this layout.
    """
    present = tuple(name for name in (TRAIN, QUERY, GALLERY) if (folder / name).is_dir())
    if TRAIN not in present and not {QUERY, GALLERY} <= set(present):
        inner = complete_folders(folder, ((TRAIN, QUERY),))
        raise TrainerError(
            f"{folder} is not in Market-1501 layout: neither {TRAIN} nor {QUERY} with {GALLERY} "
            "is in it.",
            f"Name the folder in it that is: {inner[0]}."
            if inner
            else "Name the folder that holds them; `python -m trainer datasets doctor` tells what "
            "a folder is.",
        )
    if not {QUERY, GALLERY} <= set(present):
        present = (TRAIN,)  # one without the other cannot be searched
    found = {
        camera
        for part in present
        for path in image_files(folder / part)
        for identity, camera in [_parsed(path)]
        if identity != JUNK
    }
    return _data_set(folder, present, tuple(sorted(found)))


def _data_set(folder: Path, parts: tuple[str, ...], cameras: tuple[int, ...]) -> DataSet:
    numbers = {camera: number for number, camera in enumerate(cameras)}
    read: dict[str, tuple[Sample, ...]] = {}
    junk = 0
    for part in parts:
        samples = []
        for path in image_files(folder / part):
            identity, camera = _parsed(path)
            if identity == JUNK:
                junk += 1
                continue
            if camera not in numbers:
                raise TrainerError(
                    f"{path} names camera {camera}, but the cameras are {min(numbers)} to "
                    f"{max(numbers)}.",
                    'Check which data set this is; "folder:PATH" takes any cameras.',
                )
            samples.append(Sample(path, identity, numbers[camera]))
        read[part] = tuple(samples)
    trial = Trial(read.get(QUERY, ()), read.get(GALLERY, ()))
    return DataSet(
        name="",
        train=read.get(TRAIN, ()),
        trials=(trial,) if trial.query else (),
        cameras=len(cameras),
        views=1,
        camera_names=tuple(f"c{camera}" for camera in cameras),
        terms="",
        left_out={"junk": junk} if junk else {},
    )


def _parsed(path: Path) -> tuple[int, int]:
    numbers = identity_and_camera(path.name)
    if numbers is None:
        raise TrainerError(
            f"The name of {path} does not begin with identity and camera, such as 0002_c1.",
            "Rename or remove the file; `python -m trainer datasets doctor` lists all of them.",
        )
    return numbers
