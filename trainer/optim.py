"""Optimisers by rules on parameter names, and learning rates as functions of the progress."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn
from torch.optim import Optimizer

from trainer.config import ExtraOptimizer, OptimizerConfig, ParameterRule, ScheduleConfig
from trainer.errors import TrainerError

_NETWORK = "network."


@dataclass(frozen=True)
class Optimizers:
    """The optimisers of a training.

    Attributes:
        main: follows the schedule; each group has its share of the rate in `lr_factor`.
        extra: with constant rates, in the order of the configuration.
        gradient_scales: of the gradients of each extra one.
    """

    main: Optimizer
    extra: tuple[Optimizer, ...]
    gradient_scales: tuple[float, ...]

    @property
    def all(self) -> tuple[Optimizer, ...]:
        """The main one, then the extra ones."""
        return (self.main, *self.extra)

    def set_rates(
        self, schedule: ScheduleConfig, base: float, epoch: int, epochs: int, share: float
    ) -> None:
        """Sets the learning rates of the main optimiser; arguments as of `learning_rate`."""
        for group in self.main.param_groups:
            factor = group["lr_factor"]
            group["lr"] = learning_rate(schedule, base, epoch, epochs, share=share, factor=factor)

    def scale_gradients(self) -> None:
        """Multiplies the gradients of the extra optimisers by their factors."""
        for optimizer, factor in zip(self.extra, self.gradient_scales, strict=True):
            for parameter in trained_by(optimizer):
                if parameter.grad is not None:
                    parameter.grad.mul_(factor)


def trained_by(optimizer: Optimizer) -> list[nn.Parameter]:
    """All parameters of an optimiser."""
    return [each for group in optimizer.param_groups for each in group["params"]]


def build_optimizers(module: nn.Module, config: OptimizerConfig) -> Optimizers:
    """Optimisers of everything in a module that is trained; rules with factor 0 freeze.

    Args:
        module: the recipe.
        config: kind, rates and rules.

    Raises:
        TrainerError: a pattern that matches nothing, or nothing left to train.
    """
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    _check_patterns(trained, (*config.rules, *config.extra))
    extra = []
    for entry in config.extra:
        own = {name: p for name, p in trained.items() if _matches(name, entry.match)}
        trained = {name: p for name, p in trained.items() if name not in own}
        group = {"params": list(own.values()), "lr": entry.lr, "weight_decay": entry.weight_decay}
        extra.append(_optimizer(entry, [group]))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in trained.items():
        rules = [rule for rule in config.rules if _matches(name, rule.match)]
        factor = math.prod(rule.lr_factor for rule in rules)
        decay = math.prod(rule.weight_decay_factor for rule in rules) * config.weight_decay
        if factor == 0:
            parameter.requires_grad_(False)
        else:
            groups.setdefault((factor, decay), []).append(parameter)
    if not groups:
        raise TrainerError("There is nothing to train.", "Check optimizer.rules and extra.")
    tables = [
        {"params": own, "lr": config.lr * factor, "weight_decay": decay, "lr_factor": factor}
        for (factor, decay), own in groups.items()
    ]
    scales = tuple(entry.gradient_scale for entry in config.extra)
    return Optimizers(_optimizer(config, tables), tuple(extra), scales)


def learning_rate(
    schedule: ScheduleConfig,
    base: float,
    epoch: int,
    epochs: int,
    *,
    share: float = 0.0,
    factor: float = 1.0,
) -> float:
    """The learning rate of a group of parameters.

    Args:
        schedule: which curve.
        base: `optimizer.lr`.
        epoch: the running one, from 1.
        epochs: of the whole training.
        share: of this epoch's steps that is done; only "warmup_cosine" looks at it.
        factor: the group's, of the base rate.
    """
    warmup, low, peak = schedule.warmup_epochs, schedule.warmup_factor, base * factor
    if schedule.kind == "constant":
        return peak
    if schedule.kind == "warmup_cosine":
        done = epoch - 1 + share
        if done < warmup:
            return peak * done / warmup
        return peak * _cosine((done - warmup) / max(epochs - warmup, 1))
    if schedule.kind == "cosine_epoch":
        # Published: where the warm-up starts and the cosine ends is the same for all groups.
        start, floor = base * low, base * schedule.floor_factor
        if epoch < warmup:
            return start + (peak - start) * epoch / warmup
        return floor + (peak - floor) * _cosine(epoch / epochs)
    if epoch < warmup:
        return peak * (low + (1 - low) * epoch / warmup)
    return float(peak * schedule.gamma ** bisect_right(sorted(schedule.milestones), epoch))


def _cosine(share: float) -> float:
    """From 1 at the start to 0 at the end."""
    return (1 + math.cos(math.pi * min(share, 1.0))) / 2


def _optimizer(
    config: OptimizerConfig | ExtraOptimizer, groups: list[dict[str, object]]
) -> Optimizer:
    if config.kind == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum)
    betas = config.betas if isinstance(config, OptimizerConfig) else (0.9, 0.999)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return kinds[config.kind](groups, lr=config.lr, betas=betas)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.removeprefix(_NETWORK), pattern)


def _check_patterns(
    trained: dict[str, nn.Parameter], entries: Iterable[ParameterRule | ExtraOptimizer]
) -> None:
    for entry in entries:
        if not any(_matches(name, entry.match) for name in trained):
            raise TrainerError(
                f'No parameter that is trained matches "{entry.match}".',
                f"Parameters are called {', '.join(list(trained)[:3])}, …",
            )
