"""Which identity is it: cross entropy, and its mix-up form for pairs of images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def identity_loss(logits: Tensor, identities: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross entropy, mean over the batch, in float32.

    Args:
        logits: (B, classes).
        identities: labels from 0, int64 (B,).
        label_smoothing: ε; the target has 1 − ε + ε / classes at the label, ε / classes elsewhere.
    """
    return cross_entropy(logits.float(), identities, label_smoothing=label_smoothing)


def mixup_identity_loss(
    logits: Tensor, own: Tensor, context: Tensor, own_share: float = 0.9
) -> Tensor:
    """α · CE(own identity) + (1 − α) · CE(that of the context image), mean over pairs.

    Eq. (8) of CACE-Net (Yu et al., 2020), which prints a sum over pairs: B² times as much.

    Args:
        logits: of images in the light of others, (P, classes).
        own: identity of each image, int64 (P,).
        context: identity of the other image of each pair, int64 (P,).
        own_share: α.
    """
    of_own, of_context = identity_loss(logits, own), identity_loss(logits, context)
    return own_share * of_own + (1 - own_share) * of_context


@torch.no_grad()
def accuracy(logits: Tensor, identities: Tensor) -> Tensor:
    """Share of the batch whose largest logit is the right one, float32 ()."""
    return (logits.argmax(dim=1) == identities).float().mean()
