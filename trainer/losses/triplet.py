"""Triplet losses; distances are Euclidean, in float32 and with autocast off.

With |f|² near 768, distances of float16 products are off by up to 0.08.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from reid_models.cacenet import conditional_distance
from reid_models.layers.mining import hardest, mine_batch_hard

# "soft": log(1 + exp(to positive − to negative)).
Margin = float | Literal["soft"]
# "code": plain distances, as in the published code of all five methods; "paper": squared ones, as
# TransReID and X-ReID print them.
Distance = Literal["code", "paper"]


class Triplets(NamedTuple):
    """The loss and what it was computed from.

    Attributes:
        loss: mean over the anchors, ().
        positives: row of each anchor's positive, int64 (B,).
        negatives: likewise.
        to_positive: distance of each anchor to its positive, float32 (B,); squared if so asked.
        to_negative: likewise.
    """

    loss: Tensor
    positives: Tensor
    negatives: Tensor
    to_positive: Tensor
    to_negative: Tensor


def margin_loss(to_positive: Tensor, to_negative: Tensor, margin: Margin = "soft") -> Tensor:
    """Mean of relu(to_positive − to_negative + margin), or of its soft form; distances (B,)."""
    if margin == "soft":
        return softplus(to_positive - to_negative).mean()
    return relu(to_positive - to_negative + margin).mean()


def batch_hard_triplet(
    features: Tensor,
    identities: Tensor,
    margin: Margin = "soft",
    distance: Distance = "code",
    anchors: Tensor | None = None,
    mined: tuple[Tensor, Tensor] | None = None,
) -> Triplets:
    """Each image with the farthest of its identity and the nearest of another; arXiv:1703.07737.

    Mined without gradient, then measured again for the pairs in question alone: the same as
    through the whole matrix of distances, without that matrix in the graph.

    Args:
        features: un-normalised, (B, D).
        identities: int64 (B,), two or more.
        margin: number or "soft".
        distance: "code", plain, or "paper", squared.
        anchors: other features of the same images, (B, D); None: `features`.
        mined: rows of positives and negatives that were found before.

    Raises:
        NetworkError: only one identity.
    """
    positives, negatives = mined or mine_batch_hard(features, identities)
    with torch.autocast(features.device.type, enabled=False):
        features = features.float()
        asking = features if anchors is None else anchors.float()
        to_positive = (asking - features[positives]).norm(dim=1)  # (B,)
        to_negative = (asking - features[negatives]).norm(dim=1)  # (B,)
        if distance == "paper":
            to_positive, to_negative = to_positive.square(), to_negative.square()
        loss = margin_loss(to_positive, to_negative, margin)
    return Triplets(loss, positives, negatives, to_positive, to_negative)


def pair_triplet(left: Tensor, right: Tensor, identities: Tensor, margin: Margin = 0.5) -> Tensor:
    """Batch-hard triplet on the distances between the two conditional features of each pair.

    Args:
        left: features of the left image of all ordered pairs, (B², D); pair p has the left image
            p mod B and the right image p div B (`CACENet.all_pairs`).
        right: likewise of the right image, which is the anchor.
        identities: of the B images, int64 (B,).
        margin: number or "soft".

    Raises:
        NetworkError: only one identity.
    """
    count = len(identities)
    with torch.autocast(left.device.type, enabled=False):
        distances = conditional_distance(left, right).view(count, count)  # (anchor, other)
        positives, negatives = hardest(distances, identities[:, None] == identities)
        to_positive = distances.gather(1, positives[:, None])[:, 0]  # (B,)
        to_negative = distances.gather(1, negatives[:, None])[:, 0]  # (B,)
        return margin_loss(to_positive, to_negative, margin)
