"""Features files: vectors of queries and gallery with who is on them, as NumPy's .npz."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.market_layout import JUNK
from trainer.errors import TrainerError
from trainer.evaluation.ranking import Labels
from trainer.metrics import FloatArray

KEYS = tuple(
    f"{side}_{what}" for what in ("features", "ids", "cameras") for side in ("query", "gallery")
)


@dataclass(frozen=True)
class LabelledFeatures:
    """Vectors of one side, float32 (N, D), with their identities and cameras."""

    vectors: FloatArray
    labels: Labels


@dataclass(frozen=True)
class TrialFeatures:
    """What is searched for, and what in; vectors of one length D."""

    query: LabelledFeatures
    gallery: LabelledFeatures

    def of_known_people(self) -> LabelledFeatures:
        """Both sides together, without the identities that no query has (distractors)."""
        sides = self.query, self.gallery
        identities = np.concatenate([side.labels.identities for side in sides])
        cameras = np.concatenate([side.labels.cameras for side in sides])
        known = np.isin(identities, self.query.labels.identities)
        vectors = np.concatenate([side.vectors for side in sides])[known]
        return LabelledFeatures(vectors, Labels(identities[known], cameras[known]))


def read_features(path: Path) -> TrialFeatures:
    """Queries and gallery of a features file, without junk (-1); no code in it is run.

    Raises:
        TrainerError: no such file, not one of this kind, or arrays that do not fit.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError("it holds one array without a name")
        with loaded as file:
            arrays = {key: file[key] for key in KEYS if key in file.files}
    # What NumPy raises depends on where the file is broken.
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        # What NumPy says of foreign files is advice to run the code in them.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else None
        raise TrainerError(
            f"The features file {path} cannot be read: {reason or 'it is no .npz of numbers'}.",
            "Check the path, or write it again with `python -m trainer extract --query … "
            "--gallery …`.",
        ) from error
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise TrainerError(
            f"{path.name} has no {', '.join(missing)}.",
            f"A features file of queries and gallery has the keys {', '.join(KEYS)}; "
            "`python -m trainer extract --query … --gallery …` writes one.",
        )
    sides = [_side(arrays, side, path.name) for side in ("query", "gallery")]
    lengths = [side.vectors.shape[1] for side in sides]
    if lengths[0] != lengths[1]:
        raise TrainerError(
            f"In {path.name}, queries have vectors of length {lengths[0]} and the gallery of "
            f"{lengths[1]}.",
            "Extract both with one network.",
        )
    return TrialFeatures(*sides)


def write_features(path: Path, features: TrialFeatures) -> None:
    """Writes exactly the keys that `read_features` reads; the file is whole or not there.

    Raises:
        TrainerError: it cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for side, of in (("query", features.query), ("gallery", features.gallery)):
        arrays[f"{side}_features"] = of.vectors
        arrays[f"{side}_ids"] = of.labels.identities
        arrays[f"{side}_cameras"] = of.labels.cameras
    write_arrays(path, arrays)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes an .npz; the file is whole or not there.

    Raises:
        TrainerError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its other argument is a switch
        partial.replace(path)
    except OSError as error:
        raise TrainerError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Check that its folder exists and that the disk has room.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _side(arrays: Mapping[str, NDArray[Any]], side: str, name: str) -> LabelledFeatures:
    vectors, ids, cameras = (arrays[f"{side}_{what}"] for what in ("features", "ids", "cameras"))
    fits = vectors.ndim == 2 and ids.shape == cameras.shape == (len(vectors),)
    kinds = vectors.dtype.kind == "f" and ids.dtype.kind in "iu" and cameras.dtype.kind in "iu"
    if not (fits and kinds):
        shapes = ", ".join(f"{each.dtype} {each.shape}" for each in (vectors, ids, cameras))
        raise TrainerError(
            f"In {name}, {side}_features, {side}_ids and {side}_cameras are {shapes}.",
            "They must be numbers with a fraction (N, D), and twice whole numbers (N,).",
        )
    if not (counts := ids != JUNK).all():
        vectors, ids, cameras = vectors[counts], ids[counts], cameras[counts]
    if not vectors.size:
        raise TrainerError(
            f"In {name}, {side}_features holds no vector of anybody (-1 is junk).",
            f"Extract images for --{side} whose names begin with identity and camera.",
        )
    labels = Labels(ids.astype(np.int64), cameras.astype(np.int64))
    with np.errstate(over="ignore"):  # becomes infinite, which `prepared` refuses
        return LabelledFeatures(vectors.astype(np.float32), labels)
