"""Weights that others saved: read from their files without running anything that is in them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from reid_models.errors import NetworkError

# Under these keys a training's checkpoint holds its weights, and what parallel training and
# compilation put before each key.
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")


def read_state(path: Path) -> dict[str, Tensor]:
    """The weights in a file, on the processor, without `module.` and other wrappers.

    Args:
        path: a `.safetensors` file; whatever has another ending is read as torch saves.

    Raises:
        NetworkError: missing, damaged, or a pickled network instead of weights; NaN.
    """
    if not path.is_file():
        raise NetworkError(f"There is no file {path}.", "Check the path, or choose another file.")
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
    while isinstance(content, Mapping):
        inner = [key for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner:
            break
        content = content[inner[0]]
    if not isinstance(content, Mapping) or not content:
        raise NetworkError(
            f"There are no weights in {name}, but {_kind(content)}.",
            "Choose a checkpoint with a state dict.",
        )
    state: dict[str, Tensor] = {}
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise NetworkError(
                f'There is {_kind(value)} at the key "{key}" of {name}, where weights were '
                "expected.",
                "Choose a checkpoint with a state dict.",
            )
        if not torch.isfinite(value).all():
            raise NetworkError(
                f'The weight "{key}" of {name} has NaN or infinite values.',
                "Download it again, or choose another checkpoint.",
            )
        state[_without_prefixes(str(key))] = value.detach()
    return state


def _without_prefixes(key: str) -> str:
    while key.startswith(_PREFIXES):
        key = key.partition(".")[2]
    return key


def _refused(name: str, error: pickle.UnpicklingError) -> NetworkError:
    """A pickle that asks for more than tensors, or is none."""
    if "global" not in str(error).lower():
        return _damaged(name, "it is no archive of weights")
    return NetworkError(
        f"{name} is a pickled program object (RRID publishes its network so), not just weights; "
        "reading it would run whatever code it holds, so it was not read.",
        "Where you trust it and nothing can be harmed, such as a container, take the weights out "
        "with the published code beside it: network = torch.load(file, weights_only=False); "
        'torch.save(network.module.state_dict(), "weights.pth"); then use weights.pth.',
    )


def _damaged(name: str, reason: str) -> NetworkError:
    return NetworkError(
        f"{name} is damaged or of another kind: {reason}.",
        "Download it again; it must be a .pth file of weights, or a .safetensors file.",
    )


def _kind(value: Any) -> str:
    if value is None or (isinstance(value, Mapping) and not value):
        return "nothing"
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiouAEIOU" else f"a {kind}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].split(". ")[0][:200].rstrip(".") if lines else type(error).__name__
