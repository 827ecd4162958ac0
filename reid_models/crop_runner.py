"""How crops go through a network: device, precision, fixed batches, turns, scarce memory."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reid_models.devices import find_device, find_precision, is_out_of_memory, lock_of
from reid_models.errors import NetworkError
from reid_models.preprocessing import batch_of, normalised

# Crops of one turn. A GPU wants many at a time. A processor computes one about as fast as one of
# many, and whoever waits for it then waits least; but of a light network's time, half is spent
# between its layers.
GPU_BATCH = 32
CPU_BATCH = 1
LIGHT_CPU_BATCH = 4
_LIGHT_PARAMETERS = 10_000_000

_log = logging.getLogger(__name__)


class CropRunner:
    """Runs crops through a network in batches of always the same size.

    The arithmetic, hence the last bit, may depend on the size of a batch; so short batches are
    filled up, and a crop's result does not depend on the others. In a batch of more than one, its
    place there may still change the last bit.

    Attributes:
        network: the one that computes, on the device, in evaluation mode.
        device: where it runs.
        precision: in which its products are computed.
        batch: crops of one turn; halved whenever the memory does not suffice.
    """

    def __init__(self, network: Any, device: str, precision: str, batch: int | None) -> None:
        """Moves the network to the device.

        Raises:
            NetworkError: no such device or precision.
        """
        self.device = find_device(device)
        self.precision = find_precision(precision, self.device)
        self.batch = batch or _usual_batch(network, self.device)
        # Convolutions are up to twice as fast this way round.
        network = network.to(self.device, memory_format=torch.channels_last).eval()
        self.network: Any = network
        if self.precision != torch.float32:
            self.network = twin(network, self.precision)

    def run(
        self,
        images: Sequence[NDArray[np.uint8]],
        compute: Callable[[Tensor, slice], tuple[Tensor, ...]],
        urgent: bool,
    ) -> tuple[Tensor, ...]:
        """Results of all crops, in their order.

        Args:
            images: at least one, RGB uint8 (h, w, 3) of any sizes.
            compute: (normalised crops float32 (batch, 3, H, W), their rows among `images`) →
                tensors (batch, …).
            urgent: before all work that is not.

        Returns:
            Tensors (n, …), float32, on the device.

        Raises:
            NetworkError: not enough memory for one crop; no picture.
        """
        found: list[tuple[Tensor, ...]] = []
        start = 0
        while start < len(images):
            rows = slice(start, min(start + self.batch, len(images)))
            try:
                found.append(self._one_batch(images[rows], rows, compute, urgent))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
            else:
                start = rows.stop
        return tuple(torch.cat(parts) for parts in zip(*found, strict=True))

    @contextmanager
    def turn(self, urgent: bool) -> Iterator[None]:
        """The device for the length of the block, in this precision, without gradients."""
        reduced = self.precision != torch.float32
        with (
            lock_of(self.device).turn(urgent),
            torch.inference_mode(),
            torch.autocast(self.device.type, self.precision, enabled=reduced),
        ):
            yield

    def _one_batch(
        self,
        images: Sequence[NDArray[np.uint8]],
        rows: slice,
        compute: Callable[[Tensor, slice], tuple[Tensor, ...]],
        urgent: bool,
    ) -> tuple[Tensor, ...]:
        network = self.network
        pixels = torch.from_numpy(batch_of(images, network.input_size_px, self.batch))
        with self.turn(urgent):
            crops = normalised(pixels.to(self.device), network.mean, network.std)
            crops = crops.contiguous(memory_format=torch.channels_last)
            return tuple(part[: len(images)].float() for part in compute(crops, rows))

    def _halve(self, error: RuntimeError) -> None:
        if self.batch == 1:
            raise NetworkError(
                f"The memory of {self.device} does not suffice for one crop.",
                "Close what else uses it, or choose the device cpu or a smaller network.",
            ) from error
        self.batch //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        _log.info("out of memory on %s: batches of %d from now on", self.device, self.batch)


def _usual_batch(network: nn.Module, device: torch.device) -> int:
    if device.type != "cpu":
        return GPU_BATCH
    parameters = sum(each.numel() for each in network.parameters())
    return LIGHT_CPU_BATCH if parameters < _LIGHT_PARAMETERS else CPU_BATCH


def twin(network: nn.Module, precision: torch.dtype) -> nn.Module:
    """A network whose large products are stored in `precision`; all else is shared with `network`.

    Autocast alone would convert every weight again for every batch: on a processor that takes as
    long as a good part of the work.
    """
    memo: dict[int, Any] = {id(each): each for each in (*network.parameters(), *network.buffers())}
    for module in network.modules():
        if type(module) in (nn.Linear, nn.Conv2d):
            for weight in module.parameters(recurse=False):
                reduced = weight.detach().to(precision)
                memo[id(weight)] = nn.Parameter(reduced, requires_grad=False)
    return copy.deepcopy(network, memo)
