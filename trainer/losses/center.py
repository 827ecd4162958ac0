"""Centre loss: every identity has a centre that its features are drawn to."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CenterLoss(nn.Module):
    """Mean over the batch of the squared distance of each feature to its identity's centre.

    The centres learn by an optimiser of their own (`optimizer.extra`): published are SGD with a
    rate of .5 and gradients divided by the loss's weight.
    Differs from the published code: that one adds 1e-12 for each other identity.
    """

    def __init__(self, identities: int, width: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.randn(identities, width))

    def forward(self, features: Tensor, identities: Tensor) -> Tensor:
        """The loss () of features (B, D) with labels int64 (B,), in float32."""
        distances = (features.float() - self.centers[identities]).square().sum(dim=1)  # (B,)
        return distances.mean()
