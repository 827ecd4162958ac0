"""Batches of a training, made ahead by worker processes if so wished."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from trainer.data.identity_sampler import Draw, Sampler
from trainer.data.training_set import Batch, TrainingSet
from trainer.errors import TrainerError


class BatchSource:
    """The batches of each epoch: a pure function of the sampler's seed and the epoch.

    The global random generators are neither read nor advanced, with or without workers.
    """

    def __init__(self, training_set: TrainingSet, sampler: Sampler, workers: int = 0) -> None:
        self.training_set = training_set
        self.sampler = sampler
        self._workers = workers

    def steps(self, epoch: int) -> int:
        """How many batches the epoch has."""
        return self.sampler.batches(epoch)

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, without its first `first` ones (to go on in the middle of it).

        Raises:
            TrainerError: an image file cannot be read.
        """
        self.training_set.load_cache()
        draws = self.sampler.epoch(epoch)[first:]
        if self._workers == 0 or not draws:
            yield from map(self.training_set.batch, draws)
            return
        loader = DataLoader(
            _Batches(self.training_set, draws),
            batch_size=None,
            shuffle=False,
            num_workers=min(self._workers, len(draws)),
            collate_fn=_as_it_is,
            worker_init_fn=_begin_worker,
            # Else the loader would draw from the global generator.
            generator=torch.Generator(),
        )
        with _opencv_without_threads():
            ready = iter(loader)
        try:
            for batch in ready:
                if isinstance(batch, TrainerError):
                    raise batch
                yield batch
        finally:
            del ready  # ends the workers, even while an error still refers to this frame


class _Batches(Dataset[Any]):
    """A batch for each list of draws; an error is an item too, as it has to leave the worker."""

    def __init__(self, training_set: TrainingSet, draws: list[list[Draw]]) -> None:
        self._training_set = training_set
        self._draws = draws

    def __len__(self) -> int:
        return len(self._draws)

    def __getitem__(self, number: int) -> Batch | TrainerError:
        try:
            return self._training_set.batch(self._draws[number])
        except TrainerError as error:
            return error


def _as_it_is(batch: Any) -> Any:
    return batch


def _begin_worker(_: int) -> None:
    # Ctrl-C and the end of a cluster's job reach every process; the training says when it is over.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _opencv_without_threads() -> Iterator[None]:
    """Workers that are forked meanwhile use none; else they would wait for threads of the parent.

    torch sees to its own.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
