"""A query and a gallery out of identities that a training leaves out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError


def hold_out(data_set: DataSet, identities: int, seed: int) -> DataSet:
    """The data set with some of its training identities as its only trial.

    The rule: the identities above 0 of the training part, sorted, are permuted by
    ``numpy.random.default_rng(seed).permutation``; the first `identities` of them are held out.
    Of each held-out identity that was seen by several cameras, the first image of each camera, by
    file name, is a query. All its other images, and all images of the rest, are the gallery.

    Raises:
        TrainerError: fewer than two identities would be left, or none has two cameras.
    """
    known = sorted({sample.identity for sample in data_set.train if sample.identity > 0})
    if identities > len(known) - 2:
        raise TrainerError(
            f"{identities} identities cannot be held out of the {len(known)} of {data_set.name}.",
            "Hold out fewer; a training needs at least two.",
        )
    order = np.random.default_rng(seed).permutation(len(known))
    held_out = {known[number] for number in order[:identities]}
    trial = _trial([sample for sample in data_set.train if sample.identity in held_out])
    if not trial.query:
        raise TrainerError(
            f"No held-out identity of {data_set.name} was seen by two cameras.",
            "Hold out more, or use a data set with several cameras.",
        )
    rest = tuple(sample for sample in data_set.train if sample.identity not in held_out)
    return replace(data_set, train=rest, trials=(trial,))


def _trial(samples: Sequence[Sample]) -> Trial:
    groups: dict[int, dict[int, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in sorted(samples, key=lambda sample: sample.path.name):
        groups[sample.identity][sample.camera].append(sample)
    query: list[Sample] = []
    gallery: list[Sample] = []
    for identity in sorted(groups):
        by_camera = groups[identity]
        for camera in sorted(by_camera):
            first, *others = by_camera[camera]
            (query if len(by_camera) > 1 else gallery).append(first)
            gallery += others
    return Trial(tuple(query), tuple(gallery))
