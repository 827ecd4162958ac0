"""Running averages: of weights, and of what is logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a network's weights and statistics.

    Attributes:
        weights: by key of the state dict; integers are copied, not averaged.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module = module
        self._decay = decay
        self.weights = {name: each.detach().clone() for name, each in module.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the weights after a step."""
        for name, now in self._module.state_dict().items():
            mean = self.weights[name]
            if mean.is_floating_point():
                mean.lerp_(now, 1 - self._decay)
            else:
                mean.copy_(now)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Continues from saved averages."""
        for name, mean in self.weights.items():
            mean.copy_(weights[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block, the network has the averaged weights."""
        own = {name: each.detach().clone() for name, each in self._module.state_dict().items()}
        self._module.load_state_dict(self.weights)
        try:
            yield
        finally:
            self._module.load_state_dict(own)


class Means:
    """Means of logged values, over steps and processes.

    Attributes:
        sums: of each value, of this process.
        counts: of each value.
    """

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: Mapping[str, float]) -> None:
        """Takes in the values of a step."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def take(self, fabric: Fabric) -> dict[str, float]:
        """The means; then it is empty. Every process has to call it."""
        names = list(self.sums)
        local = torch.tensor(
            [self.sums[name] / self.counts[name] for name in names], dtype=torch.float64
        )
        self.__init__()  # type: ignore[misc]
        if not names:
            return {}
        means = fabric.all_reduce(local.to(fabric.device), reduce_op="mean")
        return dict(zip(names, means.tolist(), strict=True))  # type: ignore[union-attr]

    def state(self) -> dict[str, dict[str, float] | dict[str, int]]:
        """For a checkpoint."""
        return {"sums": dict(self.sums), "counts": dict(self.counts)}

    def load(self, state: Mapping[str, Mapping[str, float]]) -> None:
        """Continues from a checkpoint."""
        self.sums = dict(state["sums"])
        self.counts = {name: int(count) for name, count in state["counts"].items()}
