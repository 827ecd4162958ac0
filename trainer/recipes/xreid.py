"""X-ReID: the baseline, +EMA, +IntraX, +InterX; arXiv:2302.02075."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from reid_models.xreid import XReID, XReIDOutput, distillation
from trainer.config import TrainConfig
from trainer.data.training_set import Batch
from trainer.losses.identity import accuracy, identity_loss
from trainer.losses.triplet import Distance, Margin, batch_hard_triplet
from trainer.recipe import DataFacts, Progress, Recipe
from trainer.recipes.building import new_network


@dataclass(frozen=True)
class XReIDLoss:
    """Losses of X-ReID. There is no published code; what the paper leaves open is named here.

    Attributes:
        identity: weight of the cross entropy of the instance stream.
        triplet: weight of its triplet.
        intra: λ1, weight of the distillation from IntraX; 0 leaves it out. Published: 5
            (Market-1501), 20 (MSMT17).
        inter: λ2, weight of InterX's cross entropy and triplet; 0 leaves InterX out. Published: .4.
        temperature: τ of the distillation.
        distilled: "normalized" (default): features are L2-normalised before the softmax; "paper",
            as its text can be read: raw, which makes the teacher all but one-hot.
        teacher: whether the moving average is kept although `intra` is 0: the row "+EMA", which
            must equal the baseline.
        margin: of the triplets.
        distance: "code" (default), plain, as in the baseline's code; "paper", squared.
    """

    identity: float = 1.0
    triplet: float = 1.0
    intra: float = 5.0
    inter: float = 0.4
    temperature: float = 0.05
    distilled: Literal["normalized", "paper"] = "normalized"
    teacher: bool = False
    margin: Margin = "soft"
    distance: Distance = "code"


class XReIDRecipe(Recipe):
    """L_Ins + λ1 L_IntraX + λ2 L_InterX, and the teacher's update after each step."""

    loss_type = XReIDLoss
    loss: XReIDLoss
    network: XReID

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """As `Recipe`; streams that the losses do not need are not built.

        Raises:
            NetworkError: settings of [model] that the network refuses.
        """
        super().__init__(config, facts)
        self.network = new_network(config, facts, ("xreid",), deployed=False)
        if not (self.loss.intra or self.loss.teacher):
            self.network.intra = None
        if not self.loss.inter:
            self.network.inter = None

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms "identity", "triplet", and "intra", "inter_identity", "inter_triplet" in use."""
        loss = self.loss
        told = (batch.images, batch.cameras, batch.views)
        if loss.intra or loss.inter:
            output = self.network(*told, identities=batch.identities)
        else:
            output = self.network(*told)
        crossed = output if isinstance(output, XReIDOutput) else None
        features, logits = output.features[0], output.logits[0]
        mined = None if crossed is None else (crossed.positives, crossed.negatives)
        triplets = batch_hard_triplet(
            features, batch.identities, loss.margin, loss.distance, mined=mined
        )
        terms = {
            "identity": loss.identity * identity_loss(logits, batch.identities),
            "triplet": loss.triplet * triplets.loss,
            "stat/accuracy": accuracy(logits, batch.identities),
        }
        return terms | ({} if crossed is None else self._crossed(crossed, batch.identities))

    def after_step(self, progress: Progress) -> None:
        """Moves the teacher towards the instance layers."""
        self.network.update_teacher(progress.step, progress.steps)

    def deployed(self) -> dict[str, nn.Module]:
        """The instance stream alone."""
        return {"": self.network.deploy()}

    def _crossed(self, output: XReIDOutput, identities: Tensor) -> dict[str, Tensor]:
        loss, features, terms = self.loss, output.features[0], {}
        if output.intra_feature is not None and loss.intra:
            terms["intra"] = loss.intra * distillation(
                features,
                output.intra_feature,
                loss.temperature,
                normalise=loss.distilled == "normalized",
            )
        if output.inter_feature is not None and output.inter_logits is not None:
            triplets = batch_hard_triplet(
                features,
                identities,
                loss.margin,
                loss.distance,
                anchors=output.inter_feature,
                mined=(output.positives, output.negatives),
            )
            crossed = identity_loss(output.inter_logits, identities)
            terms["inter_identity"] = loss.inter * crossed
            terms["inter_triplet"] = loss.inter * triplets.loss
        return terms
