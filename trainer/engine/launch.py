"""Where a training runs: device, processes, precision, threads, seeds."""

from __future__ import annotations

import os
import random
import warnings
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins import MixedPrecision
from lightning.fabric.strategies import DDPStrategy

from reid_models.devices import find_device
from trainer.config import TrainingConfig
from trainer.errors import TrainerError

# The others wait while the first process evaluates.
_LONGEST_WAIT = timedelta(hours=12)


def launch(config: TrainingConfig, device: str = "auto", threads: int = 0) -> Fabric:
    """Joins the processes that torchrun started, or starts with this one alone.

    Args:
        config: precision, and whether runs must repeat themselves.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; under torchrun each process has its own.
        threads: of torch in this process; 0: as many as torch thinks best.

    Raises:
        NetworkError: no such device.
        TrainerError: a precision that the device cannot train in.
    """
    if threads:
        torch.set_num_threads(threads)
    target = find_device(device)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if config.precision == "16-mixed" and target.type != "cuda":
        raise TrainerError(
            f"float16 training needs an NVIDIA GPU, and this is {target}.",
            'Set training.precision to "bf16-mixed" or "32-true".',
        )
    _set_determinism(config.deterministic)
    # Recipes use all that they train (see `Recipe.forward`): there is nothing unused to look for.
    parallel = DDPStrategy(timeout=_LONGEST_WAIT)
    number = target.index or 0
    fabric = Fabric(
        accelerator=target.type,
        devices=here if processes > 1 else [number] if target.type == "cuda" else 1,
        num_nodes=processes // here,
        strategy=parallel if processes > 1 else "auto",
        **_precision(config, target.type),
    )
    with warnings.catch_warnings():
        # Lightning recommends tensor cores here; `bf16-mixed` is how one asks for them.
        warnings.simplefilter("ignore")
        fabric.launch()
    return fabric


def seed_everything(seed: int) -> None:
    """Puts the global random generators at the beginning of a seed's numbers."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (libraries draw from it)
    torch.manual_seed(seed)


class Autocast(MixedPrecision):
    """Mixed precision that leaves the inputs alone; autocast lowers what may be lower."""

    def convert_input(self, data: Any) -> Any:
        """As it is; Lightning would lower every tensor, and refuse frozen dataclasses."""
        return data


def _precision(config: TrainingConfig, kind: str) -> dict[str, Any]:
    if config.precision == "32-true":
        return {"precision": "32-true"}
    scaler = torch.amp.GradScaler(kind) if config.precision == "16-mixed" else None
    return {"plugins": [Autocast(config.precision, kind, scaler)]}


def _set_determinism(wanted: bool) -> None:
    if wanted:
        # Read by cuBLAS when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # What has no deterministic form is named in a warning instead of ending the training.
    torch.use_deterministic_algorithms(wanted, warn_only=True)
    torch.backends.cudnn.deterministic = wanted
    torch.backends.cudnn.benchmark = not wanted
