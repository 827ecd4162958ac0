"""What a recipe is: the networks, the losses and the data order of one paper's training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import Tensor, nn

from reid_models.backbones.pretrained import PretrainedReport
from reid_models.image_hashes import HashSample
from trainer.checked_settings import build, require
from trainer.config import TrainConfig
from trainer.data.identity_sampler import build_sampler
from trainer.data.loader import BatchSource
from trainer.data.training_set import Batch, TrainingSet
from trainer.errors import TrainerError
from trainer.partial_loading import load_partially

_SHARE = (1.0, "a number from 0 to 1")
_TOPS = {"label_smoothing": _SHARE, "own_share": _SHARE}


@dataclass(frozen=True)
class Progress:
    """How far the training is, before the step that is to be done.

    Attributes:
        epoch: the running one, from 1.
        epochs: of the whole training.
        step: optimiser steps done.
        steps: of the whole training, as far as known: later epochs count like this one.
        epoch_share: share of this epoch's steps that is done, 0 to below 1.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    epoch_share: float = 0.0


@dataclass(frozen=True)
class DataFacts:
    """What a recipe may know about the training data before it sees any.

    Attributes:
        identities: how many.
        cameras: how many.
        views: how many; 1: none are known.
        camera_table: row of each camera by its name.
        labels: identity of each row of the training set.
        trained_on: the data sets, with what was held out of them; those of `start.model` first.
        image_hashes: a sample of the training images, and of those of `start.model` as far as that
            file says; None only where an earlier version noted the facts.
        terms: of use of the data.
    """

    identities: int
    cameras: int = 0
    views: int = 1
    camera_table: dict[str, int] | None = None
    labels: tuple[int, ...] = ()
    trained_on: tuple[str, ...] = ()
    image_hashes: HashSample | None = None
    terms: str = ""


@dataclass(frozen=True)
class ImageForm:
    """How the network wants its images: height and width, mean and std of each channel (RGB)."""

    size_px: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Source(Protocol):
    """Batches of an epoch: a pure function of seed, epoch, rank and number of processes."""

    def steps(self, epoch: int) -> int:
        """How many batches the epoch has; the same in every process."""
        ...

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches from number `first` on; exactly those of an epoch that was not cut."""
        ...


class Recipe(nn.Module):
    """Batch → losses. Everything in its state dict is trained, saved and resumed.

    A recipe draws random numbers from the global generators only, whose states are saved, and
    keeps whatever else changes during a training in buffers.

    Attributes:
        loss_type: frozen dataclass that checks the table [loss].
        stands_on: which of `start.embedder` and `start.teacher` it may use.
        training_only: what names of its state dict begin with that no deployed network needs, and
            that only exists once `source` was called.
        config: of the training.
        facts: of its data.
        loss: the checked table [loss].
        network: what is trained; set by the child class.
    """

    loss_type: ClassVar[type[Any]]
    stands_on: ClassVar[tuple[str, ...]] = ()
    training_only: ClassVar[tuple[str, ...]] = ()
    network: nn.Module

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """Checks [loss]; the child class builds its networks with fresh weights.

        Raises:
            TrainerError: a setting of [loss] that the recipe does not know, or cannot be; a
                start that it has no use for.
        """
        super().__init__()
        self.config = config
        self.facts = facts
        self.loss = build(self.loss_type, config.loss, "loss")
        for name, value in vars(self.loss).items():
            if isinstance(value, float):  # weights, margins, temperatures, shares
                top, text = _TOPS.get(name, (math.inf, "a number from 0"))
                require(0 <= value <= top and value < math.inf, f"loss.{name}", value, text)
        for name in ("embedder", "teacher"):
            if getattr(config.start, name) and name not in self.stands_on:
                raise TrainerError(
                    f'The recipe "{config.recipe}" has no use for start.{name}.', "Take it out."
                )

    def begin(self) -> list[str]:
        """Fills the fresh networks as [start] says; not called when a training is resumed.

        Returns:
            What was used, resized and missing, a line each.

        Raises:
            NetworkError: a file that cannot be had or does not fit.
            TrainerError: weights for a network that takes none.
        """
        start = self.config.start
        if start.model:
            return load_partially(self.network, Path(start.model)).lines()
        if start.pretrained != "none":
            source = None if start.pretrained == "imagenet" else start.pretrained
            return [str(self.load_pretrained(source))]
        return []

    def load_pretrained(self, source: str | None) -> PretrainedReport:
        """Fills the backbone; None: the ImageNet weights that the paper started from.

        Raises:
            NetworkError: weights that cannot be had or do not fit.
            TrainerError: the network takes none.
        """
        load = getattr(self.network, "load_pretrained", None)
        if load is None:
            raise TrainerError(
                f"{type(self.network).__name__} starts from no pretrained weights.",
                'Set start.pretrained = "none".',
            )
        report: PretrainedReport = load(source)
        return report

    def image_form(self) -> ImageForm:
        """Of the images in the batches; here: the network's own."""
        network: Any = self.network
        return ImageForm(network.input_size_px, network.mean, network.std)

    def source(self, training_set: TrainingSet, rank: int, world: int) -> Source:
        """Where batches come from; here: the sampler of [sampler], images augmented.

        Args:
            training_set: all training images.
            rank: of this process.
            world: how many processes there are.

        Raises:
            TrainerError: the data cannot give such batches.
        """
        seed = self.config.training.seed
        sampler = build_sampler(self.config.sampler, training_set.labels, seed, rank, world)
        return BatchSource(training_set, sampler, self.config.data.workers)

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Weighted loss terms, scalars; the loss is their sum.

        Names that begin with "stat/" are logged and not summed. Everything that is trained must
        be used in here, because this is what several processes synchronise.
        """
        raise NotImplementedError

    def after_step(self, progress: Progress) -> None:
        """Called after each optimiser step, with the progress from before it."""

    def deployed(self) -> dict[str, nn.Module]:
        """Networks of the model files by name, "" the main one; of the registry of networks."""
        return {"": self.network}

    def card_facts(self, name: str) -> dict[str, Any]:
        """What the card of a deployed network says beside what the network tells itself."""
        network = self.deployed()[name]
        table = self.facts.camera_table if getattr(network, "uses_cameras", False) else None
        return {
            "camera_table": dict(table or {}),
            "trained_on": self.facts.trained_on,
            "image_hashes": self.facts.image_hashes,
            "terms": self.facts.terms,
        }
