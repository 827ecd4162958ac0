"""The loop: batches → losses → steps; saves, resumes, evaluates and stops where it is told to."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from lightning.fabric import Fabric
from torch import Tensor

from trainer.checkpoint import (
    checkpoint_path,
    mark_best,
    newest_checkpoint,
    prune_checkpoints,
    random_states,
    restore_random_states,
    save_checkpoint,
)
from trainer.config import TrainConfig
from trainer.data.training_set import Batch
from trainer.engine.averages import Means, WeightAverage
from trainer.engine.doctor import explain, out_of_memory
from trainer.engine.events import EpochDone, Evaluated, Event, Saved, StepDone, Stopped
from trainer.engine.launch import seed_everything
from trainer.engine.stopping import StopRequest
from trainer.errors import TrainerError
from trainer.optim import build_optimizers, learning_rate, trained_by
from trainer.recipe import Progress, Recipe, Source
from trainer.run_log import RunFolder, RunLog, draw_curves

_LOG = logging.getLogger(__name__)
# Below this scale float16 gradients vanish: something else is wrong than too large a scale.
_LEAST_SCALE = 2.0**-20
_CHECKPOINT = 1  # between 0, go on, and the exit statuses


@dataclass(frozen=True)
class RunOptions:
    """What is not part of the configuration, since it changes nothing that is computed.

    Attributes:
        minutes: after which to save and stop; 0: never.
        evaluate: measures the recipe's networks, in evaluation mode; None: no evaluation.
        image_name: of a row of the training set, for reports.
    """

    minutes: float = 0.0
    evaluate: Callable[[Recipe], dict[str, float]] | None = None
    image_name: Callable[[int], str] = str


@dataclass
class Position:
    """Where a training is.

    Attributes:
        epoch: the running one, from 1; one more than there are at the end.
        batch: batches of the epoch that are done.
        step: optimiser steps done.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0


class Engine:
    """One training. `run` is a generator of events; its whole state is in the checkpoints.

    Attributes:
        recipe: what is trained.
        resumed_from: the checkpoint that it goes on from; None: from the beginning.
    """

    def __init__(
        self,
        config: TrainConfig,
        recipe: Recipe,
        source: Source,
        folder: RunFolder,
        fabric: Fabric,
        options: RunOptions,
    ) -> None:
        """Sets up optimisers, and goes on from the newest checkpoint in the folder.

        Args:
            config: of the training.
            recipe: with the weights to start from.
            source: of this process's batches.
            folder: of the run.
            fabric: launched.
            options: minutes, evaluation.

        Raises:
            TrainerError: rules that match nothing; a checkpoint that cannot be used.
        """
        self.recipe, self.resumed_from = recipe, None
        self._config, self._source, self._folder = config, source, folder
        self._fabric, self._options = fabric, options
        fabric.to_device(recipe)
        # Convolutions in bf16 are up to twice as fast that way, on processors too.
        recipe.to(memory_format=torch.channels_last)
        self._optimizers = build_optimizers(recipe, config.optimizer)
        self._forward = fabric.setup_module(recipe, move_to_device=False)
        self._scaler = getattr(fabric.strategy.precision, "scaler", None)
        decay = config.training.ema
        self._average = WeightAverage(recipe, decay) if decay else None
        self._window, self._epoch_means = Means(), Means()
        self._position, self._best = Position(), -1.0
        self._metrics: dict[str, float] = {}  # of the weights as they are now
        self._log: RunLog | None = None
        self._log_length = 0
        # Processes share their initial weights, but not their dropout.
        seed_everything(config.training.seed + fabric.global_rank)
        found = newest_checkpoint(folder.checkpoints)
        if found is not None:
            self.resumed_from = found[0]
            self._restore(*found)
            if found[1].get("is_best") and fabric.is_global_zero:
                mark_best(found[0])  # it may have been killed between writing and marking it

    @property
    def position(self) -> Position:
        """How far it is; a copy."""
        return replace(self._position)

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done."""
        return self._position.epoch > self._config.training.epochs

    def run(self) -> Iterator[Event]:
        """Trains to the end, or until it is told to stop; then it has saved.

        Raises:
            NetworkError: a model file cannot be written.
            TrainerError: the training diverged; too little memory; data or files cannot be used.
        """
        if self._fabric.is_global_zero:
            self._log = RunLog(self._folder, self._log_length, self._position.step)
        try:
            with StopRequest(self._options.minutes) as stop:
                while not self.finished:
                    status = yield from self._run_epoch(stop)
                    if status and not self.finished:
                        yield Stopped(self._position.step, status)
                        return
        finally:
            if self._log:
                self._log.close()

    def _run_epoch(self, stop: StopRequest) -> Generator[Event, None, int]:
        """The rest of the running epoch; returns the status to stop with, 0: go on."""
        place, settings = self._position, self._config.training
        count = self._source.steps(place.epoch)
        batches = self._source.batches(place.epoch, place.batch)
        self.recipe.train()
        saved = clock = time.monotonic()
        images = 0
        while place.batch < count:
            group = list(islice(batches, min(settings.accumulate, count - place.batch)))
            try:
                event = self._step([self._fabric.to_device(batch) for batch in group], count)
            except torch.OutOfMemoryError as error:
                size = group[0].indices.numel()
                raise out_of_memory(self._fabric.device, size, settings.accumulate) from error
            images += event.images
            if place.step % settings.log_steps == 0:
                rate = images * self._fabric.world_size / (time.monotonic() - clock)
                self._write("step", self._window.take(self._fabric), {"images_per_s": rate})
                clock, images = time.monotonic(), 0
            yield event
            status = self._agreed(stop.status or self._is_due(saved))
            if status:
                yield self._save()
                saved = time.monotonic()
            if status > _CHECKPOINT:
                return status
        yield from self._end_epoch()
        return self._agreed(stop.status)

    def _end_epoch(self) -> Iterator[Event]:
        place, settings = self._position, self._config.training
        epoch, last = place.epoch, place.epoch == settings.epochs
        due = last or (settings.evaluate_every > 0 and epoch % settings.evaluate_every == 0)
        metrics: dict[str, float] = {}
        best = False
        if due:
            # If the evaluation is interrupted, only it is done again.
            yield self._save()
        means = self._epoch_means.take(self._fabric)
        self._write("epoch", means, {})
        yield EpochDone(epoch, means)
        if due:
            metrics, best = self._evaluate(last)
        if metrics:
            yield Evaluated(epoch, metrics, best)
        place.epoch, place.batch = epoch + 1, 0
        event = self._save(best=best)
        if best and self._fabric.is_global_zero:
            mark_best(event.path)
        yield event

    def _step(self, batches: list[Batch], epoch_batches: int) -> StepDone:
        """One optimiser step on the gradients of several batches."""
        progress, optimizers = self._progress(epoch_batches), self._optimizers
        rates = (self._config.schedule, self._config.optimizer.lr)
        where = (progress.epoch, progress.epochs)
        optimizers.set_rates(*rates, *where, progress.epoch_share)
        logged: dict[str, float] = {}
        for number, batch in enumerate(batches):
            waits = number < len(batches) - 1
            with self._fabric.no_backward_sync(self._forward, enabled=waits):
                terms: dict[str, Tensor] = self._forward(batch, progress)
                loss = _total(terms)
                if not torch.isfinite(loss):
                    raise self._diverged(batches, progress)
                self._fabric.backward(loss / len(batches))
            for name, value in {**terms, "loss": loss}.items():
                logged[name] = logged.get(name, 0.0) + value.detach().item() / len(batches)
        self._update(logged, batches, progress)
        logged["lr"] = learning_rate(*rates, *where, share=progress.epoch_share)
        self._window.add(logged)
        self._epoch_means.add(logged)
        self._metrics = {}
        self._position.batch += len(batches)
        self._position.step += 1
        accumulate = self._config.training.accumulate
        return StepDone(
            progress,
            -(-self._position.batch // accumulate),
            -(-epoch_batches // accumulate),
            logged["loss"],
            sum(batch.indices.numel() for batch in batches),
        )

    def _update(self, logged: dict[str, float], batches: list[Batch], progress: Progress) -> None:
        """Clips, steps, and lets averages follow."""
        scaler, optimizers = self._scaler, self._optimizers.all
        if scaler is not None:
            for optimizer in optimizers:
                scaler.unscale_(optimizer)
        self._optimizers.scale_gradients()
        limits = [self._config.training.clip_norm or math.inf] + [math.inf] * (len(optimizers) - 1)
        norms = [
            torch.nn.utils.clip_grad_norm_(trained_by(optimizer), limit).item()
            for optimizer, limit in zip(optimizers, limits, strict=True)
        ]
        steps = all(map(math.isfinite, norms))
        if steps:
            logged["grad_norm"] = norms[0]
        elif scaler is None or scaler.get_scale() < _LEAST_SCALE:
            raise self._diverged(batches, progress)
        if scaler is not None:
            # Gradients that overflowed at this scale are left out, and the scale falls.
            logged["skipped"] = float(not steps)
        if steps:
            for optimizer in optimizers:
                optimizer.step() if scaler is None else scaler.step(optimizer)
            self.recipe.after_step(progress)
            if self._average is not None:
                self._average.update()
        if scaler is not None:
            scaler.update()
        for optimizer in optimizers:
            optimizer.zero_grad()

    def _progress(self, epoch_batches: int) -> Progress:
        place, settings = self._position, self._config.training
        done = place.batch // settings.accumulate
        per_epoch = -(-epoch_batches // settings.accumulate)
        return Progress(
            place.epoch,
            settings.epochs,
            place.step,
            place.step - done + per_epoch * (settings.epochs - place.epoch + 1),
            done / per_epoch,
        )

    def _evaluate(self, last: bool) -> tuple[dict[str, float], bool]:
        """Measures on the first process, while the others wait; writes model files and curves."""
        metrics: dict[str, float] = {}
        best = False
        if self._fabric.is_global_zero:
            # An evaluation must not change what is computed after it.
            states = random_states(self._fabric.device)
            self.recipe.eval()
            start = time.monotonic()
            with self._average.applied() if self._average else nullcontext():
                if self._options.evaluate is not None:
                    metrics = self._options.evaluate(self.recipe)
                    self._write("evaluation", metrics, {"seconds": time.monotonic() - start})
                best = metrics.get("mAP", -1.0) > self._best
                for stem in ["best"] * best + ["model"] * last:
                    self._write_models(stem, metrics)
            self.recipe.train()
            restore_random_states(states, self._fabric.device)
            draw_curves(self._folder)
        metrics, best = self._fabric.broadcast((metrics, best))
        self._best = max(self._best, metrics.get("mAP", -1.0))
        self._metrics = metrics
        return metrics, best

    def _write_models(self, stem: str, metrics: dict[str, float]) -> None:
        for name, network in self.recipe.deployed().items():
            facts = {
                **self.recipe.card_facts(name),
                **self._folder.card_facts(self._config, _for_card(metrics)),
            }
            self._folder.write_model(stem, name, network, facts)

    def _write(self, kind: str, values: dict[str, float], clock: dict[str, float]) -> None:
        if self._log is not None:
            self._log.write(kind, self._position.epoch, self._position.step, values, clock)

    def _is_due(self, saved: float) -> int:
        """Whether a checkpoint inside the epoch is due."""
        settings = self._config.training
        by_time = 0 < settings.checkpoint_minutes * 60 <= time.monotonic() - saved
        by_steps = settings.checkpoint_steps and not self._position.step % settings.checkpoint_steps
        return _CHECKPOINT if by_time or by_steps else 0

    def _agreed(self, status: int) -> int:
        """What the most decided of all processes wants."""
        if self._fabric.world_size == 1:
            return status
        mine = torch.tensor(status, device=self._fabric.device)
        most: Any = self._fabric.all_reduce(mine, reduce_op="max")
        return int(most)

    def _diverged(self, batches: list[Batch], progress: Progress) -> TrainerError:
        rate = self._optimizers.main.param_groups[0]["lr"]
        report = self._folder.path / "diverged.json"
        name = self._options.image_name
        return explain(self.recipe, self._fabric, batches, progress, rate, report, name)

    def _save(self, *, best: bool = False) -> Saved:
        settings, fabric = self._config.training, self._fabric
        of_rank = {
            "random": random_states(fabric.device),
            "window": self._window.state(),
            "epoch_means": self._epoch_means.state(),
        }
        ranks: list[Any] = [of_rank] * fabric.world_size
        if fabric.world_size > 1:
            torch.distributed.all_gather_object(ranks, of_rank)
        step = self._position.step
        path = checkpoint_path(self._folder.checkpoints, step)
        if self._log is not None:
            content = {
                "position": asdict(self._position),
                "best": self._best,
                "is_best": best,
                "metrics": _for_card(self._metrics),
                "log_length": self._log.length(),
                "recipe": self.recipe.state_dict(),
                "optimizers": [each.state_dict() for each in self._optimizers.all],
                "scaler": self._scaler and self._scaler.state_dict(),
                "average": self._average and self._average.weights,
                "ranks": ranks,
            }
            save_checkpoint(path, content)
            prune_checkpoints(self._folder.checkpoints, settings.keep)
        return Saved(step, path)

    def _restore(self, path: Path, content: dict[str, Any]) -> None:
        fabric, ranks = self._fabric, content["ranks"]
        try:
            self.recipe.load_state_dict(content["recipe"])
            states = content["optimizers"]
            for optimizer, state in zip(self._optimizers.all, states, strict=True):
                optimizer.load_state_dict(state)
            if self._scaler is not None:
                self._scaler.load_state_dict(content["scaler"])
            if self._average is not None:
                self._average.load(content["average"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise TrainerError(
                f"The checkpoint {path} is of another network: {f'{error}'.splitlines()[0]}.",
                "Go on with the version of the program that wrote it, or start a run of its own.",
            ) from error
        self._position = Position(**content["position"])
        self._best, self._log_length = content["best"], content["log_length"]
        if len(ranks) == fabric.world_size:
            restore_random_states(ranks[fabric.global_rank]["random"], fabric.device)
        else:
            # The batches are the same, but which process draws which numbers is not.
            _LOG.warning("%d processes go on where %d were.", fabric.world_size, len(ranks))
            seed = self._config.training.seed + fabric.global_rank + self._position.step
            seed_everything(seed)
        of_rank = ranks[min(fabric.global_rank, len(ranks) - 1)]
        self._window.load(of_rank["window"])
        self._epoch_means.load(of_rank["epoch_means"])


def _for_card(metrics: dict[str, float]) -> dict[str, float]:
    """The log's "market1501/mAP" is a card's "market1501 mAP"; means of data sets stay away."""
    return {name.replace("/", " "): value for name, value in metrics.items() if "/" in name}


def _total(terms: dict[str, Tensor]) -> Tensor:
    """The loss; names with "stat/" are not part of it."""
    found = [value.float() for name, value in terms.items() if not name.startswith("stat/")]
    return torch.stack(found).sum()
