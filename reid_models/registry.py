"""Every network by name. A new one is one file and one line here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from reid_models.errors import NetworkError
from reid_models.roles import Role

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ModelEntry:
    """A network that can be built by name; its module is imported when it is first asked for.

    Attributes:
        name: under which users know it.
        role: "embedder", "aggregator" or "reranker".
        module: where its two classes stand.
        network: name of the class, built as `Network(config)`.
        config: name of its configuration's class; by default the network's name and "Config".
    """

    name: str
    role: Role
    module: str
    network: str
    config: str = ""

    @property
    def config_type(self) -> type[Any]:
        """Its configuration: a frozen dataclass whose fields JSON can hold."""
        return self._class(self.config or f"{self.network}Config")

    @property
    def network_type(self) -> type[nn.Module]:
        """The class of the network."""
        return self._class(self.network)

    def _class(self, name: str) -> type[Any]:
        found: type[Any] = getattr(import_module(self.module), name)
        return found


_ENTRIES = (
    ModelEntry("transreid", "embedder", "reid_models.transreid", "TransReID"),
    ModelEntry("xreid", "embedder", "reid_models.xreid", "XReID"),
    ModelEntry("rrid", "embedder", "reid_models.rrid", "RRID"),
    ModelEntry(
        "nformer_encoder", "embedder", "reid_models.nformer", "NFormerEncoder", "NFormerConfig"
    ),
    ModelEntry("nformer", "aggregator", "reid_models.nformer", "NFormer"),
    ModelEntry("cacenet", "reranker", "reid_models.cacenet", "CACENet"),
)
MODELS: dict[str, ModelEntry] = {entry.name: entry for entry in _ENTRIES}


def list_models(role: Role | None = None) -> list[str]:
    """Names of all networks, or of those of one role."""
    return [entry.name for entry in MODELS.values() if role in (None, entry.role)]


def find_model(name: str) -> ModelEntry:
    """The entry of a network.

    Raises:
        NetworkError: unknown name.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise NetworkError(
            f'There is no network "{name}".', f"Choose one of {', '.join(MODELS)}."
        ) from None


def entry_of(network: nn.Module) -> ModelEntry:
    """The entry that a network was built from.

    Raises:
        NetworkError: its class is not in the registry.
    """
    kind = type(network)
    for entry in MODELS.values():
        if (entry.module, entry.network) == (kind.__module__, kind.__name__):
            return entry
    raise NetworkError(
        f"{kind.__name__} is not in the registry of networks.",
        f"Use one of {', '.join(entry.network for entry in MODELS.values())}.",
    )


def build_config(name: str, values: Mapping[str, Any]) -> Any:
    """A checked configuration of the network `name`.

    Args:
        name: of the network.
        values: some or all keys of its configuration, as JSON or Python hold them.

    Raises:
        NetworkError: unknown name or key, wrong type, impossible value.
    """
    config_type = find_model(name).config_type
    known = [field.name for field in fields(config_type)]
    for key in values:
        if key not in known:
            raise NetworkError(
                f'"{key}" is no setting of {name}.', f"Its settings are {', '.join(known)}."
            )
        if not _is_plain(values[key]):
            raise NetworkError(
                f'The setting "{key}" of {name} cannot be a {type(values[key]).__name__}.',
                "Use numbers, texts, lists, true or false.",
            )
    try:
        # By way of JSON: then lists are tuples and 1 is 1.0, but "1" is still no number.
        return TypeAdapter(config_type).validate_json(json.dumps(dict(values)), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or ", ".join(values)
        raise NetworkError(
            f'{name} has a problem at the setting "{key}": {first["msg"]}.',
            f"Correct it; the settings are {', '.join(known)}.",
        ) from error


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, bool | int | float | str)


def config_values(config: Any) -> dict[str, Any]:
    """A configuration as JSON holds it; `build_config` turns it back."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return values


def create_model(name: str, **config: Any) -> nn.Module:
    """A new network with random weights, in training mode.

    Args:
        name: one of `list_models()`.
        **config: keys of its configuration; the rest has its default.

    Raises:
        NetworkError: unknown name or key, wrong type, impossible value.
    """
    return find_model(name).network_type(build_config(name, config))
