"""TransReID, from the baseline to jigsaw patches and side information; arXiv:2102.04378."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from reid_models.transreid import TransReID
from trainer.config import TrainConfig
from trainer.data.training_set import Batch
from trainer.losses.identity import accuracy, identity_loss
from trainer.losses.triplet import Distance, Margin, batch_hard_triplet
from trainer.recipe import DataFacts, Progress, Recipe
from trainer.recipes.building import new_network


@dataclass(frozen=True)
class TransReIDLoss:
    """Losses of TransReID; the defaults are those of the published code.

    Attributes:
        identity: weight of the cross entropies.
        triplet: weight of the triplets.
        label_smoothing: of the cross entropies; published: none.
        margin: of the triplets; "soft" as published, or a number.
        distance: "code" (default): triplets of plain distances; "paper": of squared ones.
        local_share: with local features, "code" (default): half of a loss comes from the global
            feature, half from the mean of the local ones; "paper", Eq. (4): both in full.
    """

    identity: float = 1.0
    triplet: float = 1.0
    label_smoothing: float = 0.0
    margin: Margin = "soft"
    distance: Distance = "code"
    local_share: Literal["code", "paper"] = "code"


class TransReIDRecipe(Recipe):
    """Cross entropy after the necks, triplets before them, for the global and local features."""

    loss_type = TransReIDLoss
    loss: TransReIDLoss
    network: TransReID

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """As `Recipe`.

        Raises:
            NetworkError: settings of [model] that the network refuses.
        """
        super().__init__(config, facts)
        self.network = new_network(config, facts, ("transreid",))

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms "identity" and "triplet"."""
        loss = self.loss
        output = self.network(batch.images, batch.cameras, batch.views)
        identity = [
            identity_loss(logits, batch.identities, loss.label_smoothing)
            for logits in output.logits
        ]
        triplets = [
            batch_hard_triplet(feature, batch.identities, loss.margin, loss.distance).loss
            for feature in output.features
        ]
        return {
            "identity": loss.identity * self._joined(identity),
            "triplet": loss.triplet * self._joined(triplets),
            "stat/accuracy": accuracy(output.logits[0], batch.identities),
        }

    def _joined(self, losses: list[Tensor]) -> Tensor:
        """One loss from the global feature's and the local ones'."""
        first, *local = losses
        if not local:
            return first
        both = first + torch.stack(local).mean()
        return both / 2 if self.loss.local_share == "code" else both
