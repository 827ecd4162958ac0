"""What a network runs on: device, precision, and whose turn it is there."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from reid_models.errors import NetworkError

Precision = Literal["auto", "float32", "bf16"]


def find_device(name: str) -> torch.device:
    """A device by name.

    Args:
        name: "auto" (the first GPU, else Apple's, else the processor), "cpu", "cuda", "cuda:1",
            "mps".

    Raises:
        NetworkError: there is no such device here.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    there = [f"cuda:{number}" for number in range(gpus)] + ["mps"] * apple + ["cpu"]
    if name == "auto":
        return torch.device(there[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in there:
        raise NetworkError(
            f'There is no device "{name}" here.', f"Choose auto or one of {', '.join(there)}."
        )
    return torch.device(wanted)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 by itself, hence faster than in float32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    if hasattr(torch.cpu, "get_capabilities"):
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # before torch 2.10
    return any(getattr(torch.cpu, name, bool)() for name in asked)


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16 by name; "auto" is bfloat16 where the device has it.

    Raises:
        NetworkError: no such precision.
    """
    if name == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else torch.float32
    found = {"float32": torch.float32, "bf16": torch.bfloat16}.get(name)
    if found is None:
        raise NetworkError(
            f'There is no precision "{name}".', "Choose auto, float32 or bf16."
        ) from None
    return found


class TurnLock:
    """Serves callers one at a time: urgent ones first, else in the order in which they came.

    A plain lock lets a busy thread take it again and again while others wait.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._tickets = itertools.count()
        self._waiting: list[tuple[bool, int]] = []
        self._busy = False

    @contextmanager
    def turn(self, urgent: bool = False) -> Iterator[None]:
        """Waits for the caller's turn and keeps it for the length of the block.

        Args:
            urgent: before all that are not; for what a person waits for.
        """
        with self._condition:
            ticket = (not urgent, next(self._tickets))
            heapq.heappush(self._waiting, ticket)
            try:
                self._condition.wait_for(lambda: not self._busy and self._waiting[0] == ticket)
            finally:
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
                # An interrupted wait must not leave the next one asleep.
                self._condition.notify_all()
            self._busy = True
        try:
            yield
        finally:
            with self._condition:
                self._busy = False
                self._condition.notify_all()

    def waiting(self) -> int:
        """How many wait for their turn."""
        with self._condition:
            return len(self._waiting)


_locks: dict[str, TurnLock] = {}
_locks_guard = threading.Lock()


def lock_of(device: torch.device) -> TurnLock:
    """The one lock of a device, for all networks on it."""
    with _locks_guard:
        return _locks.setdefault(str(device), TurnLock())


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device or the processor's allocator ran out of memory."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text
