"""Where boxes will be: a Kalman filter of constant velocity for many boxes at once.

State of a box: centre x and y, width / height, height, and the change of each in `STEP_S`; noise as
of DeepSORT (Wojke et al., arXiv:1703.07402).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.entities import FloatArray

Doubles = NDArray[np.float64]

# The noise below is that of one such step. DeepSORT's is 1/30 s; people are followed better with
# half as much noise (docs/training.md).
STEP_S = 1 / 15
# Deviations as shares of the height.
_POSITION = 1 / 20
_VELOCITY = 1 / 160


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """The state of n boxes.

    Attributes:
        means: float64 (n, 8).
        covariances: float64 (n, 8, 8).
    """

    means: Doubles
    covariances: Doubles

    def boxes(self) -> FloatArray:
        """Where they are, float32 (n, 4) xyxy in pixels."""
        x, y, aspect, height = self.means[:, :4].T
        half = np.stack([aspect * height, height], axis=1) / 2
        centres = np.stack([x, y], axis=1)
        return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)

    def rows(self, chosen: NDArray[np.bool_]) -> Motion:
        """Some of the boxes."""
        return Motion(self.means[chosen], self.covariances[chosen])


def none() -> Motion:
    """No boxes."""
    return Motion(np.zeros((0, 8)), np.zeros((0, 8, 8)))


def joined(one: Motion, other: Motion) -> Motion:
    """The boxes of both."""
    return Motion(
        np.concatenate([one.means, other.means]),
        np.concatenate([one.covariances, other.covariances]),
    )


def begun(boxes: FloatArray) -> Motion:
    """Boxes seen for the first time, float32 (n, 4): at rest, as far as is known."""
    measured = _measured(boxes)
    height = measured[:, 3]
    deviations = _deviations(height, 2 * _POSITION, 1e-2, 10 * _VELOCITY, 1e-5)
    return Motion(
        np.concatenate([measured, np.zeros_like(measured)], axis=1),
        np.einsum("ni,ij->nij", deviations**2, np.eye(8)),
    )


def predicted(motion: Motion, elapsed_s: float, unseen: NDArray[np.bool_]) -> Motion:
    """The boxes after some time.

    Args:
        motion: of n boxes.
        elapsed_s: how much time passed.
        unseen: bool (n,); who is out of sight does not grow.
    """
    steps = elapsed_s / STEP_S
    step = np.eye(8)
    step[:4, 4:] = steps * np.eye(4)
    means = motion.means.copy()
    means[unseen, 7] = 0
    deviations = _deviations(means[:, 3], _POSITION, 1e-2, _VELOCITY, 1e-5)
    noise = np.einsum("ni,ij->nij", steps * deviations**2, np.eye(8))
    return Motion(means @ step.T, step @ motion.covariances @ step.T + noise)


def corrected(motion: Motion, seen: NDArray[np.bool_], boxes: FloatArray) -> Motion:
    """The boxes after some of them were seen.

    Args:
        motion: of n boxes.
        seen: bool (n,), which of them.
        boxes: float32 (m, 4), where those were seen.
    """
    if not seen.any():
        return motion
    means, covariances = motion.means.copy(), motion.covariances.copy()
    mean, covariance = means[seen], covariances[seen]
    noise = _deviations(mean[:, 3], _POSITION, 1e-1, 0, 0)[:, :4] ** 2
    spread = covariance[:, :4, :4] + np.einsum("ni,ij->nij", noise, np.eye(4))
    # Both are symmetric: gain = covariance · spread⁻¹.
    gain = np.linalg.solve(spread, covariance[:, :4, :]).transpose(0, 2, 1)  # (m, 8, 4)
    innovation = _measured(boxes) - mean[:, :4]
    means[seen] = mean + np.einsum("nij,nj->ni", gain, innovation)
    covariances[seen] = covariance - gain @ covariance[:, :4, :]
    return Motion(means, covariances)


def _measured(boxes: FloatArray) -> Doubles:
    """Centre, aspect and height, float64 (n, 4)."""
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    sides = high - low
    aspect = sides[:, :1] / np.maximum(sides[:, 1:], 1e-9)
    return np.concatenate([(low + high) / 2, aspect, sides[:, 1:]], axis=1)


def _deviations(
    height: Doubles, position: float, aspect: float, velocity: float, aspect_velocity: float
) -> Doubles:
    """Standard deviations by height, float64 (n, 8)."""
    flat = np.ones_like(height)
    place, change = position * height, velocity * height
    columns = [place, place, aspect * flat, place, change, change, aspect_velocity * flat, change]
    return np.stack(columns, axis=1)
