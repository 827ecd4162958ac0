"""Non-local block in its embedded Gaussian form (Wang et al., 2018)."""

from __future__ import annotations

from torch import Tensor, nn


class NonLocal(nn.Module):
    """Adds to each place of a map what it finds at all the others; at first adds nothing.

    The names of its layers are those of the published CACE-Net checkpoints.
    """

    def __init__(self, channels: int, inner_channels: int) -> None:
        super().__init__()
        self.g = nn.Conv2d(channels, inner_channels, 1)
        self.theta = nn.Conv2d(channels, inner_channels, 1)
        self.phi = nn.Conv2d(channels, inner_channels, 1)
        self.W = nn.Conv2d(inner_channels, channels, 1)
        nn.init.zeros_(self.W.weight)
        assert self.W.bias is not None
        nn.init.zeros_(self.W.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w) of the same shape."""
        queries = self.theta(maps).flatten(2)  # (B, c, N)
        keys = self.phi(maps).flatten(2)  # (B, c, N)
        values = self.g(maps).flatten(2)  # (B, c, N)
        attention = (queries.mT @ keys).softmax(dim=2)  # (B, N, N)
        found = (values @ attention.mT).unflatten(2, maps.shape[2:])  # (B, c, h, w)
        return maps + self.W(found)  # (B, C, h, w)
