"""Images on disk → vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from trainer.data.files import read_image
from trainer.data.samples import DataSet, Sample
from trainer.errors import TrainerError
from trainer.evaluation.embedders import Embedder, Image
from trainer.evaluation.features import LabelledFeatures, TrialFeatures
from trainer.evaluation.ranking import Labels
from trainer.metrics import FloatArray

# Decoded while as many others are embedded.
_IMAGES_AT_ONCE = 256
_DECODERS = 4

Advance = Callable[[int], None]
"""Told how many images have been done since it was called last."""


def extract(
    embedder: Embedder,
    samples: Sequence[Sample],
    camera_names: Sequence[str],
    advance: Advance = lambda _: None,
) -> FloatArray:
    """Vectors of samples, float32 (n, D).

    Args:
        embedder: any.
        samples: with cameras as numbers.
        camera_names: by number; what the embedder is told.
        advance: told of the progress.

    Raises:
        TrainerError: an image that cannot be read, or vectors without direction.
        NetworkError: see `Embedder.embed`.
    """
    found = np.empty((len(samples), embedder.dimension), np.float32)
    for first, images in _decoded(samples):
        some = samples[first : first + len(images)]
        names = [camera_names[sample.camera] for sample in some]
        vectors = embedder.embed(images, names, [sample.view for sample in some])
        if not np.isfinite(vectors).all():
            bad = some[int(np.isfinite(vectors).all(axis=1).argmin())]
            raise TrainerError(
                f"The network returned NaN or infinite values for {bad.path}.",
                "Choose another network, or the precision float32.",
            )
        found[first : first + len(images)] = vectors
        advance(len(images))
    return found


def extract_trials(
    embedder: Embedder, data_set: DataSet, advance: Advance = lambda _: None
) -> Iterator[TrialFeatures]:
    """Vectors of one trial after the other; an image that is in several is embedded once.

    Raises:
        TrainerError: the data set has no queries; as `extract`.
        NetworkError: as `extract`.
    """
    if not data_set.trials:
        raise TrainerError(
            f"{data_set.name} has no queries to evaluate on.",
            'Choose another data set, or hold identities out: "NAME#holdout=100".',
        )
    samples = distinct_samples(data_set)
    places = {sample.path: place for place, sample in enumerate(samples)}
    vectors = extract(embedder, samples, told_cameras(embedder, data_set), advance)
    for trial in data_set.trials:
        query, gallery = (
            LabelledFeatures(vectors[[places[each.path] for each in side]], labels_of(side))
            for side in (trial.query, trial.gallery)
        )
        yield TrialFeatures(query, gallery)


def distinct_samples(data_set: DataSet) -> list[Sample]:
    """Every image of the trials once."""
    sides = (side for trial in data_set.trials for side in (trial.query, trial.gallery))
    return list({sample.path: sample for side in sides for sample in side}.values())


def told_cameras(embedder: Embedder, data_set: DataSet) -> tuple[str, ...]:
    """What an embedder is told of a data set's cameras: names as in its own table.

    A network trained on several data sets knows "market1501/c1"; one that was converted knows
    "c1" of the one data set it was trained on.
    """
    known = embedder.known_cameras
    pairs = zip(data_set.camera_keys, data_set.camera_names, strict=True)
    return tuple(name if key not in known and name in known else key for key, name in pairs)


def labels_of(samples: Sequence[Sample]) -> Labels:
    """Identities and cameras of samples."""
    return Labels(
        np.array([sample.identity for sample in samples], np.int64),
        np.array([sample.camera for sample in samples], np.int64),
    )


def _decoded(samples: Sequence[Sample]) -> Iterator[tuple[int, list[Image]]]:
    """First place and pixels of one group of samples after the other, decoded ahead."""
    starts = range(0, len(samples), _IMAGES_AT_ONCE)
    with ThreadPoolExecutor(_DECODERS, "decoder") as pool:

        def begin(start: int) -> Iterator[Image]:
            some = samples[start : start + _IMAGES_AT_ONCE]
            return pool.map(read_image, [sample.path for sample in some])

        coming = begin(0)
        for start in starts:
            images = list(coming)
            coming = begin(start + _IMAGES_AT_ONCE)
            yield start, images
