"""An embedder that learns from a teacher's vectors, and from identities where there are some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from reid_models.backbones.pretrained import PretrainedReport
from reid_models.backbones.vit_embedder import ViTEmbedder
from reid_models.interfaces import EmbeddingModel
from reid_models.transreid import TransReID
from trainer.config import TrainConfig
from trainer.data.training_set import Batch, TrainingSet
from trainer.errors import TrainerError
from trainer.losses.distillation import feature_distillation, similarity_distillation
from trainer.losses.identity import accuracy, identity_loss
from trainer.losses.triplet import Margin, batch_hard_triplet
from trainer.recipe import DataFacts, Progress, Recipe, Source
from trainer.recipes.building import load_backbone, new_network, osnet_trunk
from trainer.recipes.teacher import Ensemble


@dataclass(frozen=True)
class DistillLoss:
    """Losses of a distillation; weights of 0 leave a loss out.

    Attributes:
        features: weight of 1 − cosine with the teacher's vector.
        similarities: weight of the squared difference of the cosines within the batch.
        identity: weight of the mean cross entropy; 0 for crops that nobody labelled.
        triplet: weight of the mean triplet of the features; likewise.
        label_smoothing: of the cross entropies.
        margin: of the triplets.
        teacher_flip: a teacher's vector of an image is the mean of its own and its mirror image's.
    """

    features: float = 1.0
    similarities: float = 1.0
    identity: float = 0.0
    triplet: float = 0.0
    label_smoothing: float = 0.1
    margin: Margin = "soft"
    teacher_flip: bool = False


class DistillRecipe(Recipe):
    """The vector that is deployed follows that of `start.teacher` for the image as it is.

    Augmentation changes what the network sees, not what the teacher said. Where the vectors have
    different lengths, a linear layer that is not deployed maps one to the other. It is made once
    the teacher is opened, by `source`, since an export needs neither.
    """

    loss_type = DistillLoss
    stands_on = ("teacher",)
    training_only = ("to_teacher.",)
    loss: DistillLoss
    network: EmbeddingModel

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """As `Recipe`.

        Raises:
            TrainerError: there is no `start.teacher`.
            NetworkError: settings of [model] that the network refuses.
        """
        super().__init__(config, facts)
        if not config.start.teachers:
            raise TrainerError(
                "A distillation learns from a teacher, and none is named.",
                "Set start.teacher to an embedder's file, or to vectors that `extract` wrote, or "
                "to a list of such.",
            )
        labelled = self.loss.identity > 0
        told = {} if labelled else {"identities": 0}
        self.network = new_network(config, facts, ("transreid", "rrid", "nformer_encoder"), **told)
        if not labelled and isinstance(self.network, ViTEmbedder):
            self.network.necks.requires_grad_(False)  # nothing would train them
        if not (labelled or self.loss.triplet) and isinstance(self.network, TransReID):
            unseen = self.network.config.gallery_vector == "global"
            if unseen and self.network.local_branch is not None:
                self.network.local_branch.requires_grad_(False)  # likewise
        self.to_teacher: nn.Module | None = None
        # No part of the state dict: it comes from files and does not change.
        self._taught: Tensor | None = None

    def load_pretrained(self, source: str | None) -> PretrainedReport:
        """As `Recipe.load_pretrained`."""
        if osnet_trunk(self.network) is None and hasattr(self.network, "load_pretrained"):
            return super().load_pretrained(source)
        return load_backbone(self.network, source)

    def source(self, training_set: TrainingSet, rank: int, world: int) -> Source:
        """As `Recipe.source`; asks the teacher first.

        Raises:
            TrainerError: the teacher cannot be opened, or does not know an image; or as
                `Recipe.source`.
            NetworkError: the teacher cannot be opened.
        """
        paths = [Path(name) for name in self.config.start.teachers]
        teacher = Ensemble(paths, flip=self.loss.teacher_flip)
        width, wanted = self.network.embedding_dim, teacher.dimension
        self.to_teacher = nn.Identity() if width == wanted else nn.Linear(width, wanted, bias=False)
        self._taught = teacher.vectors(training_set.samples)
        return super().source(training_set, rank, world)

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms "features", "similarities"; "identity", "triplet" as far as they have weight."""
        loss, identities = self.loss, batch.identities
        if self._taught is None or self.to_teacher is None:
            raise RuntimeError("source() comes before forward()")
        output = self.network(batch.images, batch.cameras, batch.views)
        vectors = self.network.vector(output)  # (B, D)
        teacher = self._taught[batch.indices.cpu()].to(vectors.device)  # (B, E)
        # Both in any case, so that every parameter has a part in the loss.
        terms = {
            "features": loss.features * feature_distillation(self.to_teacher(vectors), teacher),
            "similarities": loss.similarities * similarity_distillation(vectors, teacher),
        }
        if loss.triplet:
            each = [batch_hard_triplet(one, identities, loss.margin) for one in output.features]
            terms["triplet"] = loss.triplet * torch.stack([one.loss for one in each]).mean()
        if output.logits:
            losses = [
                identity_loss(logits, identities, loss.label_smoothing) for logits in output.logits
            ]
            terms["identity"] = loss.identity * torch.stack(losses).mean()
            terms["stat/accuracy"] = accuracy(output.logits[0], identities)
        return terms
