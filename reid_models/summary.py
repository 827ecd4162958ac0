"""What a network costs: size, work and time, for the model dialog and docs/training.md."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from reid_models.crop_runner import twin
from reid_models.devices import find_device, find_precision, lock_of
from reid_models.interfaces import AggregationModel, EmbeddingModel, PairModel
from reid_models.registry import entry_of

# How many vectors an aggregator's cost is told of: a search's neighbours and its query.
SET_SIZE = 201


@dataclass(frozen=True)
class NetworkSummary:
    """Figures of one network on one device.

    Attributes:
        architecture: name in the registry.
        role: "embedder", "aggregator" or "reranker".
        parameters: all of them, classifiers and what only training needs included.
        gflops: 10⁹ floating point operations of one unit, a multiplication and an addition
            counted as two (many papers count such a pair as one).
        unit: what `gflops` and `ms` are of: a crop, a vector (in a set of `SET_SIZE`), or a
            crop's parts and one pair.
        vector_size: length of its vectors; None where it makes none.
        ms: milliseconds of one unit, median of some runs; None where it was not measured.
        device: where it was measured.
        precision: "float32" or "bf16".
    """

    architecture: str
    role: str
    parameters: int
    gflops: float
    unit: str
    vector_size: int | None
    ms: float | None
    device: str
    precision: str


def summarise(
    network: nn.Module,
    device: str = "auto",
    precision: str = "auto",
    *,
    batch: int = 1,
    runs: int = 5,
) -> NetworkSummary:
    """The figures of a network of the registry, measured with random input.

    Args:
        network: is put into evaluation mode and moved to the device.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: "auto" (bf16 where the device has it by nature), "float32", "bf16".
        batch: crops at a time, for the time; 32 is what a GPU likes.
        runs: of which the median counts; 0 leaves the time out.

    Raises:
        NetworkError: no such device or precision; a network that is not in the registry.
    """
    entry = entry_of(network)
    target = find_device(device)
    dtype = find_precision("float32" if entry.role == "aggregator" else precision, target)
    network = network.to(target).eval()
    # Not every version of torch counts its fused attention.
    plain = sdpa_kernel(SDPBackend.MATH)
    with torch.inference_mode(), plain, FlopCounterMode(display=False) as counter:
        _run(network, _input(network, 1))
    units = SET_SIZE if entry.role == "aggregator" else 1
    return NetworkSummary(
        architecture=entry.name,
        role=entry.role,
        parameters=sum(each.numel() for each in network.parameters()),
        gflops=counter.get_total_flops() / units / 1e9,
        unit={"embedder": "crop", "aggregator": "vector", "reranker": "crop and pair"}[entry.role],
        vector_size=getattr(network, "embedding_dim", None),
        ms=_milliseconds(network, dtype, batch, runs) if runs else None,
        device=str(target),
        precision="bf16" if dtype == torch.bfloat16 else "float32",
    )


def _input(network: nn.Module, batch: int) -> Tensor:
    target = next(network.parameters()).device
    generator = torch.Generator().manual_seed(0)
    if isinstance(network, AggregationModel):
        shape: tuple[int, ...] = (SET_SIZE, network.embedding_dim)
    elif isinstance(network, PairModel) and network.takes_maps is not None:
        shape = (batch, *network.takes_maps)
    else:
        shape = (batch, 3, *getattr(network, "input_size_px"))  # noqa: B009
    return torch.randn(shape, generator=generator).to(target)


def _run(network: nn.Module, values: Tensor) -> None:
    """What a predictor does with one batch."""
    if isinstance(network, EmbeddingModel):
        network.embed(values)
    elif isinstance(network, AggregationModel):
        network.refine(values)
    elif isinstance(network, PairModel):
        parts = (
            network.parts(values) if network.takes_maps is None else network.parts_of_maps(values)
        )
        network.score(parts, parts)
    else:
        raise TypeError(f"{type(network).__name__} has no role")


def _milliseconds(network: nn.Module, dtype: torch.dtype, batch: int, runs: int) -> float:
    """Of one unit, in the median of the runs; the first, slower one does not count."""
    values = _input(network, batch)
    if dtype != torch.float32:
        network = twin(network, dtype)
    taken = []
    for _ in range(runs + 1):
        with (
            lock_of(values.device).turn(),
            torch.inference_mode(),
            torch.autocast(values.device.type, dtype, enabled=dtype != torch.float32),
        ):
            _wait_for(values.device)
            started = time.perf_counter()
            _run(network, values)
            _wait_for(values.device)
            taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:]) * 1000 / len(values)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
