"""Attention among reciprocal neighbours through landmark agents, in O(N·k·l) (arXiv:2204.09331)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, gelu, layer_norm, linear

from reid_models.layers.neighbors import NeighborGraph

# Rows whose MLP is computed at once where no gradient is wanted.
_ROWS_AT_ONCE = 4096


class Maps(NamedTuple):
    """From a node to what the landmarks make of it; weight (h·l, D) and bias (h·l,) each.

    Attributes:
        query: affinities of a node's query with the landmarks' keys, scaled.
        key: affinities of the landmarks' queries with a node's key.
    """

    query: tuple[Tensor, Tensor]
    key: tuple[Tensor, Tensor]


class Memory(NamedTuple):
    """What the rows of a block attend to.

    Attributes:
        maps: of the block's landmarks.
        keys: (N, h·l), affinities of the landmarks with each node.
        values: (N, D), heads side by side.
    """

    maps: Maps
    keys: Tensor
    values: Tensor


class Float32LayerNorm(nn.LayerNorm):
    """Layer norm in float32, whatever the precision around."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalised features, float32 (…, D)."""
        weight, bias = self.weight.float(), self.bias.float()
        return layer_norm(features.float(), self.normalized_shape, weight, bias, self.eps)


class LandmarkAttention(nn.Module):
    """Multi-head attention whose affinities go through a few landmarks (agents).

    A = (q k_lᵀ)(q_l kᵀ) / √d, Eq. (4); its softmax runs over reciprocal neighbours only, Eq. (8).
    Since only q k_lᵀ and q_l kᵀ are wanted, the projections of q and k are folded
    with those of the landmarks: each node costs l numbers instead of D.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.projection = nn.Linear(dim, dim)

    def memory(self, features: Tensor, landmarks: Tensor) -> Memory:
        """What the nodes `features` (N, D) offer, seen through the rows `landmarks`, int64 (l,)."""
        maps = self.maps(features[landmarks])
        return Memory(maps, self.keys(features, maps), self.values(features))

    def maps(self, agents: Tensor) -> Maps:
        """The maps of some landmarks, float32 (l, D)."""
        weights, biases = self.qkv.weight.chunk(3), self.qkv.bias.chunk(3)
        query, key = (weights[0], biases[0]), (weights[1], biases[1])
        with torch.autocast(agents.device.type, enabled=False):
            weight, bias = self._folded(agents, of_agents=key, of_nodes=query)
            scale = (agents.shape[1] // self.heads) ** -0.5
            return Maps(
                (weight * scale, bias * scale),
                self._folded(agents, of_agents=query, of_nodes=key),
            )

    def keys(self, features: Tensor, maps: Maps) -> Tensor:
        """Affinities (n, h·l) of the landmarks with some nodes, float32 (n, D)."""
        with torch.autocast(features.device.type, enabled=False):
            return linear(features, *maps.key)

    def values(self, features: Tensor) -> Tensor:
        """What some nodes, float32 (n, D), have to give; float32 (n, D)."""
        dim = features.shape[1]
        weight, bias = self.qkv.weight[2 * dim :], self.qkv.bias[2 * dim :]
        return linear(features.to(weight.dtype), weight, bias).float()

    def attend(self, features: Tensor, graph: NeighborGraph, memory: Memory) -> Tensor:
        """What each node gathers from its reciprocal neighbours.

        Args:
            features: float32 (n, D), some of the nodes.
            graph: the lists of these nodes, (n, k); indices of rows of `memory`.
            memory: of all nodes.

        Returns:
            float32 (n, D).
        """
        count, dim = features.shape
        indices, mutual = graph
        with torch.autocast(features.device.type, enabled=False):
            agents = linear(features, *memory.maps.query).view(count, 1, self.heads, -1)
            keys = memory.keys[indices].view(*indices.shape, self.heads, -1)  # (n, k, h, l)
            logits = (agents * keys).sum(dim=3).transpose(1, 2)  # (n, h, k)
            present = mutual[:, None].expand_as(logits)
            weights = logits.masked_fill(~present, -torch.inf).softmax(dim=2)
            # A bag is what one head of one node gathers; rows of the table: (node, head).
            heads = torch.arange(self.heads, device=indices.device)[:, None]
            entries = (indices[:, None] * self.heads + heads)[present]
            ends = present.sum(dim=2).flatten().cumsum(dim=0)
            starts = torch.cat([ends.new_zeros(1), ends[:-1]])
            gathered = embedding_bag(
                entries,
                memory.values.view(-1, dim // self.heads),
                starts,
                mode="sum",
                per_sample_weights=weights[present],
            ).view(count, dim)
        return self.projection(gathered.to(self.projection.weight.dtype)).float()

    def _folded(
        self, agents: Tensor, of_agents: tuple[Tensor, Tensor], of_nodes: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The map from a node to the products of its projection with those of the agents."""
        dim = agents.shape[1]
        shape = (self.heads, dim // self.heads)
        projected = linear(agents, *(part.float() for part in of_agents)).view(-1, *shape)
        weight, bias = (part.float() for part in of_nodes)
        folded = torch.einsum("lhd,hdc->hlc", projected, weight.view(*shape, dim))
        offset = torch.einsum("lhd,hd->hl", projected, bias.view(*shape))
        return folded.flatten(0, 1), offset.flatten()  # (h·l, D), (h·l,)


class NeighborBlock(nn.Module):
    """Post-norm transformer block: landmark attention, then an MLP with tanh-GELU.

    n = LN₁(x + Attn(x)), x = LN₂(n + MLP(n)); the stream between the parts is float32.
    """

    def __init__(self, dim: int, heads: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        self.attention = LandmarkAttention(dim, heads)
        self.norm1 = Float32LayerNorm(dim)
        self.mlp_in = nn.Linear(dim, mlp_ratio * dim)
        self.mlp_out = nn.Linear(mlp_ratio * dim, dim)
        self.norm2 = Float32LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, graph: NeighborGraph, landmarks: Tensor) -> Tensor:
        """New features, float32 (N, D).

        Args:
            features: float32 (N, D).
            graph: of all N nodes.
            landmarks: int64 (l,), rows of `features`.
        """
        return self.spread(features, graph, self.attention.memory(features, landmarks))

    def spread(self, features: Tensor, graph: NeighborGraph, memory: Memory) -> Tensor:
        """New features of all nodes, in chunks where no gradient is wanted; see `forward`."""
        if torch.is_grad_enabled():
            return self.rows(features, graph, memory)
        new = torch.empty_like(features)
        for start in range(0, len(features), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            new[rows] = self.rows(features[rows], graph.of(rows), memory)
        return new

    def rows(self, features: Tensor, graph: NeighborGraph, memory: Memory) -> Tensor:
        """New features (n, D) of some nodes; arguments as in `LandmarkAttention.attend`."""
        attended = self.dropout(self.attention.attend(features, graph, memory))
        middle = self.norm1(features + attended)  # (n, D)
        hidden = gelu(self.mlp_in(middle.to(self.mlp_in.weight.dtype)), approximate="tanh")
        return self.norm2(middle + self.dropout(self.mlp_out(hidden).float()))
