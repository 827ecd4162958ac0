"""Published checkpoints of the papers: into our networks, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from operator import index
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from reid_models.convert.report import ConversionReport
from reid_models.errors import NetworkError
from reid_models.state_dicts import read_state, unwrapped

__all__ = ["METHODS", "ConversionReport", "convert_official", "load_official"]

# X-ReID's code and weights were never published.
METHODS = ("transreid", "nformer", "rrid", "cacenet")


def load_official(
    method: str,
    state_dict_or_path: Mapping[str, Any] | Path | str,
    *,
    image_size: tuple[int, int] = (256, 128),
    **overrides: Any,
) -> nn.Module:
    """The network of a published checkpoint, in evaluation mode, float32 on the processor.

    Args:
        method: one of `METHODS`.
        state_dict_or_path: published keys and tensors, or a file of them (.pth, .safetensors).
        image_size: height and width that it was trained with; RRID, which cannot take the
            default, then gets its published (384, 128).
        **overrides: settings that the weights do not tell, or that are to differ.

    Raises:
        NetworkError: unknown method or setting; a file that is missing, damaged or needs to run
            code; keys or shapes that are not of this method.
    """
    return convert_official(method, state_dict_or_path, image_size=image_size, **overrides)[0]


def convert_official(
    method: str,
    state_dict_or_path: Mapping[str, Any] | Path | str,
    *,
    image_size: tuple[int, int] = (256, 128),
    **overrides: Any,
) -> tuple[nn.Module, ConversionReport]:
    """As `load_official`, and what became of each key."""
    if method not in METHODS:
        raise NetworkError(
            f'There are no published checkpoints of "{method}".',
            f"Choose one of {', '.join(METHODS)}.",
        )
    size = _checked_size(image_size)
    if isinstance(state_dict_or_path, Mapping):
        state = unwrapped(state_dict_or_path, "the checkpoint")
    else:
        state = read_state(Path(state_dict_or_path))
    _check_shapes(state)
    convert = import_module(f"{__name__}.{method}").convert
    network, report = convert(state, size, overrides)
    return network.eval(), report


def _checked_size(image_size: tuple[int, int]) -> tuple[int, int]:
    try:
        height_px, width_px = (index(each) for each in image_size)
    except (TypeError, ValueError):
        height_px = width_px = 0
    if min(height_px, width_px) < 1:
        raise NetworkError(
            f"{image_size!r} is no image size.",
            "Give height and width in whole pixels, such as (256, 128).",
        )
    return height_px, width_px


def _check_shapes(state: Mapping[str, Tensor]) -> None:
    """Refuses single numbers where the methods read widths and counts off the shapes."""
    for key, tensor in state.items():
        if tensor.ndim == 0 and not key.endswith(".num_batches_tracked"):
            raise NetworkError(
                f'"{key}" is a single number; no published network has such a weight.',
                "Choose the state dict that the published code saved, unchanged.",
            )
