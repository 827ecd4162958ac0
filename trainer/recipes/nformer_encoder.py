"""NFormer's first stage: its encoder, a ResNet with a BN neck; arXiv:2204.09331."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from reid_models.backbones.pretrained import PretrainedReport
from reid_models.nformer import NFormerEncoder
from trainer.config import TrainConfig
from trainer.data.training_set import Batch
from trainer.losses.center import CenterLoss
from trainer.losses.identity import accuracy, identity_loss
from trainer.losses.triplet import Margin, batch_hard_triplet
from trainer.recipe import DataFacts, Progress, Recipe
from trainer.recipes.building import load_backbone, new_network


@dataclass(frozen=True)
class NFormerLoss:
    """Losses of both of NFormer's stages.

    Attributes:
        identity: weight of the cross entropy.
        triplet: weight of the triplet: 1 in the published code, the default; .0005 if the paper's
            "identity, centre and triplet loss, 1, 1, .0005 respectively" is taken word by word.
        center: weight of the centre loss: .0005 in the code, the default; 1 in those words. The
            gradients of the centres are to be scaled by one over it (`optimizer.extra`).
        label_smoothing: of the cross entropy.
        margin: of the triplet.
    """

    identity: float = 1.0
    triplet: float = 1.0
    center: float = 0.0005
    label_smoothing: float = 0.1
    margin: Margin = 0.3


class CenteredRecipe(Recipe):
    """Cross entropy after the neck, triplet and centre loss before it."""

    loss_type = NFormerLoss
    loss: NFormerLoss
    center_loss: CenterLoss | None

    def add_centers(self, width: int) -> None:
        """Makes the centres of features of that length, where their loss has a weight."""
        self.center_loss = CenterLoss(self.facts.identities, width) if self.loss.center else None

    def terms(self, features: Tensor, logits: Tensor, identities: Tensor) -> dict[str, Tensor]:
        """Terms "identity", "triplet" and "center".

        Args:
            features: before the neck, (B, D).
            logits: (B, classes).
            identities: int64 (B,).
        """
        loss = self.loss
        identity = identity_loss(logits, identities, loss.label_smoothing)
        found = {
            "identity": loss.identity * identity,
            "triplet": loss.triplet * batch_hard_triplet(features, identities, loss.margin).loss,
            "stat/accuracy": accuracy(logits, identities),
        }
        if self.center_loss is not None:
            found["center"] = loss.center * self.center_loss(features, identities)
        return found


class NFormerEncoderRecipe(CenteredRecipe):
    """The encoder alone; `nformer` then stands on its model file."""

    network: NFormerEncoder

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """As `Recipe`.

        Raises:
            NetworkError: settings of [model] that the network refuses.
        """
        super().__init__(config, facts)
        self.network = new_network(config, facts, ("nformer_encoder",))
        self.add_centers(self.network.embedding_dim)

    def load_pretrained(self, source: str | None) -> PretrainedReport:
        """As `Recipe.load_pretrained`."""
        return load_backbone(self.network, source)

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms as `CenteredRecipe.terms`."""
        output = self.network(batch.images)
        return self.terms(output.features[0], output.logits[0], batch.identities)
