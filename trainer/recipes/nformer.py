"""NFormer's second stage: the neighbour transformer over a frozen embedder; arXiv:2204.09331."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reid_models.nformer import NFormer
from trainer.checked_settings import require
from trainer.config import TrainConfig
from trainer.data.identity_sampler import build_sampler
from trainer.data.loader import BatchSource
from trainer.data.training_set import Batch, TrainingSet
from trainer.errors import TrainerError
from trainer.recipe import DataFacts, ImageForm, Progress
from trainer.recipes.building import new_network
from trainer.recipes.feature_sets import FeatureSets, SetRule
from trainer.recipes.frozen import open_embedder
from trainer.recipes.nformer_encoder import CenteredRecipe, NFormerLoss


@dataclass(frozen=True)
class NFormerStageLoss(NFormerLoss):
    """Losses of the second stage, and the sets that they are computed on.

    Attributes:
        set_size: features of a set (`SetRule.size`).
        sets: sets of a step (`SetRule.sets`).
        features_per_set: see `SetRule.features_per_set`.
    """

    set_size: int = 7000
    sets: int = 2
    features_per_set: int = 30

    def __post_init__(self) -> None:
        for name in ("set_size", "sets", "features_per_set"):
            value = getattr(self, name)
            require(value >= 1, f"loss.{name}", value, "a number from 1")


class NFormerRecipe(CenteredRecipe):
    """The losses of the encoder, on what NFormer makes of sets of its features.

    Each epoch, the features of all images that the sampler draws are extracted anew: augmented as
    in a training, the embedder in evaluation mode. `start.embedder` may be any embedder.
    """

    loss_type = NFormerStageLoss
    stands_on = ("embedder",)
    loss: NFormerStageLoss
    network: NFormer

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """As `Recipe`.

        Raises:
            TrainerError: there is no `start.embedder`.
            NetworkError: settings that the network refuses, or an embedder that cannot be used.
        """
        super().__init__(config, facts)
        if not config.start.embedder:
            raise TrainerError(
                "NFormer refines the vectors of an embedder, and none is named.",
                "Set start.embedder to its model file, such as the result of nformer_encoder.",
            )
        # No part of the state dict: it is a file of its own, and does not change.
        self.embedder = open_embedder(Path(config.start.embedder), facts.camera_table)
        width = self.embedder.dimension
        self.network = new_network(config, facts, ("nformer",), embedding_dim=width, encoder=None)
        self.add_centers(width)

    def begin(self) -> list[str]:
        """As `Recipe.begin`; says so where a set cannot have its full size."""
        lines, images = super().begin(), len(self.facts.labels)
        if images < self.loss.set_size:
            lines.append(
                f"{images} training images are fewer than the {self.loss.set_size} of a set: each "
                "set is all of them. Lower loss.set_size for sets that differ."
            )
        return lines

    def image_form(self) -> ImageForm:
        """The embedder's."""
        return self.embedder.form

    def source(self, training_set: TrainingSet, rank: int, world: int) -> FeatureSets:
        """Sets of features; arguments as of `Recipe.source`."""
        seed, loss = self.config.training.seed, self.loss
        sampler = build_sampler(self.config.sampler, training_set.labels, seed)
        images = BatchSource(training_set, sampler, self.config.data.workers)
        rule = SetRule(loss.set_size, loss.sets, loss.features_per_set)
        return FeatureSets(images, self._embedded, rule, seed, rank, world)

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms as `CenteredRecipe.terms`.

        Args:
            batch: `images` are features (S, n, D).
            progress: not looked at.
        """
        output = self.network(batch.images)  # rows of all sets, one set after the other
        return self.terms(output.features[0], output.logits[0], batch.identities.flatten())

    def card_facts(self, name: str) -> dict[str, Any]:
        """As `Recipe.card_facts`, with the embedder that it refines."""
        return super().card_facts(name) | {"requires_embedder": self.embedder.id}

    def _embedded(self, batch: Batch) -> Tensor:
        device = next(self.parameters()).device
        images, cameras = batch.images.to(device), batch.cameras.to(device)
        with torch.autocast(device.type, enabled=False):
            return self.embedder.vectors(images, cameras)
