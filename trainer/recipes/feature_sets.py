"""NFormer's training data: sets of features around random centres, extracted anew each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.data.loader import BatchSource
from trainer.data.training_set import Batch
from trainer.errors import TrainerError


@dataclass(frozen=True)
class SetRule:
    """How sets are drawn.

    Attributes:
        size: features of a set; published: 7000. Where an epoch extracts fewer, every set is all
            of them (the published code fails).
        sets: of a step, over all processes.
        features_per_set: an epoch of N features has N // features_per_set sets.
    """

    size: int = 7000
    sets: int = 2
    features_per_set: int = 30


class FeatureSets:
    """Batches whose `images` are features, float32 (S, n, D); the other fields are (S, n).

    A set is drawn as published: a random centre, its int(size · (1 + u)) nearest by dot product
    with u from 0 to 1, and `size` of these at random. Which sets an epoch has is a pure function
    of seed and epoch, however many processes share them; each process extracts all features.
    """

    def __init__(
        self,
        images: BatchSource,
        embed: Callable[[Batch], Tensor],
        rule: SetRule,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """Extracts nothing yet.

        Args:
            images: augmented images, all of an epoch's; not shared among processes.
            embed: features (B, D) of a batch, anywhere.
            rule: how sets are drawn.
            seed: of the training.
            rank: of this process.
            world: how many processes there are.

        Raises:
            TrainerError: the sets cannot be shared by the processes.
        """
        if rule.sets % world:
            raise TrainerError(
                f"{rule.sets} sets of a step cannot be shared by {world} processes.",
                "Choose loss.sets as a multiple of the number of processes.",
            )
        self._images = images
        self._embed = embed
        self._rule = rule
        self._seed = seed
        self._share = slice(rank * rule.sets // world, (rank + 1) * rule.sets // world)

    def steps(self, epoch: int) -> int:
        """Steps of an epoch: its full groups of sets, at least one."""
        count = sum(len(batch) for batch in self._images.sampler.epoch(epoch))
        return max(1, count // self._rule.features_per_set // self._rule.sets)

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The steps of an epoch from number `first` on.

        Raises:
            TrainerError: an image file cannot be read.
        """
        table = self._extracted(epoch)
        numbers = range(self._rule.sets)[self._share]
        for step in range(first, self.steps(epoch)):
            drawn = [
                self._drawn(table.images, epoch, step * self._rule.sets + number)
                for number in numbers
            ]
            rows = torch.stack(drawn)  # (S, n)
            yield Batch(*(field[rows] for field in table))

    def _extracted(self, epoch: int) -> Batch:
        """All of an epoch's features, on the CPU, in place of the images."""
        found = [
            batch._replace(images=self._embed(batch).float().cpu())
            for batch in self._images.batches(epoch)
        ]
        return Batch(*map(torch.cat, zip(*found, strict=True)))

    def _drawn(self, features: Tensor, epoch: int, number: int) -> Tensor:
        """Rows of a set, int64 (n,)."""
        generator = np.random.default_rng((self._seed, epoch, number))
        count = len(features)
        center = int(generator.integers(count))
        near = min(int(self._rule.size * (1 + generator.random())), count)
        order = (features @ features[center]).argsort(descending=True, stable=True)
        chosen = generator.permutation(near)[: self._rule.size]
        return order[torch.from_numpy(chosen)]
