"""Random draws that depend on nothing but the world's seed and the thing's own numbers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")


def draws(seed: int, topic: str, *numbers: int) -> np.random.Generator:
    """The generator of one thing, such as ``draws(seed, "crop", identity, camera, number)``."""
    return np.random.default_rng([seed, zlib.crc32(topic.encode()), *numbers])


def pick(rng: np.random.Generator, weights: Mapping[Choice, float]) -> Choice:
    """One of the keys, as often as its weight says."""
    shares = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability; always takes one draw."""
    return bool(rng.random() < probability)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number of [low, high), as a plain float."""
    return float(rng.uniform(low, high))
