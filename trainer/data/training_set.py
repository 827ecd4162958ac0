"""All training images of one or several data sets, with labels, cameras and views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from trainer.data.files import read_image
from trainer.data.identity_sampler import Draw
from trainer.data.samples import DataSet, Sample
from trainer.data.transforms import Transform
from trainer.errors import TrainerError


class Batch(NamedTuple):
    """What a training step sees.

    Attributes:
        images: normalised, float32 (B, 3, H, W).
        identities: labels from 0, int64 (B,).
        cameras: rows of the camera table, int64 (B,).
        views: from 0, int64 (B,).
        indices: rows of the training set, int64 (B,).
    """

    images: Tensor
    identities: Tensor
    cameras: Tensor
    views: Tensor
    indices: Tensor


class TrainingSet(Dataset[tuple[Tensor, ...]]):
    """Training images; an item is a pure function of the `Draw` that asks for it.

    Labels number the pairs of data set and identity, in the order of the data sets and, within
    one, of its identities. Cameras of several data sets are numbered one after another.

    Attributes:
        samples: all of them, row by row.
        identities: how many.
        cameras: how many.
        views: how many; 1: none are known.
        camera_table: row of each camera by its key, "market1501/c1" (`DataSet.camera_keys`).
        labels: identity of each row, int64 (n,).
        camera_rows: camera of each row, int64 (n,).
        terms: of the data sets that have some.
    """

    def __init__(
        self, data_sets: Sequence[DataSet], transform: Transform, cache_bytes: int = 0
    ) -> None:
        """Reads no image yet.

        Args:
            data_sets: at least one with training images.
            transform: from an image to what the network takes.
            cache_bytes: how much of the decoded images `load_cache` may keep in memory.

        Raises:
            TrainerError: no images, or two data sets of one name.
        """
        self.transform = transform
        self.samples: list[Sample] = []
        self.camera_table: dict[str, int] = {}
        labels: list[int] = []
        cameras: list[int] = []
        self.identities = 0
        for data_set in data_sets:
            first_camera = len(self.camera_table)
            self.camera_table.update(
                {key: first_camera + row for row, key in enumerate(data_set.camera_keys)}
            )
            if len(self.camera_table) != first_camera + data_set.cameras:
                raise TrainerError(
                    f'Two data sets of the training are called "{data_set.name}".',
                    "Name each once; of two folders with one name, rename one.",
                )
            known = sorted({sample.identity for sample in data_set.train})
            label_of = {identity: self.identities + row for row, identity in enumerate(known)}
            self.identities += len(known)
            self.samples += data_set.train
            labels += [label_of[sample.identity] for sample in data_set.train]
            cameras += [first_camera + sample.camera for sample in data_set.train]
        if not self.samples:
            names = ", ".join(data_set.name for data_set in data_sets)
            raise TrainerError(
                f"There is no training image in {names}." if names else "data.train is empty.",
                "Name data sets with a training part in data.train, as `datasets list` shows them.",
            )
        self.cameras = len(self.camera_table)
        self.views = max(data_set.views for data_set in data_sets)
        self.labels = np.array(labels, np.int64)
        self.camera_rows = np.array(cameras, np.int64)
        self.terms = tuple(dict.fromkeys(each.terms for each in data_sets if each.terms))
        self._cache_bytes = cache_bytes
        self._cache: list[NDArray[np.uint8]] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        """The augmented image of a draw (3, H, W), and its row of the other fields of `Batch` ().

        Raises:
            TrainerError: the image file cannot be read.
        """
        sample = self.samples[draw.index]
        image = self.transform(self._pixels(draw.index), np.random.default_rng(draw.seed))
        numbers = (
            int(self.labels[draw.index]),
            int(self.camera_rows[draw.index]),
            sample.view,
            draw.index,
        )
        return image, *map(torch.tensor, numbers)

    def batch(self, draws: Sequence[Draw]) -> Batch:
        """The items of several draws, stacked.

        Raises:
            TrainerError: an image file cannot be read.
        """
        return Batch(*map(torch.stack, zip(*(self[draw] for draw in draws), strict=True)))

    def load_cache(self) -> None:
        """Decodes images from the first on, as many as may be kept; later calls do nothing.

        Worker processes that are forked afterwards share the memory.

        Raises:
            TrainerError: an image file cannot be read.
        """
        if self._cache is not None:
            return
        self._cache = []
        left = self._cache_bytes
        for sample in self.samples if left else ():
            image = read_image(sample.path)
            left -= image.nbytes
            if left < 0:
                return
            self._cache.append(image)

    def _pixels(self, row: int) -> NDArray[np.uint8]:
        if self._cache is not None and row < len(self._cache):
            return self._cache[row]
        return read_image(self.samples[row].path)
