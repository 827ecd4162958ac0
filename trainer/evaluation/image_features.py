"""Folders and lists of images → features files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from trainer.data.files import image_files
from trainer.data.market_layout import JUNK, identity_and_camera
from trainer.data.samples import Sample
from trainer.errors import TrainerError
from trainer.evaluation.embedders import Embedder
from trainer.evaluation.extraction import Advance, extract
from trainer.evaluation.features import (
    LabelledFeatures,
    TrialFeatures,
    write_arrays,
    write_features,
)
from trainer.evaluation.ranking import Labels
from trainer.metrics import FloatArray

# Identity and camera where a name tells none.
UNNAMED = (-1, -1)

Bar = Callable[[int, str], Advance]
"""(how many, of what) → told of the progress."""


class ImageExtraction:
    """Writes the vectors of images whose names may begin with identity and camera.

    Cameras are numbered as in the names: 0002_c1s1_000451_03.jpg is person 2 at camera 1.

    Attributes:
        unknown_cameras: whether the embedder knows cameras, and none of those of the images.
    """

    def __init__(self, embedder: Embedder, cameras_of: str, bar: Bar) -> None:
        """Embeds nothing yet.

        Args:
            embedder: any.
            cameras_of: the data set whose cameras these are, as in the embedder's camera names;
                "" where the embedder has plain names such as "c1", or does not know them.
            bar: makes a progress bar.
        """
        self._embedder = embedder
        self._prefix = f"{cameras_of}/" if cameras_of else ""
        self._bar = bar
        self.unknown_cameras = False

    def write_images(self, source: Path, out: Path) -> tuple[int, int]:
        """Writes `features`, `paths`, `ids`, `cameras`.

        Args:
            source: a folder, or a list with a path a line, seen from the list's folder.
            out: the .npz.

        Returns:
            How many images there are, and how many have names without identity and camera.

        Raises:
            TrainerError: no images, one that cannot be read, or `out` cannot be written.
            NetworkError: see `Embedder.embed`.
        """
        paths = listed_images(source)
        numbers = np.array([identity_and_camera(path.name) or UNNAMED for path in paths])
        arrays = {
            "features": self._embedded(paths, numbers),
            "paths": np.array([str(path) for path in paths]),
            "ids": numbers[:, 0],
            "cameras": numbers[:, 1],
        }
        write_arrays(out, arrays)
        return len(paths), int((numbers[:, 1] < 0).sum())

    def write_sides(self, query: Path, gallery: Path, out: Path) -> TrialFeatures:
        """Writes what `rank` reads, without junk, and returns it.

        Args:
            query: a folder or list, as of `write_images`.
            gallery: likewise.
            out: the .npz.

        Raises:
            TrainerError: as `write_images`, or a name without identity and camera.
            NetworkError: see `Embedder.embed`.
        """
        found = TrialFeatures(*(self._side(source) for source in (query, gallery)))
        write_features(out, found)
        return found

    def _side(self, source: Path) -> LabelledFeatures:
        paths, numbers = [], []
        for path in listed_images(source):
            own = identity_and_camera(path.name)
            if own is None:
                raise TrainerError(
                    f"The name of {path} does not begin with identity and camera, such as 0002_c1.",
                    "Rename or remove it; without --query and --gallery, names do not matter.",
                )
            if own[0] != JUNK:
                paths.append(path)
                numbers.append(own)
        if not paths:
            raise TrainerError(f"All images of {source} are junk (-1).", "Name another folder.")
        of = np.array(numbers)
        return LabelledFeatures(self._embedded(paths, of), Labels(of[:, 0], of[:, 1]))

    def _embedded(self, paths: Sequence[Path], numbers: np.ndarray) -> FloatArray:
        cameras, places = np.unique(numbers[:, 1], return_inverse=True)
        names = [f"{self._prefix}c{camera}" for camera in cameras]
        known = self._embedder.known_cameras
        self.unknown_cameras = bool(known) and known.isdisjoint(names)
        samples = [
            Sample(path, int(identity), int(place))
            for path, identity, place in zip(paths, numbers[:, 0], places, strict=True)
        ]
        return extract(self._embedder, samples, names, self._bar(len(samples), "images"))


def listed_images(source: Path) -> list[Path]:
    """The images of a folder, or those that a list names.

    Raises:
        TrainerError: no such folder or list, or no image in it.
    """
    if source.is_dir():
        paths = image_files(source)
    else:
        try:
            lines = source.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TrainerError(
                f"{source} is neither a folder nor a list of images: {error}.",
                "Name a folder, or a text file with a path a line.",
            ) from error
        paths = [source.parent / line.strip() for line in lines if line.strip()]
    if not paths:
        raise TrainerError(f"There is no image in {source}.", "Name a folder of images, or a list.")
    return paths
