"""CUHK03 in its new protocol (767 / 700 identities), boxes labelled by hand or detected.

The images are cells of a MATLAB file, which are written out once, or have been written out by
another program: ``images_detected/1_001_1_01.png`` is camera pair, person, camera (1 or 2), image.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError

Boxes = Literal["labelled", "detected"]
# How the files of the data set spell it.
SPELLING: dict[Boxes, str] = {"labelled": "labeled", "detected": "detected"}
RAW_FILE = Path("cuhk03_release") / "cuhk-03.mat"
_NAME = re.compile(r"(\d+)_(\d+)_([12])_(\d+)\.png$")


def read_cuhk03(folder: Path, boxes: Boxes) -> DataSet:
    """CUHK03; writes the images out of the MATLAB file if that has not been done.

    Raises:
        TrainerError: neither images nor the MATLAB file are there, the protocol is missing, or one
            of them cannot be read.
    """
    images = folder / f"images_{SPELLING[boxes]}"
    names = protocol(folder, boxes)
    if not images.is_dir():
        extract(folder, boxes)
    parts = [tuple(_sample(images / name) for name in sorted(part)) for part in names]
    return DataSet(
        name="",
        train=parts[0],
        trials=(Trial(parts[1], parts[2]),),
        cameras=2,
        views=1,
        camera_names=("c1", "c2"),
        terms="",
    )


def protocol(folder: Path, boxes: Boxes) -> tuple[list[str], list[str], list[str]]:
    """File names of training, query and gallery: from the MATLAB file or a cached JSON.

    Raises:
        TrainerError: neither is there, or it cannot be read.
    """
    matlab = folder / f"cuhk03_new_protocol_config_{SPELLING[boxes]}.mat"
    cached = folder / f"splits_new_{SPELLING[boxes]}.json"
    try:
        if matlab.is_file():
            return _matlab_protocol(matlab)
        if cached.is_file():
            split = json.loads(cached.read_text(encoding="utf-8"))[0]
            train, query, gallery = (
                [PurePosixPath(row[0].replace("\\", "/")).name for row in split[part]]
                for part in ("train", "query", "gallery")
            )
            return train, query, gallery
    # What scipy and json raise on files that are not what they should be.
    except (OSError, ValueError, KeyError, IndexError, TypeError, NotImplementedError) as error:
        path = matlab if matlab.is_file() else cached
        raise TrainerError(
            f"The protocol {path} cannot be read: {error}.", "Restore it as it was published."
        ) from error
    raise TrainerError(
        f"{matlab.name}, which splits CUHK03 into training and test, is not in {folder}.",
        "It is published with the code of k-reciprocal re-ranking (github.com/zhunzhong07/"
        "person-re-ranking, CUHK03-NP).",
    )


def _matlab_protocol(path: Path) -> tuple[list[str], list[str], list[str]]:
    from scipy.io import loadmat

    content = loadmat(str(path))
    files = [str(np.asarray(cell).item()) for cell in content["filelist"].flatten()]
    train, query, gallery = (
        # MATLAB counts from 1.
        [files[int(number) - 1] for number in content[part].flatten()]
        for part in ("train_idx", "query_idx", "gallery_idx")
    )
    return train, query, gallery


def extract(folder: Path, boxes: Boxes) -> int:
    """Writes the images out of the MATLAB file, completely or not at all.

    Returns:
        How many were written.

    Raises:
        TrainerError: the MATLAB file is missing or broken, or nothing can be written there.
    """
    raw = folder / RAW_FILE
    images = folder / f"images_{SPELLING[boxes]}"
    if not raw.is_file():
        raise TrainerError(
            f"Neither {images} nor {raw} is there.",
            "Put the published cuhk-03.mat there; its images are written out once.",
        )
    unfinished = images.with_name(f"{images.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    count = 0
    try:
        unfinished.mkdir()
        for name, pixels in _cells(raw, SPELLING[boxes]):
            Image.fromarray(pixels).save(unfinished / name)
            count += 1
        unfinished.rename(images)
    # What h5py raises on files that are not what they should be.
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise TrainerError(
            f"The images of {raw} cannot be written out to {images}: {error}.",
            "Restore the MATLAB file, and see that the folder can be written to.",
        ) from error
    return count


def _cells(raw: Path, kind: str) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and pixels (h, w, 3) of each image; HDF5 holds MATLAB's arrays transposed."""
    import h5py

    with h5py.File(raw, "r") as file:

        def content(reference: Any) -> NDArray[Any]:
            return np.asarray(file[reference][()]).T

        for pair, reference in enumerate(np.asarray(file[kind]).flatten(), 1):
            for person, cells in enumerate(content(reference), 1):
                for number, cell in enumerate(cells, 1):
                    pixels = content(cell)
                    if pixels.ndim == 3:  # else the cell is empty
                        camera = 1 if number <= 5 else 2
                        name = f"{pair}_{person:03d}_{camera}_{number:02d}.png"
                        yield name, np.ascontiguousarray(pixels, np.uint8)


def _sample(path: Path) -> Sample:
    match = _NAME.match(path.name)
    if match is None:
        raise TrainerError(
            f"The protocol of CUHK03 names {path.name}, which is not pair_person_camera_image.png.",
            "Restore the protocol as it was published.",
        )
    # Persons are numbered anew in each pair of cameras.
    return Sample(path, int(match[1]) * 10_000 + int(match[2]), int(match[3]) - 1)
