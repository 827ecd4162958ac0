"""Vectors in the light of their neighbours (NFormer, arXiv:2204.09331), in three ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from reid_models.devices import find_device
from reid_models.interfaces import AggregationModel
from reid_models.model_file import load_model
from reid_models.nformer import NFormer
from trainer.errors import TrainerError
from trainer.evaluation.distances import (
    Distances,
    ReorderedDistances,
    nearest_of_all,
    prepared,
)
from trainer.evaluation.embedders import check_made_for
from trainer.metrics import FloatArray

Mode = Literal["joint", "per_query", "top200"]

# Neighbours that the application aggregates together with a query.
NEIGHBORS = 200


class Aggregator:
    """A network that refines vectors; always in float32.

    Attributes:
        mode: "joint": all queries and the gallery in one set, as published; queries see each
            other, so results are transductive. "per_query": each query meets the gallery alone.
            "top200": each query with its 200 nearest alone, as the application does; those are
            ranked anew, and all others follow.
    """

    def __init__(
        self, network: AggregationModel, mode: Mode = "joint", seed: int = 0, device: str = "auto"
    ) -> None:
        """Moves the network to the device.

        Args:
            network: in evaluation mode from now on.
            mode: see the class.
            seed: of the generator that draws landmarks; other seeds change results a little.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".

        Raises:
            NetworkError: no such device.
        """
        self.mode = mode
        self._device = find_device(device)
        self._network = network.to(self._device).eval()
        self._seed = seed

    @torch.inference_mode()
    def refined(self, query: FloatArray, gallery: FloatArray) -> tuple[Tensor, Tensor]:
        """Vectors of length 1 in mode "joint" or "per_query", (Q, D) and (G, D), on the device.

        Raises:
            NetworkError: vectors of another length than the network's.
            TrainerError: a mode without vectors, or vectors with NaN or infinite values.
        """
        vectors = torch.cat([self._raw(query), self._raw(gallery)])
        if self.mode == "joint":
            refined = self._network.refine(vectors, seed=self._seed)
        elif self.mode == "per_query" and isinstance(self._network, NFormer):
            rows = torch.arange(len(query))
            refined = self._network.refine(vectors, seed=self._seed, mode="per_query", queries=rows)
        else:
            raise TrainerError(
                f'{type(self._network).__name__} gives no vectors in the mode "{self.mode}".',
                'Use the mode "joint".',
            )
        refined = normalize(refined.float(), dim=1)
        return refined[: len(query)], refined[len(query) :]

    @torch.inference_mode()
    def reordered(
        self,
        query: FloatArray,
        gallery: FloatArray,
        base: Distances,
        bonus: Callable[[int], FloatArray] | None = None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> Distances:
        """Distances in mode "top200".

        Args:
            query: float32 (Q, D), as embedded.
            gallery: float32 (G, D), likewise.
            base: by which the 200 nearest are found; among them, cosines of refined vectors.
            bonus: row of a query → what is added to its cosines, float32 (G,).
            advance: told how many queries are done.

        Raises:
            NetworkError: vectors of another length than the network's.
            TrainerError: vectors with NaN or infinite values.
        """
        near = nearest_of_all(base, NEIGHBORS)  # (Q, K)
        queries, others = self._raw(query), self._raw(gallery)
        for row, columns in enumerate(near):
            both = torch.cat([queries[row : row + 1], others[columns.to(self._device)]])
            refined = normalize(self._network.refine(both, seed=self._seed).float(), dim=1)
            cosines = (refined[1:] @ refined[0]).cpu()  # (K,)
            if bonus is not None:
                cosines += torch.from_numpy(bonus(row)[columns.numpy()])
            near[row] = columns[cosines.argsort(descending=True, stable=True)]
            advance(1)
        return ReorderedDistances(base, near)

    def _raw(self, features: FloatArray) -> Tensor:
        return prepared(features, "euclidean", self._device)


def load_aggregator(
    path: Path,
    mode: Mode = "joint",
    seed: int = 0,
    device: str = "auto",
    *,
    embedder_id: str | None = None,
) -> Aggregator:
    """The aggregator of a model file.

    Args:
        path: of the file.
        mode: see `Aggregator`.
        seed: likewise.
        device: likewise.
        embedder_id: whose vectors it is to refine; None: not known, and not checked.

    Raises:
        NetworkError: it cannot be used.
        TrainerError: it was trained with another embedder.
    """
    network, card = load_model(path, role="aggregator")
    assert isinstance(network, AggregationModel)
    if embedder_id is not None:
        check_made_for(card, path, embedder_id)
    return Aggregator(network, mode, seed, device)
