"""Which images a network was trained on: hashes of their files, and a sample of these for its card.

The sample keeps the smallest hashes (bottom-k sketch: Cohen and Kaplan, "Summarizing Data using
Bottom-k Sketches", PODC 2007). Hashes are spread evenly, so it is a fair draw from the images, of
one size however many there are; and of any image below its limit, it says for certain whether it is
one of them.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reid_models.errors import NetworkError

HASH_BYTES = 8
SAMPLE_SIZE = 4096
"""Hashes of a card; 44 kB. Of 15 000 training images every fourth can be looked up."""
HIGHEST = (1 << 8 * HASH_BYTES) - 1
_STORED = np.dtype("<u8")

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class HashSample:
    """Every hash of a set of images up to a limit.

    Attributes:
        limit: the largest hash that would be in here; of higher ones nothing is known.
        values: the hashes, rising, little-endian uint64, in base64.
        complete: False where the network knows other images, too, of which nothing was noted.
    """

    limit: int
    values: str
    complete: bool = True

    @classmethod
    def of(cls, hashes: Hashes, limit: int = HIGHEST, size: int | None = SAMPLE_SIZE) -> HashSample:
        """A sample of images.

        Args:
            hashes: of all of them up to the limit, (n,), in any order.
            limit: see `HashSample`.
            size: how many are kept at most; None: all.
        """
        kept = np.unique(hashes)
        if size is not None and len(kept) > size:
            kept = kept[:size]
            limit = int(kept[-1])
        return cls(limit, base64.b64encode(kept.astype(_STORED).tobytes()).decode())

    def hashes(self) -> Hashes:
        """The hashes, rising, (n,).

        Raises:
            NetworkError: they cannot be read.
        """
        try:
            content = base64.b64decode(self.values, validate=True)
            return np.frombuffer(content, _STORED).astype(np.uint64)
        except (binascii.Error, ValueError) as error:
            raise NetworkError(
                "The hashes of the training images cannot be read.", "Export the network again."
            ) from error

    def union(self, other: HashSample) -> HashSample:
        """The sample of the images of both: of a training, and of the one that it goes on from."""
        limit = min(self.limit, other.limit)
        both = np.concatenate([self.hashes(), other.hashes()])
        joined = HashSample.of(both[both <= np.uint64(limit)], limit)
        return replace(joined, complete=self.complete and other.complete)

    def look_up(self, hashes: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of some images, which the sample can tell about, and which were trained on; both (n,)."""
        return hashes <= np.uint64(self.limit), np.isin(hashes, self.hashes())
