"""What a training tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainer.recipe import Progress


@dataclass(frozen=True)
class StepDone:
    """An optimiser step.

    Attributes:
        progress: from before the step.
        in_epoch: steps of the epoch done, this one included.
        epoch_steps: of the whole epoch.
        loss: sum of the weighted terms, of this process.
        images: that this process saw in the step.
    """

    progress: Progress
    in_epoch: int
    epoch_steps: int
    loss: float
    images: int


@dataclass(frozen=True)
class EpochDone:
    """An epoch, with the means of its logged values over all processes."""

    epoch: int
    values: dict[str, float]


@dataclass(frozen=True)
class Evaluated:
    """An evaluation; `best` where its mAP is the highest so far."""

    epoch: int
    metrics: dict[str, float]
    best: bool


@dataclass(frozen=True)
class Saved:
    """A checkpoint after so many steps."""

    step: int
    path: Path


@dataclass(frozen=True)
class Stopped:
    """The end before the last epoch, after a checkpoint; `status` is for the shell."""

    step: int
    status: int


Event = StepDone | EpochDone | Evaluated | Saved | Stopped
