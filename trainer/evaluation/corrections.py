"""What Retrace takes into account beside vectors: camera means and transit times.

Neither looks at an identity. Both are learnt from queries and gallery together, as an application
learns from all that it holds; results are transductive.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from site_statistics.camera_mean import CameraSums
from site_statistics.transit_times import CLIP, Sightings, Stretch, TransitTimes, bonus, stretches
from trainer.data.market_layout import FRAMES_PER_SECOND, frame_number
from trainer.data.samples import Sample, Trial
from trainer.evaluation.distances import Distances
from trainer.evaluation.features import TrialFeatures
from trainer.metrics import DoubleArray, FloatArray

# Images that show one frame of a camera, on average, up to which their numbers can be frames: more
# of them are only counted, person by person.
_PEOPLE_IN_A_FRAME = 3.0


def camera_corrected(features: TrialFeatures) -> tuple[FloatArray, FloatArray]:
    """Vectors of length 1 of both sides without their camera's mean, float32 (Q, D) and (G, D).

    The application counts tracklets to decide how much of a mean to subtract. Data sets have none,
    so images are counted.

    Args:
        features: vectors of any length but 0.
    """
    vectors, cameras = _both(features)
    sums = CameraSums()
    sums.add(vectors, cameras)
    corrected = sums.means().corrected(vectors, cameras)
    return corrected[: len(features.query.vectors)], corrected[len(features.query.vectors) :]


def seen_s(trial: Trial) -> DoubleArray | None:
    """When each query and then each image of the gallery was taken, float64 (Q + G,).

    Taken from the frame numbers in names as Market-1501's, 0002_c1s1_000451_03.jpg. Its cameras
    have several recordings (s1, s2, …) whose clocks differ by constants, learnt like any way.

    Returns:
        Seconds; None where a name has no frame number, or the numbers are not those of frames.
    """
    samples = (*trial.query, *trial.gallery)
    numbers = [frame_number(sample.path.name) for sample in samples]
    known = [number for number in numbers if number is not None]
    frames = {(_recording(sample), number) for sample, number in zip(samples, numbers, strict=True)}
    if len(known) < len(samples) or len(samples) > _PEOPLE_IN_A_FRAME * len(frames):
        return None
    return np.array(known, np.float64) / FRAMES_PER_SECOND


def _recording(sample: Sample) -> str:
    """The part of the name that tells camera and recording, "c1s1"."""
    return sample.path.name.split("_")[1]


class TransitDistances:
    """Distances, less where the time between two images is usual on the way between their cameras.

    Attributes:
        queries: Q.
        gallery: G.
    """

    def __init__(self, base: Distances, features: TrialFeatures, seconds: DoubleArray) -> None:
        """Learns the ways.

        Args:
            base: squared Euclidean distances of vectors of length 1.
            features: of the trial.
            seconds: float64 (Q + G,), as `seen_s` returns them.
        """
        self.queries, self.gallery = base.queries, base.gallery
        self._base = base
        _, cameras = _both(features)
        self._seen = Sightings(np.arange(len(seconds)), cameras, seconds, seconds)
        vectors = np.concatenate(camera_corrected(features))
        learnt_from = [
            Stretch(self._seen.at(rows), vectors[rows])
            for rows in stretches(seconds, longest=len(seconds))
        ]
        self._times = TransitTimes(learnt_from)

    def rows(self, first: int, last: int) -> Tensor:
        """As `Distances.rows`; never below 0."""
        found = self._base.rows(first, last)
        most = bonus(np.full(1, CLIP, np.float32))
        for row in range(first, last):
            # |q − g|² = 2 − 2 cos
            less = torch.from_numpy(2 * (most - self.bonus(row)))
            found[row - first] += less.to(found.device)
        return found

    def bonus(self, row: int) -> FloatArray:
        """What a query's times add to the cosines with the gallery, float32 (G,)."""
        seen = self._seen
        log_odds = self._times.log_odds(seen.at([row]), seen.at(slice(self.queries, None)))[1]
        return bonus(log_odds)


def _both(features: TrialFeatures) -> tuple[FloatArray, np.ndarray]:
    """Vectors of length 1 and cameras of queries and gallery, one after the other."""
    sides = features.query, features.gallery
    vectors = np.concatenate([side.vectors for side in sides])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    cameras = np.concatenate([side.labels.cameras for side in sides])
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32), cameras
