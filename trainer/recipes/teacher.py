"""A teacher's vectors of all training images, computed once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from platformdirs import user_cache_path
from rich.progress import track
from torch import Tensor
from torch.nn.functional import normalize

from trainer.data.files import read_image
from trainer.data.samples import Sample
from trainer.data.transforms import test_transform
from trainer.errors import TrainerError
from trainer.recipes.frozen import FrozenEmbedder, open_embedder

_BATCH = 32
FloatArray = NDArray[np.float32]


class Teacher:
    """A teacher: an embedder, or vectors that were written down before.

    Attributes:
        name: of its file.
        dimension: length of its vectors.
    """

    def __init__(self, path: Path, *, flip: bool = False) -> None:
        """Opens the file.

        Args:
            path: an embedder (see `open_embedder`), or what `python -m trainer extract` wrote: an
                `.npz` with `features` and `paths`.
            flip: an image's vector is the mean of its own and its mirror image's.

        Raises:
            TrainerError: no vectors in the file, or written ones and `flip`; see `open_embedder`.
            NetworkError: see `open_embedder`.
        """
        self.name = path.name
        self._flip = flip
        self._written: tuple[FloatArray, list[str]] | None = None
        self._embedder: FrozenEmbedder | None = None
        if path.suffix == ".npz":
            if flip:
                raise TrainerError(
                    f"{path.name} holds vectors, which cannot be asked for mirror images.",
                    "Write it by `python -m trainer extract --flip`, and set loss.teacher_flip = "
                    "false.",
                )
            self._written = _read(path)
            self.dimension = int(self._written[0].shape[1])
        else:
            self._embedder = open_embedder(path)
            self.dimension = self._embedder.dimension

    def vectors(self, samples: Sequence[Sample]) -> Tensor:
        """Vectors of images as they are, neither augmented nor with a camera, float32 (n, D).

        What an embedder computed is kept in the user's cache folder, one file for each folder of
        images, so that neither a resumed training nor one with other data besides waits again.

        Args:
            samples: of the training set, row by row.

        Raises:
            TrainerError: vectors of some image are missing, or an image cannot be read.
        """
        if self._written is not None:
            return torch.from_numpy(_matched(*self._written, samples, self.name))
        vectors = np.empty((len(samples), self.dimension), np.float32)
        rows_of: dict[Path, list[int]] = {}
        for row, sample in enumerate(samples):
            rows_of.setdefault(sample.path.parent, []).append(row)
        for folder, rows in rows_of.items():
            vectors[rows] = self._kept([samples[row] for row in rows], folder)
        return torch.from_numpy(vectors)

    def _kept(self, samples: Sequence[Sample], folder: Path) -> FloatArray:
        """Vectors of a folder's images, from the cache if they were computed before."""
        assert self._embedder is not None
        cache = user_cache_path("retrace") / "teachers"
        asked = f"{self._embedder.id}{' flip' if self._flip else ''}"
        kept = cache / f"{_key(asked, samples)}.npy"
        if kept.is_file():
            found: FloatArray = np.load(kept, allow_pickle=False)
            return found
        told = f"{self.name} looks at {folder}"
        vectors = _computed(self._embedder, samples, self._flip, told)
        cache.mkdir(parents=True, exist_ok=True)
        partial = kept.with_name(f"{kept.stem}.{os.getpid()}.npy")
        np.save(partial, vectors)
        partial.replace(kept)
        return vectors


class Ensemble:
    """Several teachers as one: their vectors of length 1, one behind the other, as one of length 1.

    So the cosine of two images is the mean of the teachers' cosines.

    Attributes:
        dimension: sum of the teachers'.
    """

    def __init__(self, paths: Sequence[Path], *, flip: bool = False) -> None:
        """Opens all files; see `Teacher`.

        Args:
            paths: at least one.
            flip: as of `Teacher`.
        """
        self._teachers = [Teacher(path, flip=flip) for path in paths]
        self.dimension = sum(teacher.dimension for teacher in self._teachers)

    def vectors(self, samples: Sequence[Sample]) -> Tensor:
        """Vectors of length 1, float32 (n, D); see `Teacher.vectors`."""
        each = [normalize(teacher.vectors(samples), dim=1) for teacher in self._teachers]
        return normalize(torch.cat(each, dim=1), dim=1)


def _computed(
    embedder: FrozenEmbedder, samples: Sequence[Sample], flip: bool, told: str
) -> FloatArray:
    form = embedder.form
    transform = test_transform(form.size_px, form.mean, form.std)
    generator = np.random.default_rng(0)  # the transform of tests does not use it
    vectors = np.empty((len(samples), embedder.dimension), np.float32)
    cameras = torch.zeros(_BATCH, dtype=torch.int64)
    for first in track(range(0, len(samples), _BATCH), told):
        images = [
            transform(read_image(sample.path), generator)
            for sample in samples[first : first + _BATCH]
        ]
        pixels = torch.stack(images)
        found = embedder.vectors(pixels, cameras[: len(images)])
        if flip:
            found = (found + embedder.vectors(pixels.flip(3), cameras[: len(images)])) / 2
        vectors[first : first + len(images)] = found.numpy()
    return vectors


def _matched(
    features: FloatArray, names: Sequence[str], samples: Sequence[Sample], file: str
) -> FloatArray:
    """Features in the order of the samples, by as much of their paths as tells them apart.

    So vectors that were computed elsewhere, on a copy of the data, can be used here.
    """
    longest = max(len(sample.path.parts) for sample in samples)
    for length in range(1, longest + 1):
        keys = [sample.path.parts[-length:] for sample in samples]
        if len(set(keys)) == len(keys):
            break
    rows = {Path(name).parts[-length:]: row for row, name in enumerate(names)}
    missing = [sample.path for sample, key in zip(samples, keys, strict=True) if key not in rows]
    if missing:
        raise TrainerError(
            f"{file} has no vector of {len(missing)} of {len(samples)} training images, such "
            f"as {missing[0]}.",
            "Extract the vectors of all of them, or train on those that it has.",
        )
    return features[[rows[key] for key in keys]]


def _read(path: Path) -> tuple[FloatArray, list[str]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            assert isinstance(file, NpzFile)
            features = np.asarray(file["features"], np.float32)
            names = [str(name) for name in file["paths"]]
    except (OSError, KeyError, ValueError) as error:
        raise TrainerError(
            f"{path} cannot be read as vectors with their images: {error}.",
            "Write it by `python -m trainer extract`; it holds features and paths.",
        ) from error
    if features.ndim != 2 or len(features) != len(names) or not np.isfinite(features).all():
        raise TrainerError(
            f"{path} does not hold one finite vector for each of its paths.",
            "Extract the vectors again.",
        )
    return features, names


def _key(embedder_id: str, samples: Sequence[Sample]) -> str:
    digest = hashlib.sha256(embedder_id.encode())
    for sample in samples:
        facts = sample.path.stat()
        digest.update(f"\n{sample.path.resolve()} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()[:24]
