"""CACE-Net: conditional features of all pairs of a batch (Yu et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu

from reid_models.backbones.pretrained import PretrainedReport
from reid_models.cacenet import CACENet
from trainer.config import TrainConfig
from trainer.data.training_set import Batch
from trainer.errors import TrainerError
from trainer.losses.identity import accuracy, identity_loss, mixup_identity_loss
from trainer.losses.triplet import Margin, batch_hard_triplet, pair_triplet
from trainer.recipe import DataFacts, ImageForm, Progress, Recipe
from trainer.recipes.building import load_backbone, new_network
from trainer.recipes.frozen import NetworkEmbedder, open_embedder


@dataclass(frozen=True)
class CACENetLoss:
    """Losses of CACE-Net; the defaults are those of the published PyTorch code, but for one.

    Attributes:
        identity: weight of the cross entropy of the individual features.
        mixup: weight of the mix-up cross entropies of the left and of the right features.
        triplet: weight of the triplet of the individual features.
        pair_triplet: weight of that of the pairs.
        label_smoothing: of `identity`: .1 in the PyTorch code, 0 in the TensorFlow code.
        own_share: α of the mix-up; 1 is plain cross entropy.
        mixup_form: "code" (default): mean over all pairs; "paper", Eq. (8): their sum.
        margin: of the triplet. .5 is the code's; the paper does not tell its own.
        pair_margin: of the pairs' triplet.
        triplet_features: "tensorflow" (default): triplets see features as they are; "pytorch":
            negative values are 0, as that code's classifier overwrites them before.
    """

    identity: float = 1.0
    mixup: float = 1.0
    triplet: float = 1.0
    pair_triplet: float = 1.0
    label_smoothing: float = 0.1
    own_share: float = 0.9
    mixup_form: Literal["code", "paper"] = "code"
    margin: Margin = 0.5
    pair_margin: Margin = 0.5
    triplet_features: Literal["tensorflow", "pytorch"] = "tensorflow"


class CACENetRecipe(Recipe):
    """Individual and conditional features, over a ResNet, or over the maps of `start.embedder`.

    With the source "tokens", the embedder is not trained; its feature map is taken.
    """

    loss_type = CACENetLoss
    stands_on = ("embedder",)
    loss: CACENetLoss
    network: CACENet

    def __init__(self, config: TrainConfig, facts: DataFacts) -> None:
        """As `Recipe`.

        Raises:
            TrainerError: tokens without an embedder that has some, or an embedder without need.
            NetworkError: settings that the network refuses, or an embedder that cannot be used.
        """
        super().__init__(config, facts)
        tokens = config.model.get("source") == "tokens"
        if tokens != bool(config.start.embedder):
            raise TrainerError(
                'CACE-Net takes the tokens of an embedder with model.source = "tokens" only.',
                "Set start.embedder to a TransReID's model file, or set neither.",
            )
        # No part of the state dict: it is a file of its own, and does not change.
        self.embedder: NetworkEmbedder | None = None
        told: dict[str, Any] = {}
        if tokens:
            self.embedder = _token_embedder(Path(config.start.embedder), facts)
            told = _token_settings(self.embedder)
        self.network = new_network(config, facts, ("cacenet",), **told)

    def image_form(self) -> ImageForm:
        """The embedder's, or the network's own."""
        return super().image_form() if self.embedder is None else self.embedder.form

    def load_pretrained(self, source: str | None) -> PretrainedReport:
        """As `Recipe.load_pretrained`."""
        return load_backbone(self.network, source)

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms "identity", "mixup", "triplet" and "pair_triplet"."""
        loss, identities = self.loss, batch.identities
        output = self.network(self._input(batch))
        individual, left, right = output.features  # (B, D), (B², D), (B², D)
        logits, left_logits, right_logits = output.logits
        # Pair p has the left image p mod B and the right image p div B.
        of_left = identities.repeat(len(identities))  # (B²,)
        of_right = identities.repeat_interleave(len(identities))  # (B²,)
        mixup = mixup_identity_loss(left_logits, of_left, of_right, loss.own_share)
        mixup = mixup + mixup_identity_loss(right_logits, of_right, of_left, loss.own_share)
        if loss.mixup_form == "paper":
            mixup = mixup * len(of_left)
        if loss.triplet_features == "pytorch":
            individual, left, right = relu(individual), relu(left), relu(right)
        triplets = batch_hard_triplet(_unit(individual), identities, loss.margin)
        pairs = pair_triplet(left, right, identities, loss.pair_margin)
        return {
            "identity": loss.identity * identity_loss(logits, identities, loss.label_smoothing),
            "mixup": loss.mixup * mixup,
            "triplet": loss.triplet * triplets.loss,
            "pair_triplet": loss.pair_triplet * pairs,
            "stat/accuracy": accuracy(logits, identities),
        }

    def card_facts(self, name: str) -> dict[str, Any]:
        """As `Recipe.card_facts`, with the embedder whose tokens it takes."""
        needs = None if self.embedder is None else self.embedder.id
        return super().card_facts(name) | {"requires_embedder": needs}

    def _input(self, batch: Batch) -> Tensor:
        if self.embedder is None:
            return batch.images
        maps = self.embedder.maps(batch.images, batch.cameras)  # (B, C, rows, columns)
        return maps.flatten(2).mT.contiguous()  # (B, N, C)


def _unit(features: Tensor) -> Tensor:
    with torch.autocast(features.device.type, enabled=False):
        return normalize(features.float(), dim=1)


def _token_embedder(path: Path, facts: DataFacts) -> NetworkEmbedder:
    embedder = open_embedder(path, facts.camera_table)
    if not isinstance(embedder, NetworkEmbedder):
        raise TrainerError(
            f"{path.name} gives vectors, but no feature maps.",
            "Set start.embedder to the model file of a TransReID, an X-ReID or an RRID.",
        )
    return embedder


def _token_settings(embedder: NetworkEmbedder) -> dict[str, Any]:
    """Settings `channels`, `grid`, `image_size` of a CACE-Net over its tokens."""
    height, width = embedder.form.size_px
    probe = torch.zeros(1, 3, height, width)
    _, channels, rows, columns = embedder.maps(probe, torch.zeros(1, dtype=torch.int64)).shape
    return {"channels": channels, "grid": (rows, columns), "image_size": (height, width)}
