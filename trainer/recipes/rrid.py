"""RRID, the relation network of body stripes (Park and Ham, AAAI 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from reid_models.backbones.pretrained import PretrainedReport
from reid_models.rrid import RRID
from trainer.config import TrainConfig
from trainer.data.training_set import Batch
from trainer.losses.identity import accuracy, identity_loss
from trainer.losses.triplet import Margin, batch_hard_triplet
from trainer.recipe import DataFacts, Progress, Recipe
from trainer.recipes.building import load_backbone, new_network


@dataclass(frozen=True)
class RRIDLoss:
    """Losses of RRID.

    Attributes:
        form: "code" (default), as published: the sum of a triplet for each of the R features, and
            of a cross entropy for each feature, its own part and its rest (3·R); "paper", Eq. (3)
            to (6): one triplet on the whole vector, a cross entropy for each feature (R).
        identity: λ, weight of the cross entropies.
        triplet: weight of the triplets.
        margin: of the triplets. 1.2 is the code's; the paper does not tell its own.
        label_smoothing: of the cross entropies; published: none.
    """

    form: Literal["code", "paper"] = "code"
    identity: float = 2.0
    triplet: float = 1.0
    margin: Margin = 1.2
    label_smoothing: float = 0.0


class RRIDRecipe(Recipe):
    """Sums of cross entropies and triplets over all relational features."""

    loss_type = RRIDLoss
    loss: RRIDLoss
    network: RRID

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """As `Recipe`.

        Raises:
            NetworkError: settings of [model] that the network refuses.
        """
        super().__init__(config, facts)
        self.network = new_network(config, facts, ("rrid",))
        # In the paper's form, nothing would train these.
        if self.loss.form == "paper":
            for classifiers in self.network.classifiers:
                classifiers.get_submodule("own").requires_grad_(False)
                classifiers.get_submodule("rest").requires_grad_(False)

    def load_pretrained(self, source: str | None) -> PretrainedReport:
        """As `Recipe.load_pretrained`."""
        return load_backbone(self.network, source)

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms "identity" and "triplet"."""
        loss = self.loss
        output = self.network(batch.images)
        features, logits = output.features, output.logits  # R; 3·R, those of the features first
        if loss.form == "paper":
            features, logits = (torch.cat(features, dim=1),), logits[: len(features)]
        identity = [identity_loss(each, batch.identities, loss.label_smoothing) for each in logits]
        triplets = [
            batch_hard_triplet(each, batch.identities, loss.margin).loss for each in features
        ]
        return {
            "identity": loss.identity * torch.stack(identity).sum(),
            "triplet": loss.triplet * torch.stack(triplets).sum(),
            "stat/accuracy": accuracy(logits[0], batch.identities),
        }
