"""Published checkpoints of the five papers, read without running anything that is in them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from reid_models.convert.report import ConversionReport
from reid_models.errors import NetworkError

__all__ = ["METHODS", "ConversionReport", "convert_official", "load_official", "read_state"]

# X-ReID's code and weights were never published.
METHODS = ("transreid", "nformer", "rrid", "cacenet")
# Under these keys a training's checkpoint holds its weights.
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIX = "module."


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
        image_size: height and width that it was trained with.
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
    height_px, width_px = image_size
    if min(height_px, width_px) < 1:
        raise NetworkError(
            f"An image size of {height_px} × {width_px} is none.",
            "Give height and width in pixels.",
        )
    if isinstance(state_dict_or_path, Mapping):
        state = unwrapped(state_dict_or_path, "The checkpoint")
    else:
        state = read_state(Path(state_dict_or_path))
    convert = import_module(f"{__name__}.{method}").convert
    network, report = convert(state, (height_px, width_px), overrides)
    return network.eval(), report


def read_state(path: Path) -> dict[str, Tensor]:
    """The weights in a file, without `module.` and other wrappers.

    Raises:
        NetworkError: missing, damaged, or a pickled network instead of weights.
    """
    if not path.is_file():
        raise NetworkError(
            f"The checkpoint {path} does not exist.", "Check the path, or choose another file."
        )
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(path.name, error) from error
    except Exception as error:
        # On bytes that are no pickle, the unpickler fails in as many ways as there are bytes.
        raise _damaged(path.name, _first_line(error)) from error
    return unwrapped(content, path.name)


def unwrapped(content: Any, name: str) -> dict[str, Tensor]:
    """The weights in what a checkpoint holds.

    Args:
        content: a state dict, alone or beside epoch and optimiser, with or without `module.`.
        name: of the file, for messages.

    Raises:
        NetworkError: no weights, or NaN or infinite ones.
    """
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content:
        raise NetworkError(
            f"{name} holds no weights, but {_kind(content)}.",
            "Choose a checkpoint with a state dict.",
        )
    state: dict[str, Tensor] = {}
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise NetworkError(
                f'{name} has {_kind(value)} at the key "{key}", where weights were expected.',
                "Choose a checkpoint with a state dict.",
            )
        if not torch.isfinite(value).all():
            raise NetworkError(
                f'The weight "{key}" of {name} has NaN or infinite values.',
                "Download it again, or choose another checkpoint.",
            )
        state[str(key).removeprefix(_PREFIX)] = value.detach()
    return state


def _refused(name: str, error: pickle.UnpicklingError) -> NetworkError:
    """A pickle that asks for more than tensors, or is none."""
    if "global" not in str(error).lower():
        return _damaged(name, "it is no archive of weights")
    return NetworkError(
        f"{name} is a pickled program object (RRID publishes its network so), not just weights; "
        "reading it would run whatever code it holds, so it was not read.",
        "Where you trust it and nothing can be harmed, such as a container, take the weights out "
        "with the published code beside it: network = torch.load(file, weights_only=False); "
        'torch.save(network.module.state_dict(), "weights.pth"); then convert weights.pth.',
    )


def _damaged(name: str, reason: str) -> NetworkError:
    return NetworkError(
        f"The checkpoint {name} is damaged or of another kind: {reason}.",
        "Download it again; it must be a .pth file of weights, or a .safetensors file.",
    )


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
