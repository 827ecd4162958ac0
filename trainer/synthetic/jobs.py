"""Writes rendered data sets, by one process or several; what is finished is kept.

Each job is a generator of how many pictures are done; closing it stops the work.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import torch

from trainer.errors import TrainerError

Unit = TypeVar("Unit")
SETTINGS_FILE = "synthetic.json"


@dataclass(frozen=True)
class Done:
    """Progress of a job: pictures finished, before this run or in it, of all."""

    pictures: int
    total: int


@contextmanager
def one_thread() -> Iterator[None]:
    """Fixes the number of threads: sums and vector instructions, hence bytes, depend on it."""
    torch_threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv_threads)


def settle(out: Path, settings: dict[str, object], force: bool) -> None:
    """Makes the folder and keeps its settings in it.

    Raises:
        TrainerError: it was made with other settings, or cannot be written.
    """
    file = out / SETTINGS_FILE
    text = json.dumps(settings, indent=1, sort_keys=True) + "\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8") if file.is_file() else text
        if before != text and not force:
            raise TrainerError(
                f"{out} holds pictures that were rendered with other settings ({file.name}).",
                "Give the same settings to continue, --force to render all again, or another "
                "folder.",
            )
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainerError(
            f"{out} cannot be written: {error.strerror}.", "Choose another folder with --out."
        ) from error


def chosen_device(name: str) -> torch.device:
    """The device; "auto" is the first GPU where there is one.

    Raises:
        TrainerError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainerError(
            f"There is no device {name} here.", "Use auto, cpu, cuda or cuda:1."
        ) from error
    return device


def run_units(
    work: Callable[[Unit], int], units: Sequence[Unit], workers: int, total: int
) -> Iterator[Done]:
    """Works on all units; `work` returns how many pictures its unit has."""
    done = 0
    yield Done(done, total)
    if workers == 1:
        for unit in units:
            with one_thread():
                done += work(unit)
            yield Done(done, total)
        return
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare
    )
    try:
        waiting = {pool.submit(work, unit) for unit in units}
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            done += sum(future.result() for future in finished)
            yield Done(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
