"""Crops that nobody labelled, cut out along tracks: ``FOLDER/SOURCE/SOURCE_VIDEO_TRACK_FRAME.jpg``.

A track shows one person, so it is an identity of its own; two tracks may show the same person.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainer.data.files import image_files
from trainer.data.samples import DataSet, Sample
from trainer.errors import TrainerError


def read_tracks(folder: Path, without: Sequence[str] = (), most: int = 0, seed: int = 0) -> DataSet:
    """A data set for training: each track is an identity, each folder in `folder` a camera.

    Names that are equal up to their last ``_`` are one track; a name without ``_`` is a track of
    one image.

    Args:
        folder: holds a folder of images for each source.
        without: sources that are left out.
        most: how many images of a source are taken at most, as whole tracks; 0: all. Which tracks
            depends on the seed and the source alone, not on the other sources.
        seed: of that choice.

    Raises:
        TrainerError: no folder of images in it, a source in `without` that is not there, or no
            image is left.
    """
    sources = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    names = [path.name for path in sources]
    for name in without:
        if name not in names:
            raise TrainerError(
                f'There is no source "{name}" in {folder} to be left out.',
                f"Its sources are {', '.join(names)}." if names else "Name the folder of sources.",
            )
    samples: list[Sample] = []
    cameras: list[str] = []
    left_out = {"without": 0, "most": 0}
    identities = 0
    for source in sources:
        files = image_files(source)
        if source.name in without:
            left_out["without"] += len(files)
            continue
        tracks: dict[str, list[Path]] = defaultdict(list)
        for path in files:
            tracks[path.stem.rpartition("_")[0] or path.stem].append(path)
        chosen = _at_most(list(tracks.values()), most, source.name, seed)
        if not chosen:
            continue
        for track in chosen:
            identities += 1
            samples += [Sample(path, identities, len(cameras)) for path in track]
        cameras.append(source.name)
        left_out["most"] += len(files) - sum(map(len, chosen))
    if not samples:
        raise TrainerError(
            f"There are no crops of tracks in {folder}.",
            "Name the folder that holds SOURCE/SOURCE_VIDEO_TRACK_FRAME.jpg, a folder for each "
            "source.",
        )
    return DataSet(
        name="",
        train=tuple(samples),
        trials=(),
        cameras=len(cameras),
        views=1,
        camera_names=tuple(cameras),
        terms="",
        left_out={reason: number for reason, number in left_out.items() if number},
    )


def _at_most(tracks: Sequence[list[Path]], most: int, source: str, seed: int) -> list[list[Path]]:
    """Whole tracks in their order, drawn one after another as long as they fit."""
    if not most:
        return list(tracks)
    generator = np.random.default_rng((seed, zlib.crc32(source.encode())))
    chosen: list[int] = []
    for number in generator.permutation(len(tracks)).tolist():
        if len(tracks[number]) <= most:
            chosen.append(number)
            most -= len(tracks[number])
    return [tracks[number] for number in sorted(chosen)]
