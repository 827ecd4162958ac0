"""A network in one safetensors file: weights, and its card in the metadata. No pickle, ever."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from reid_models.devices import find_device
from reid_models.errors import NetworkError
from reid_models.model_card import CARD_KEY, TOLD_BY_NETWORK, ModelCard, parse_card, read_card
from reid_models.registry import (
    build_config,
    config_values,
    create_model,
    entry_of,
    find_model,
)
from reid_models.roles import Role

__all__ = [
    "ModelCard",
    "load_model",
    "parse_card",
    "read_card",
    "save_model",
    "without_classifiers",
]


def without_classifiers(network: nn.Module, card: ModelCard) -> tuple[nn.Module, ModelCard]:
    """The same network without what only its training needs, in evaluation mode, and its card."""
    if not card.config.get("identities"):
        return network, card
    config = {**card.config, "identities": 0}
    bare = create_model(card.architecture, **config).eval()
    kept = bare.state_dict().keys()
    bare.load_state_dict({k: v for k, v in network.state_dict().items() if k in kept})
    return bare, replace(card, config=config_values(bare.config))


def save_model(path: Path, network: nn.Module, card: ModelCard, *, half: bool = False) -> ModelCard:
    """Writes a network and its card; the file is whole or not there.

    The same network with the same card gives the same bytes.

    Args:
        path: of the file to write, usually `*.safetensors`; one that exists is replaced.
        network: of the registry.
        card: of this network; its `sha256` is filled in.
        half: weight matrices are stored as float16, half the size; they come back as float32.

    Returns:
        The card as written.

    Raises:
        NetworkError: the card is of another network; NaN or infinite weights, or too large for
            float16; the file cannot be written.
    """
    entry = entry_of(network)
    if (card.architecture, card.config) != (entry.name, config_values(network.config)):
        raise NetworkError(
            f"The card for {path.name} is not of this network.", "Make it with ModelCard.of()."
        )
    weights = {
        name: _stored(name, tensor, half, path.name)
        for name, tensor in network.state_dict().items()
    }
    card = replace(card, sha256=_digest(weights))
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        partial.touch()
        usual_mode = partial.stat().st_mode  # safetensors makes files that only their owner reads
        # One key: safetensors writes several in a random order, and equal networks shall be equal
        # files.
        save_file(weights, partial, {CARD_KEY: card.to_json()})
        partial.chmod(usual_mode)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        raise NetworkError(
            f"{path} cannot be written: {f'{error}'.rstrip('.')}.",
            "Check that its folder exists and that the disk has room.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return card


def load_model(
    path: Path | str, device: str = "cpu", *, role: Role | None = None
) -> tuple[nn.Module, ModelCard]:
    """A network as it was saved, in evaluation mode, its weights float32.

    Args:
        path: a file that `save_model` wrote.
        device: where it is to go: "auto", "cpu", "cuda", "cuda:1" or "mps".
        role: what it must be; anything where None.

    Raises:
        NetworkError: missing, truncated or changed file, no safetensors file, no card or one of an
            unknown version, another role, an unknown architecture or setting, weights that are
            missing, too many, of another shape, NaN or infinite; no such device.
    """
    path, target = Path(path), find_device(device)
    card = read_card(path)
    if role is not None and card.role != role:
        raise NetworkError(
            f"{path.name} has the role {card.role} ({card.architecture}), not {role}.",
            f"Choose a model file of the role {role}.",
        )
    config = build_config(card.architecture, card.config)
    weights = _read_weights(path)
    if _digest(weights) != card.sha256:
        raise _damaged(path.name, "its weights are not those that were saved")
    with torch.random.fork_rng(devices=[]), _NoRandomValues():
        network = find_model(card.architecture).network_type(config)
    _check_told(network, card, path.name)
    _fill(network, weights, path.name)
    return network.to(target).eval(), card


class _NoRandomValues(TorchFunctionMode):
    """Leaves out random initial values, most of the time that building takes: all are replaced."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in (Tensor.normal_, Tensor.uniform_, Tensor.erfinv_):
            return args[0].zero_()  # torch redraws values of leftover memory for ever
        return func(*args, **(kwargs or {}))


def _stored(name: str, tensor: Tensor, half: bool, file: str) -> Tensor:
    tensor = tensor.detach().to("cpu").contiguous()
    if not torch.isfinite(tensor).all():
        raise _unusable(file, name)
    if not half or tensor.ndim < 2 or not tensor.is_floating_point():
        # Norms and their statistics take no room, and have values that float16 does not hold.
        return tensor.clone()
    small = tensor.half()
    if not torch.isfinite(small).all():
        raise NetworkError(
            f'The weight "{name}" has values that float16 does not hold.',
            f"Save {file} as float32.",
        )
    return small


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(path.name, f"{error}".rstrip(".")) from error


def _digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values, in the order of the names."""
    found = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _fill(network: nn.Module, weights: Mapping[str, Tensor], file: str) -> None:
    """Copies every weight into its place, strictly."""
    places = network.state_dict()
    problems = {
        "misses": places.keys() - weights.keys(),
        "has, beyond its network,": weights.keys() - places.keys(),
    }
    for verb, names in problems.items():
        if names:
            raise _no_match(file, f"{verb} {_some(names)}")
    for name, place in places.items():
        weight = weights[name]
        if weight.shape != place.shape:
            has, wants = tuple(weight.shape), tuple(place.shape)
            raise _no_match(file, f'has "{name}" in the shape {has} instead of {wants}')
        if weight.is_floating_point() != place.is_floating_point():
            raise _no_match(file, f'has "{name}" as {weight.dtype} instead of {place.dtype}')
        if not torch.isfinite(weight).all():
            raise _unusable(file, name)
        place.copy_(weight)


def _check_told(network: nn.Module, card: ModelCard, file: str) -> None:
    """What the card says about the network must be what the network says."""
    for key in TOLD_BY_NETWORK:
        own, said = getattr(network, key, None), getattr(card, key)
        if own != said:
            raise NetworkError(
                f"The card of {file} says {key} = {said}, but its network has {own}.",
                "Export the network again.",
            )


def _some(names: set[str]) -> str:
    first = sorted(names)[:3]
    more = f" and {len(names) - len(first)} more" if len(names) > len(first) else ""
    return ", ".join(f'"{name}"' for name in first) + more


def _damaged(file: str, reason: str) -> NetworkError:
    return NetworkError(
        f"{file} is damaged or was cut off: {reason}.", "Download or export it again."
    )


def _no_match(file: str, problem: str) -> NetworkError:
    return NetworkError(
        f"The weights of {file} do not fit its card: the file {problem}.",
        "Export the network again, with the program that trained it.",
    )


def _unusable(file: str, name: str) -> NetworkError:
    return NetworkError(
        f'The weight "{name}" of {file} has NaN or infinite values.',
        "Use another file, or a training that did not diverge.",
    )
