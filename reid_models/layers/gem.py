"""Generalised mean over the places of a map."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GeM(nn.Module):
    """Between the mean (p = 1) and the maximum (p → ∞); p is learned.

    Values below `eps` count as `eps`.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), p))
        self.eps = eps

    def forward(self, places: Tensor) -> Tensor:
        """From (B, N, C) to (B, C)."""
        powers = places.float().clamp(min=self.eps)  # (B, N, C)
        # In place it is a third faster, but the gradient needs what went in.
        powers = powers.pow(self.p) if torch.is_grad_enabled() else powers.pow_(self.p)
        return powers.mean(dim=1).pow(1 / self.p)
