"""Fine-tuning: what fits of another training's weights, and a report of what did not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reid_models.backbones.positions import resize_positions
from reid_models.convert import METHODS, convert_official
from reid_models.model_card import read_card
from reid_models.model_file import load_model
from reid_models.registry import entry_of
from trainer.errors import TrainerError

_POSITIONS = "pos_embed"


@dataclass(frozen=True)
class PartialLoad:
    """What became of the weights of a file; names are keys of the network or the file.

    Attributes:
        source: the file.
        used: copied.
        resized: positions that were interpolated to this network's grid.
        misfits: in both, of another shape: with both shapes.
        missing: of the network only; like the misfits they keep their fresh values.
        unused: of the file only.
    """

    source: str
    used: tuple[str, ...]
    resized: tuple[str, ...]
    misfits: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report for people."""
        kinds = {
            "resized": self.resized,
            "of another shape, fresh": self.misfits,
            "not in the file, fresh": self.missing,
            "not used": self.unused,
        }
        return [f"{self.source}: {len(self.used) + len(self.resized)} weights taken"] + [
            f"  {kind} ({len(names)}): {', '.join(names[:6])}{', …' if len(names) > 6 else ''}"
            for kind, names in kinds.items()
            if names
        ]


def load_partially(network: nn.Module, path: Path) -> PartialLoad:
    """Copies every weight that fits by name and shape; positions of a ViT are resized.

    Args:
        network: of the registry, with fresh weights.
        path: a model file of ours (`*.safetensors`), or a published checkpoint of the method.

    Raises:
        NetworkError: a file that is missing, damaged or not of this method.
        TrainerError: nothing in it fits.
    """
    source = _other_network(network, path)
    state, places = source.state_dict(), network.state_dict()
    misfits: list[str] = []
    used: list[str] = []
    resized: list[str] = []
    with torch.no_grad():
        for name in places.keys() & state.keys():
            weight = _fitting(name, state[name], network, source)
            if weight.shape != places[name].shape:
                misfits.append(f"{name} {tuple(weight.shape)} → {tuple(places[name].shape)}")
                continue
            (used if weight is state[name] else resized).append(name)
            places[name].copy_(weight)
    if not used:
        raise TrainerError(
            f"No weight of {path.name} fits {type(network).__name__}.",
            "Choose a file of the same architecture and width.",
        )
    return PartialLoad(
        path.name,
        used=tuple(sorted(used)),
        resized=tuple(sorted(resized)),
        misfits=tuple(sorted(misfits)),
        missing=tuple(sorted(places.keys() - state.keys())),
        unused=tuple(sorted(state.keys() - places.keys())),
    )


def _other_network(network: nn.Module, path: Path) -> nn.Module:
    if path.suffix == ".safetensors":
        read_card(path)  # a clear error where it is none of ours
        return load_model(path)[0]
    name = entry_of(network).name
    method = "nformer" if name == "nformer_encoder" else name
    if method not in METHODS:
        raise TrainerError(
            f"{path.name} is no model file, and {method} has no published checkpoints.",
            "Choose a *.safetensors file, such as `python -m trainer convert` or `export` writes.",
        )
    size = getattr(network, "input_size_px", None) or (256, 128)
    found: Any = convert_official(method, path, image_size=size)[0]
    if name != "nformer_encoder":
        return found
    encoder: nn.Module = found.encoder
    return encoder


def _fitting(name: str, weight: Tensor, network: Any, source: Any) -> Tensor:
    """The weight, resized if it is the positions of another grid."""
    if not name.endswith(_POSITIONS) or not hasattr(source.config, "grid"):
        return weight
    return resize_positions(weight, network.config.grid, source.config.grid)
