"""Weights of other trainings (ImageNet), by timm name or from a local file; never by pickle."""

from __future__ import annotations

import difflib
import logging
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models import get_pretrained_cfg, load_state_dict_from_hf
from torch import Tensor, nn

from reid_models.backbones.vit import resize_positions
from reid_models.errors import NetworkError

_LOG = logging.getLogger(__name__)
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".tar")
# Where published files keep the weights, and what parallel training puts before each key.
_WRAPPERS = ("state_dict", "model")
_PARALLEL_PREFIX = "module."


@dataclass(frozen=True)
class PretrainedReport:
    """What became of pretrained weights.

    Attributes:
        source: timm name or file.
        used: keys of the source that were copied.
        resized: keys of the source that were copied after interpolation.
        missing: keys of the network that the source does not have; they keep their fresh values.
        unused: keys of the source that have no place in the network.
    """

    source: str
    used: tuple[str, ...]
    resized: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        parts = (
            f"{len(self.used)} tensors used",
            f"resized: {', '.join(self.resized) or 'none'}",
            f"fresh: {', '.join(self.missing) or 'none'}",
            f"not used: {', '.join(self.unused) or 'none'}",
        )
        return f"{self.source}: {'; '.join(parts)}"


def read_weights(source: str | Path) -> dict[str, Tensor]:
    """Weights by timm name (downloaded once, then from the cache) or from a local file.

    Args:
        source: such as "vit_base_patch16_224.orig_in21k_ft_in1k", or a path to a
            `.safetensors`, `.pth`, `.pt`, `.bin` or `.tar` file.

    Raises:
        NetworkError: unknown name, no network, no such file, a file that is damaged or holds
            anything but tensors.
    """
    path = Path(source)
    if path.suffix in _SUFFIXES or path.is_file() or len(path.parts) > 1:
        return _unwrapped(_read_file(path), path.name)
    return _unwrapped(_download(str(source)), str(source))


def copy_weights(
    network: nn.Module,
    state: Mapping[str, Tensor],
    targets: Mapping[str, tuple[str, ...]],
    source: str,
    resized: tuple[str, ...] = (),
) -> PretrainedReport:
    """Copies each weight to all its places.

    Args:
        network: gets the weights.
        state: pretrained weights.
        targets: key of `state` → keys of `network`.
        source: where `state` is from, for messages.
        resized: keys of `state` that were interpolated to fit; for the report.

    Returns:
        The report, also logged.

    Raises:
        NetworkError: a key of `targets` that `state` lacks, or has in another shape.
    """
    places = network.state_dict()
    for key, names in targets.items():
        if key not in state:
            raise _does_not_fit(source, f'it has no "{key}"')
        for name in names:
            if state[key].shape != places[name].shape:
                has, wants = tuple(state[key].shape), tuple(places[name].shape)
                raise _does_not_fit(source, f'its "{key}" has the shape {has} instead of {wants}')
    with torch.no_grad():
        for key, names in targets.items():
            for name in names:
                places[name].copy_(state[key])
    filled = {name for names in targets.values() for name in names}
    report = PretrainedReport(
        source,
        used=tuple(key for key in targets if key not in resized),
        resized=resized,
        missing=tuple(name for name in places if name not in filled),
        unused=tuple(key for key in state if key not in targets),
    )
    _LOG.info("Pretrained weights of %s", report)
    return report


def fit_positions(
    state: dict[str, Tensor],
    grid: tuple[int, int],
    source_grid: tuple[int, int] | None = None,
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Weights of a ViT whose positions fit another grid, and the keys that were changed for it.

    The distillation token of a DeiT has no place here; its position goes too.

    Args:
        state: of timm's layout; stays as it is.
        grid: rows and columns wanted.
        source_grid: rows and columns that `state` has; None: a square.

    Raises:
        NetworkError: positions that are no such grid.
    """
    positions = state.get("pos_embed")
    if positions is None:
        return state, ()
    # Differs from the published code: that one looks for "distilled" in the file's name.
    if "dist_token" in state:
        positions = torch.cat((positions[:, :1], positions[:, 2:]), dim=1)
    resized = resize_positions(positions, grid, source_grid)
    changed = () if resized is state["pos_embed"] else ("pos_embed",)
    return {**state, "pos_embed": resized}, changed


def _read_file(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise NetworkError(
            f"There is no file {path}.", "Check the path, or name a model of timm."
        ) from error
    except pickle.UnpicklingError as error:
        if "Unsupported" not in str(error):
            raise _damaged(path, error) from error
        raise NetworkError(
            f"{path.name} holds more than weights, and opening it would run its code.",
            "Save its state dict alone, in a place where running it does no harm.",
        ) from error
    except (OSError, EOFError, RuntimeError, SafetensorError) as error:
        raise _damaged(path, error) from error


def _download(name: str) -> Any:
    if not timm.is_model(name.split(".")[0]):
        near = difflib.get_close_matches(name, timm.list_pretrained(), n=3)
        raise NetworkError(
            f'timm has no pretrained model "{name}".',
            f"Did you mean {' or '.join(near)}?" if near else "See timm.list_pretrained().",
        )
    config = get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        raise NetworkError(
            f'timm has no weights for "{name}".', "Choose one of timm.list_pretrained()."
        )
    try:
        return load_state_dict_from_hf(config.hf_hub_id, weights_only=True)
    except OSError as error:  # what the hub raises without network, and for what it does not have
        raise NetworkError(
            f'The weights "{name}" are not in the cache and cannot be downloaded: '
            f"{type(error).__name__}.",
            f"Connect to the network once; or fetch model.safetensors from "
            f"https://huggingface.co/{config.hf_hub_id} elsewhere and give its path instead.",
        ) from error


def _unwrapped(content: Any, source: str) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    state = (
        {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    if not state:
        raise NetworkError(f"{source} holds no weights.", "Choose a file with a state dict.")
    if all(key.startswith(_PARALLEL_PREFIX) for key in state):
        state = {key.removeprefix(_PARALLEL_PREFIX): value for key, value in state.items()}
    return state


def _damaged(path: Path, error: BaseException) -> NetworkError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return NetworkError(f"{path.name} cannot be read as weights: {reason}.", "Download it again.")


def _does_not_fit(source: str, reason: str) -> NetworkError:
    return NetworkError(
        f"The pretrained weights {source} do not fit the network: {reason}.",
        "Choose weights of the same architecture and size.",
    )
