"""Weights and summaries of ../shared/golden: its two recipes, word by word."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

RELATIVE_TOLERANCE = 1e-4


def full_size_weights(shapes: Mapping[str, Sequence[int]], seed: int) -> dict[str, Tensor]:
    """Weights of a `*.keys.json` (golden/README.md)."""
    return {
        key: torch.from_numpy(_full_size_weight(key, tuple(shape), seed))
        for key, shape in shapes.items()
    }


def _full_size_weight(key: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    generator = np.random.RandomState((zlib.crc32(key.encode()) + seed) % 2**32)
    drawn = generator.standard_normal(shape)
    leaf = key.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    drawn = drawn.astype(np.float32)
    if leaf == "running_var":
        return 0.5 + np.abs(drawn)
    if leaf == "running_mean":
        return np.float32(0.1) * drawn
    if len(shape) == 1 and leaf in ("weight", "g"):
        return 1 + np.float32(0.1) * drawn
    return np.float32(0.02) * drawn


def small_weights(keys: Sequence[tuple[str, Sequence[int]]]) -> dict[str, Tensor]:
    """Weights of an entry of methods_small.json, from its list of keys and shapes."""
    return {
        key: torch.from_numpy(_small_weight(1000 + place, key, tuple(shape)).astype(np.float32))
        for place, (key, shape) in enumerate(keys)
    }


def _small_weight(seed: int, key: str, shape: tuple[int, ...]) -> np.ndarray:
    drawn = np.random.RandomState(seed).standard_normal(shape)
    leaf = key.rpartition(".")[2]
    if leaf == "running_var":
        return 1 + 0.1 * np.abs(drawn)
    if leaf == "p":
        return np.full(shape, 3.0)
    if leaf in ("cls_token", "pos_embed", "sie_embed"):
        return 0.2 * drawn
    if leaf == "w":
        return drawn / np.sqrt(shape[0])
    if leaf != "running_mean" and len(shape) >= 2:
        return drawn / np.sqrt(np.prod(shape[1:]))
    if leaf in ("weight", "g"):
        return 1 + 0.1 * drawn
    return 0.1 * drawn


def normal(seed: int, *shape: int) -> Tensor:
    """RS(seed).normal(shape) of the recipe, float32."""
    drawn = np.random.RandomState(seed).standard_normal(shape)
    return torch.from_numpy(drawn.astype(np.float32))


def assert_summary(found: Tensor, wanted: Mapping[str, Any]) -> None:
    """Fails unless a tensor has the shape, sums and values of a summary."""
    assert list(found.shape) == wanted["shape"]
    values = found.detach().double().flatten()
    tolerance = RELATIVE_TOLERANCE * float(values.abs().max())
    for part, place in (("first8", slice(0, 8)), ("last4", slice(-4, None))):
        expected = torch.tensor(wanted[part], dtype=torch.float64)
        torch.testing.assert_close(values[place], expected, rtol=0, atol=tolerance, msg=part)
    length = float(values.norm())
    assert abs(length - wanted["l2"]) <= RELATIVE_TOLERANCE * wanted["l2"]
    # The sum of all errors of a tensor whose l2 is exact: at most √n times the largest.
    assert abs(float(values.sum()) - wanted["sum"]) <= RELATIVE_TOLERANCE * (
        length * len(values) ** 0.5
    )


def assert_same(found: Tensor, wanted: np.ndarray) -> None:
    """Fails unless a tensor equals stored values within 1e-4 of the largest absolute one."""
    error = float(errors(found, wanted).max())
    assert error <= RELATIVE_TOLERANCE, f"off by {error:.1e} of the largest value"


def errors(found: Tensor, wanted: np.ndarray) -> Tensor:
    """How far each value is from the stored one, in units of the largest absolute of these."""
    expected = torch.from_numpy(wanted)
    assert found.shape == expected.shape
    return (found - expected).abs() / expected.abs().max()
