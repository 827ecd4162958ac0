"""The neck between a feature and its classifier."""

from __future__ import annotations

from torch import nn


class BNNeck(nn.BatchNorm1d):
    """Batch norm of features (B, D) with its bias fixed at 0 (arXiv:1903.07071)."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.bias.requires_grad_(False)
