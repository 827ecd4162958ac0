"""Which images stand together in a batch, and with which seed each is augmented."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.data_settings import SamplerConfig
from trainer.errors import TrainerError

_SEEDS = 1 << 62


@dataclass(frozen=True, slots=True)
class Draw:
    """A row of the training set, and the seed of its augmentation."""

    index: int
    seed: int


class Sampler(Protocol):
    """Batches of an epoch: a pure function of seed, epoch, rank and number of ranks."""

    def epoch(self, epoch: int) -> list[list[Draw]]:
        """This rank's part of each batch of an epoch."""
        ...

    def batches(self, epoch: int) -> int:
        """How many batches an epoch has; the same on every rank."""
        ...


class _SeededSampler:
    """Batches of groups, of which each rank takes its share; groups are never torn apart."""

    def __init__(self, groups: int, seed: int, rank: int, world: int) -> None:
        if groups % world:
            raise TrainerError(
                f"{groups} groups of a batch cannot be shared by {world} processes.",
                "Choose sampler.identities as a multiple of the number of processes.",
            )
        self._groups = groups
        self._seed = seed
        self._share = slice(rank * groups // world, (rank + 1) * groups // world)
        self._drawn: tuple[int, list[list[Draw]]] | None = None

    def epoch(self, epoch: int) -> list[list[Draw]]:
        if self._drawn is None or self._drawn[0] != epoch:
            generator = np.random.default_rng((self._seed, epoch))
            batches = self._draw(generator)
            self._drawn = epoch, [self._seeded(batch, generator) for batch in batches]
        return self._drawn[1]

    def batches(self, epoch: int) -> int:
        return len(self.epoch(epoch))

    def _draw(self, generator: np.random.Generator) -> list[list[list[int]]]:
        """For each batch its groups of rows."""
        raise NotImplementedError

    def _seeded(self, batch: list[list[int]], generator: np.random.Generator) -> list[Draw]:
        # Seeds are drawn for all ranks, so that a draw is the same however many there are.
        sizes = [len(group) for group in batch]
        seeds = np.split(generator.integers(_SEEDS, size=sum(sizes)), np.cumsum(sizes)[:-1])
        return [
            Draw(row, int(seed))
            for group, own in list(zip(batch, seeds, strict=True))[self._share]
            for row, seed in zip(group, own, strict=True)
        ]


class IdentitySampler(_SeededSampler):
    """Batches of P identities with K images each (P × K over all ranks).

    Rule "pk" (TransReID's): the images of each identity are shuffled and cut into chunks of K,
    the rest is dropped; an identity with fewer than K images gives one chunk, drawn with
    replacement. Then P different identities are drawn at a time, and give one chunk each, until
    fewer than P have one. `passes` of these make an epoch. Identities with many images are among
    themselves at the end of a pass, unless `most_images` gives them no more than the others have.

    Rule "rrid" (RRID's published code): all images in random order; each as an anchor gives K
    other images of its identity, with replacement if there are fewer than K others; P anchors make
    a batch, in which an identity may stand several times.
    Differs from the published code: an identity with a single image gives that image K times,
    instead of failing; an incomplete last batch is dropped.
    """

    def __init__(
        self,
        labels: NDArray[np.int64] | Sequence[int],
        identities: int = 16,
        images: int = 4,
        *,
        seed: int = 0,
        rule: Literal["pk", "rrid"] = "pk",
        passes: int = 1,
        least_images: int = 1,
        most_images: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """Prepares the rows of each identity.

        Args:
            labels: identity of each row of the training set, (n,).
            identities: P.
            images: K.
            seed: of all batches and augmentations.
            rule: "pk" or "rrid".
            passes: how often an epoch goes through the data.
            least_images: identities with fewer images are not drawn.
            most_images: rule "pk" takes no more of an identity in a pass, others each time; 0: all.
            rank: of this process.
            world: how many processes there are.

        Raises:
            TrainerError: P cannot be shared by the processes, or there are fewer identities.
        """
        super().__init__(identities, seed, rank, world)
        self._images = images
        self._most = most_images or None
        self._passes = passes
        self._pass = {"pk": self._pk_pass, "rrid": self._rrid_pass}[rule]
        rows = defaultdict(list)
        for row, label in enumerate(labels):
            rows[int(label)].append(row)
        self._rows = {
            label: np.array(rows[label])
            for label in sorted(rows)
            if len(rows[label]) >= least_images
        }
        if len(self._rows) < identities:
            raise TrainerError(
                f"A batch of {identities} identities cannot be drawn from {len(self._rows)} (those "
                f"with at least {least_images} {'image' if least_images == 1 else 'images'}).",
                "Lower sampler.identities or sampler.least_images, or train on more data.",
            )

    def _draw(self, generator: np.random.Generator) -> list[list[list[int]]]:
        return [batch for _ in range(self._passes) for batch in self._pass(generator)]

    def _pk_pass(self, generator: np.random.Generator) -> list[list[list[int]]]:
        chunks: dict[int, list[list[int]]] = {}
        for label, rows in self._rows.items():
            few = len(rows) < self._images
            order = (generator.choice(rows, self._images) if few else generator.permutation(rows))[
                : self._most
            ].tolist()
            ends = range(self._images, len(order) + 1, self._images)
            chunks[label] = [order[end - self._images : end] for end in ends]
        batches = []
        left = list(chunks)
        while len(left) >= self._groups:
            drawn = generator.choice(len(left), self._groups, replace=False)
            batches.append([chunks[left[number]].pop(0) for number in drawn])
            left = [label for label in left if chunks[label]]
        return batches

    def _rrid_pass(self, generator: np.random.Generator) -> list[list[list[int]]]:
        anchors = [(row, rows) for rows in self._rows.values() for row in rows]
        groups = []
        for number in generator.permutation(len(anchors)):
            anchor, rows = anchors[number]
            others = rows[rows != anchor] if len(rows) > 1 else rows
            few = len(others) < self._images
            groups.append(generator.choice(others, self._images, replace=few).tolist())
        ends = range(self._groups, len(groups) + 1, self._groups)
        return [groups[end - self._groups : end] for end in ends]


class PlainSampler(_SeededSampler):
    """All rows in random order, cut into batches; an incomplete last batch is dropped."""

    def __init__(
        self,
        rows: Sequence[int],
        batch_size: int,
        *,
        seed: int = 0,
        passes: int = 1,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """Takes the rows to draw from.

        Args:
            rows: of the training set.
            batch_size: over all ranks.
            seed: of all batches and augmentations.
            passes: how often an epoch goes through the data.
            rank: of this process.
            world: how many processes there are.

        Raises:
            TrainerError: a batch cannot be shared by the processes, or is larger than the data.
        """
        super().__init__(batch_size, seed, rank, world)
        self._rows = np.array(rows)
        self._passes = passes
        if len(self._rows) < batch_size:
            raise TrainerError(
                f"A batch of {batch_size} images cannot be drawn from {len(self._rows)}.",
                "Lower sampler.identities or sampler.images, or train on more data.",
            )

    def _draw(self, generator: np.random.Generator) -> list[list[list[int]]]:
        batches = []
        for _ in range(self._passes):
            order = generator.permutation(self._rows).tolist()
            for end in range(self._groups, len(order) + 1, self._groups):
                batches.append([[row] for row in order[end - self._groups : end]])
        return batches


def build_sampler(
    config: SamplerConfig,
    labels: NDArray[np.int64],
    seed: int,
    rank: int = 0,
    world: int = 1,
) -> Sampler:
    """The sampler that a configuration asks for.

    Args:
        config: rule and sizes.
        labels: `TrainingSet.labels`, (n,).
        seed: of the training.
        rank: of this process.
        world: how many processes there are.

    Raises:
        TrainerError: the data cannot give such batches.
    """
    if config.rule == "plain":
        counts = np.bincount(labels)
        rows = np.flatnonzero(counts[labels] >= config.least_images).tolist()
        return PlainSampler(
            rows, config.batch_size, seed=seed, passes=config.passes, rank=rank, world=world
        )
    return IdentitySampler(
        labels,
        config.identities,
        config.images,
        seed=seed,
        rule=config.rule,
        passes=config.passes,
        least_images=config.least_images,
        most_images=config.most_images,
        rank=rank,
        world=world,
    )
