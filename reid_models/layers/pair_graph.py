"""CACE-Net's graph over the places of two maps: which correspond, and in what they differ."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

GraphForm = Literal["code", "paper"]
# Below this sum of correspondences a place counts as cut off from all others.
_LEAST_DEGREE = 1e-3


class GraphParts(NamedTuple):
    """What the graph needs of each image alone.

    Attributes:
        places: the map, (B, N, C): a row for each place.
        clues: what is compared between images, (B, N, K); in the paper's form the places.
        values: what flows along the graph, (B, N, K).
        within: correspondence of the image's own places, (B, N, N).
    """

    places: Tensor
    clues: Tensor
    values: Tensor
    within: Tensor


class PairGraph(nn.Module):
    """Correspondence attention and one discrepancy-based graph convolution; at first adds nothing.

    "code", as in the published implementation: correspondence is the cosine of learned
    projections, one for both uses, and no place corresponds to itself. "paper": it is the product
    of the maps weighted by channel, within an image by other weights than between two, and each
    place corresponds to itself. Negative correspondences are none. The convolution is the
    normalised Laplacian between two projections.
    """

    def __init__(self, channels: int, inner_channels: int, form: GraphForm = "code") -> None:
        super().__init__()
        self.form = form
        if form == "code":
            self.clues = nn.Linear(channels, inner_channels, bias=False)
        else:
            self.weight_within = nn.Parameter(torch.full((channels,), 1 / channels))
            self.weight_between = nn.Parameter(torch.full((channels,), 1 / channels))
        self.values = nn.Linear(channels, inner_channels, bias=False)
        self.output = nn.Linear(inner_channels, channels, bias=False)
        nn.init.zeros_(self.output.weight)

    def parts(self, places: Tensor) -> GraphParts:
        """What `forward` needs of each image; places (B, N, C)."""
        values = self.values(places)  # (B, N, K)
        if self.form == "code":
            clues = normalize(self.clues(places).float(), dim=2)  # (B, N, K)
            within = relu(clues @ clues.mT)  # (B, N, N)
            itself = torch.eye(places.shape[1], dtype=torch.bool, device=places.device)
            return GraphParts(places, clues, values, within.masked_fill(itself, 0))
        within = relu((places * self.weight_within) @ places.mT)
        return GraphParts(places, places, values, within)

    def forward(self, left: GraphParts, right: GraphParts) -> tuple[Tensor, Tensor]:
        """Maps (P, N, C) of the left images given the right ones, and the other way round.

        Args:
            left: parts of P images, or of one that stands in every pair.
            right: likewise.
        """
        between = self._between(left.clues, right.clues)  # (P, N, N)
        left_degree = left.within.sum(dim=2) + between.sum(dim=2)  # (P, N)
        right_degree = right.within.sum(dim=2) + between.sum(dim=1)  # (P, N)
        left_scale, right_scale = self._scale(left_degree), self._scale(right_degree)  # (P, N, 1)
        left_sent = left.values * left_scale  # (P, N, K)
        right_sent = right.values * right_scale  # (P, N, K)
        left_got = left.within @ left_sent + between @ right_sent  # (P, N, K)
        right_got = right.within @ right_sent + between.mT @ left_sent  # (P, N, K)
        left_flow = left_scale * (left_degree.unsqueeze(2) * left_sent - left_got)
        right_flow = right_scale * (right_degree.unsqueeze(2) * right_sent - right_got)
        return left.places + self.output(left_flow), right.places + self.output(right_flow)

    def _between(self, left: Tensor, right: Tensor) -> Tensor:
        if self.form == "paper":
            left = left * self.weight_between
        return relu(left @ right.mT)

    def _scale(self, degree: Tensor) -> Tensor:
        connected = degree > _LEAST_DEGREE
        scale = degree.clamp(min=_LEAST_DEGREE).rsqrt()
        if self.form == "paper":
            return scale.where(connected, 0).unsqueeze(2)  # (P, N, 1)
        return scale.where(connected, 1).detach().unsqueeze(2)
