"""Queries that each meet a gallery alone: exact, without computing the gallery for each again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from reid_models.layers.neighbor_attention import Memory, NeighborBlock
from reid_models.layers.neighbors import (
    NeighborGraph,
    best_of,
    exact_scores,
    nearest_neighbors,
    neighbor_graph,
    row_chunks,
    similarity,
    unit_vectors,
)


class _Layer(NamedTuple):
    """One block with what the gallery gives it: inputs (N + 1, D), and its memory of them."""

    block: NeighborBlock
    landmarks: Tensor
    inputs: Tensor
    memory: Memory


class FixedGallery:
    """A gallery that is computed once and then meets one query after the other.

    The set of a query is the gallery and the query, N + 1 nodes; landmarks are of the gallery. A
    query changes the neighbour lists that it enters and, block by block, one more ring of
    neighbours; and all rows, once a landmark lies in such a ring. But only its own output is
    wanted, which hangs on the rings around it, and on those around such landmarks. So each block
    computes the rows that are both changed and wanted: tens to hundreds instead of N.
    Holds about 2·D floats for each block and node.
    """

    def __init__(
        self, blocks: Sequence[NeighborBlock], gallery: Tensor, k: int, landmarks: Tensor
    ) -> None:
        """Computes the gallery.

        Args:
            blocks: in their order; in evaluation mode.
            gallery: float32 (N, D), N ≥ 1.
            k: length of the neighbour lists.
            landmarks: int64 (blocks, l), rows of the gallery.
        """
        self._k = k
        self._count = len(gallery)
        self._query_row = torch.tensor([self._count], device=gallery.device)
        self._exact = unit_vectors(gallery).double()
        self._graph = self._graph_of(gallery)
        self._last_slot, self._last_score = self._last_places(gallery)
        # Each array has one row more, at the end: the query's.
        features = torch.cat([gallery, gallery.new_zeros(1, gallery.shape[1])])  # (N + 1, D)
        self._layers: list[_Layer] = []
        for block, rows in zip(blocks, landmarks, strict=True):
            memory = block.attention.memory(features, rows)
            self._layers.append(_Layer(block, rows, features, memory))
            features = block.spread(features, self._graph, memory)
        self.output = features[:-1]  # (N, D)

    def answer(self, queries: Tensor) -> Tensor:
        """Output (Q, D) of each of the `queries`, float32 (Q, D), in its own set."""
        answers = torch.empty_like(queries)
        for rows in row_chunks(len(queries), 8 * self._count):
            unit = unit_vectors(queries[rows]).double()
            scores = exact_scores(unit, self._exact)  # (n, N)
            nearest = best_of(scores, min(self._k - 1, self._count))  # (n, ≤ k − 1)
            for row, own, near in zip(range(rows.start, rows.stop), scores, nearest, strict=True):
                entered = (own > self._last_score).nonzero()[:, 0]
                answers[row] = self._answer(queries[row], near, entered)
        return answers

    def _graph_of(self, gallery: Tensor) -> NeighborGraph:
        """The gallery's graph with a last row for the query, which knows only itself so far."""
        count = len(gallery)
        graph = neighbor_graph(nearest_neighbors(gallery, self._k))
        # Lists that are shorter than k get room for the query: an empty place names the query
        # and is never mutual until the query takes it.
        room = min(self._k, count + 1) - graph.indices.shape[1]
        indices = torch.cat([graph.indices, graph.indices.new_full((count, room), count)], dim=1)
        mutual = torch.cat([graph.mutual, graph.mutual.new_zeros(count, room)], dim=1)
        own = indices.new_full((1, indices.shape[1]), count)
        known = mutual.new_zeros(1, mutual.shape[1])
        known[0, -1] = True
        return NeighborGraph(torch.cat([indices, own]), torch.cat([mutual, known]))

    def _last_places(self, gallery: Tensor) -> tuple[Tensor, Tensor]:
        """Place in each list that a nearer query takes, (N,), and the score to be beaten, (N,)."""
        indices = self._graph.indices[:-1]  # (N, k)
        own = torch.arange(self._count, device=indices.device)[:, None]
        firsts = own.expand_as(indices).flatten()
        free = indices == self._count
        seconds = indices.masked_fill(free, 0).flatten()
        scores = similarity(unit_vectors(gallery), firsts, seconds).view_as(indices)
        scores[indices == own] = torch.inf
        scores[free] = -torch.inf
        # Of equal scores the higher index goes.
        slots = indices.shape[1] - 1 - scores.flip(1).argmin(dim=1)
        return slots, scores.gather(1, slots[:, None])[:, 0]

    def _answer(self, query: Tensor, nearest: Tensor, entered: Tensor) -> Tensor:
        """Output (D,) of one query.

        Args:
            query: (D,).
            nearest: int64 (k − 1,), gallery rows in the query's list.
            entered: int64 (m,), gallery rows whose lists the query enters.
        """
        with self._joined(nearest, entered) as changed:
            rings: list[Tensor] = []  # rows that come out changed of each block
            for layer in self._layers[1:]:
                rings.append(self._with_neighbors(rings[-1]) if rings else changed)
                if torch.isin(layer.landmarks, rings[-1]).any():
                    break
            else:
                rings.append(changed)  # of the last block only the query is wanted
            # From this block on, landmarks are others and all rows change.
            renewed = len(rings)
            needed = [self._query_row]  # rows to be computed of each block
            for place in range(len(self._layers) - 1, 0, -1):
                wanted = self._with_neighbors(needed[0])
                if place >= renewed:
                    wanted = torch.cat([wanted, self._layers[place].landmarks]).unique()
                if place <= renewed:
                    wanted = wanted[torch.isin(wanted, rings[place - 1])]
                needed.insert(0, wanted)
            return self._compute(query, needed, renewed)

    @contextmanager
    def _joined(self, nearest: Tensor, entered: Tensor) -> Iterator[Tensor]:
        """Makes the graph that of gallery and query; yields the rows whose neighbours change."""
        indices, mutual = self._graph
        slots = self._last_slot[entered]
        dropped, parted = indices[entered, slots], mutual[entered, slots]
        left, leaver = dropped[parted], entered[parted]
        touched = torch.cat([entered, left]).unique()
        before = self._graph.of(touched)
        own_before = mutual[self._count].clone()

        indices[entered, slots] = self._count
        mutual[entered, slots] = torch.isin(entered, nearest)
        pair, place = (indices[left] == leaver[:, None]).nonzero(as_tuple=True)
        mutual[left[pair], place] = False
        indices[self._count, :-1] = nearest
        mutual[self._count, :-1] = torch.isin(nearest, entered)
        friends = nearest[torch.isin(nearest, entered)]
        try:
            yield torch.cat([self._query_row, friends, left, leaver]).unique()
        finally:
            indices[touched], mutual[touched] = before
            indices[self._count], mutual[self._count] = self._count, own_before

    def _with_neighbors(self, rows: Tensor) -> Tensor:
        near = self._graph.of(rows)
        return torch.cat([rows, near.indices[near.mutual]]).unique()

    def _compute(self, query: Tensor, needed: Sequence[Tensor], renewed: int) -> Tensor:
        """Output (D,) of the query.

        Args:
            query: (D,).
            needed: int64 (n,) for each block, the rows to be computed; the others' are at hand.
            renewed: the first block whose landmarks' features have changed.
        """
        rows, new = self._query_row, query[None]
        replaced: list[tuple[Tensor, Tensor, Tensor]] = []

        def replace(array: Tensor, places: Tensor, values: Tensor) -> None:
            replaced.append((array, places, array[places]))
            array[places] = values

        for place, (layer, following) in enumerate(zip(self._layers, needed, strict=True)):
            attention, memory = layer.block.attention, layer.memory
            replace(layer.inputs, rows, new)
            replace(memory.values, rows, attention.values(new))
            if place >= renewed:
                memory = memory._replace(maps=attention.maps(layer.inputs[layer.landmarks]))
                rows = self._with_neighbors(following)
            replace(memory.keys, rows, attention.keys(layer.inputs[rows], memory.maps))
            rows = following
            new = layer.block.rows(layer.inputs[rows], self._graph.of(rows), memory)
        for array, places, values in reversed(replaced):
            array[places] = values
        return new[0]
