"""NFormer as its equations say it, with N × N matrices: the measure of the sparse form."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import gelu, linear, normalize

from reid_models.nformer import NFormer

SoftmaxForm = Literal["masked", "sparse"]


def dense_refine(
    network: NFormer, features: Tensor, landmarks: Tensor, form: SoftmaxForm = "sparse"
) -> Tensor:
    """The feature before the final BN, (N, D), of `features` as they are, without dropout.

    Args:
        network: whose weights are used.
        features: (N, D).
        landmarks: int64 (layers, l).
        form: "masked" fills the softmax of the whole row with −1e9 (training), "sparse" takes the
            softmax of a sparse tensor (evaluation).
    """
    mask = reciprocal_mask(features, network.config.neighbors)  # (N, N)
    heads = network.config.heads
    for block, rows in zip(network.blocks, landmarks, strict=True):
        query, key, value = (
            part.view(len(features), heads, -1).transpose(0, 1)  # (h, N, d)
            for part in block.attention.qkv(features).chunk(3, dim=1)
        )
        left = query @ key[:, rows].transpose(1, 2)  # (h, N, l)
        right = query[:, rows] @ key.transpose(1, 2)  # (h, l, N)
        affinities = (left @ right) / query.shape[2] ** 0.5  # (h, N, N)
        gathered = _gather(affinities, mask, value, form)  # (h, N, d)
        gathered = gathered.transpose(0, 1).flatten(1)  # (N, D)
        middle = block.norm1(features + block.attention.projection(gathered))
        hidden = gelu(linear(middle, block.mlp_in.weight, block.mlp_in.bias), approximate="tanh")
        features = block.norm2(middle + block.mlp_out(hidden))
    return features


def reciprocal_mask(features: Tensor, k: int) -> Tensor:
    """Bool (N, N): both have each other among their k most similar."""
    unit = normalize(features, dim=1)
    best = (unit @ unit.T).topk(min(k, len(unit)), dim=1).indices
    near = torch.zeros(len(unit), len(unit), dtype=torch.bool).scatter_(1, best, True)
    return near & near.T


def _gather(affinities: Tensor, mask: Tensor, value: Tensor, form: SoftmaxForm) -> Tensor:
    if form == "masked":
        return affinities.masked_fill(~mask, -1e9).softmax(dim=2) @ value
    sparse = [torch.sparse.softmax((each * mask).to_sparse(), dim=1) for each in affinities]
    pairs = zip(sparse, value, strict=True)
    return torch.stack([torch.sparse.mm(weights, each) for weights, each in pairs])
