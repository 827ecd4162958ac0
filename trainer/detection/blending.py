"""Weights between those a training began with and those it ended with, and scores moved as one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from reid_models.ultralytics_setup import import_ultralytics
from trainer.detection.one_class import keep_person
from trainer.errors import TrainerError


@dataclass(frozen=True)
class Blend:
    """How a trained detector is changed before it is exported.

    Attributes:
        start: the .pt file whose weights are mixed in; None: none.
        share: of the trained weights in the mix; the rest is the start's. A network in the middle
            keeps what the start knows of other places (WiSE-FT, Wortsman et al., arXiv:2109.01903).
        log_odds: added to the log-odds of every score. A mix is less sure than its ends; this moves
            its best threshold to where the application has its own.
    """

    start: Path | None = None
    share: float = 1.0
    log_odds: float = 0.0

    def __post_init__(self) -> None:
        """Raises TrainerError where the share is none, or of nothing."""
        if not 0 <= self.share <= 1:
            raise TrainerError(f"A share of {self.share} is impossible.", "Give one from 0 to 1.")
        if (self.start is None) != (self.share == 1):
            raise TrainerError(
                "A share needs a file to mix with, and a file a share.",
                "Give --blend-with and --share together.",
            )


def write_blended(weights: Path, blend: Blend, out: Path) -> None:
    """Writes a checkpoint of ultralytics with blended weights, for export only.

    The figures of the trained network's validation are left out where they no longer hold.

    Args:
        weights: the trained checkpoint (.pt), of one class.
        blend: with what, and how.
        out: the .pt file to write.

    Raises:
        TrainerError: the start cannot be read, or is another network.
    """
    network, checkpoint = _loaded(weights)
    if blend.start is not None:
        _mix(network, _loaded(blend.start)[0], blend)
    with torch.no_grad():
        for branch in network.model[-1].cv3:
            branch[-1].bias += blend.log_odds
    figures = checkpoint.get("train_metrics") if blend == Blend() else None
    state = {"model": network, "ema": None, "optimizer": None, "train_metrics": figures}
    torch.save(checkpoint | state, out)


def _loaded(weights: Path) -> tuple[Any, dict[str, Any]]:
    import_ultralytics()
    from ultralytics.nn.tasks import load_checkpoint

    try:
        network, checkpoint = load_checkpoint(str(weights))
    except Exception as error:
        # Whatever a loader trips over in a file of unknown origin is about that file.
        raise TrainerError(
            f"{weights} cannot be read as a detector: {error}.", "Give a .pt file of ultralytics."
        ) from error
    network = network.float()
    return (network if len(network.names) == 1 else keep_person(network)), checkpoint


def _mix(network: Any, start: Any, blend: Blend) -> None:
    ours, its = network.state_dict(), start.state_dict()
    if {name: one.shape for name, one in ours.items()} != {
        name: one.shape for name, one in its.items()
    }:
        raise TrainerError(
            f"{blend.start} is another network than the trained one.",
            "Give the file that its training began with.",
        )
    for name, values in ours.items():
        if values.is_floating_point():  # in place: the network's own
            values.lerp_(its[name], 1 - blend.share)
