"""The card of a network: what a program must know before it loads the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from reid_models.errors import NetworkError
from reid_models.image_hashes import HashSample
from reid_models.registry import config_values, entry_of, find_model
from reid_models.roles import Role

if TYPE_CHECKING:
    from torch import nn

# What a network's attributes and its card both say.
TOLD_BY_NETWORK = ("embedding_dim", "input_size_px", "mean", "std")
CARD_KEY = "reid_model_card"
FORMAT_VERSION = 1
# A header longer than this is no header; safetensors itself draws the same line.
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class ModelCard:
    """What a model file says of its network; JSON in the file's metadata.

    Attributes:
        architecture: name in the registry.
        role: "embedder", "aggregator" or "reranker".
        config: the network's configuration, every key.
        embedding_dim: length of the vectors it makes or refines; None if it has none.
        input_size_px: height and width of its crops; None for an aggregator.
        mean: of each channel (RGB, values 0..1); None for an aggregator.
        std: of each channel, likewise.
        camera_table: camera name → id, of the cameras in the training.
        requires_embedder: `id` of the embedder whose vectors it refines; None where any will do.
        trained_on: the data sets, with what was held out of them, such as "con-reid" and
            "market1501_601#holdout=100,seed=0".
        image_hashes: a sample of the images it was trained on; None where that is not known.
        terms: terms of use of that data, and hence of the weights.
        metrics: results measured with it, such as {"market1501 mAP": 0.88}.
        command: that trained it; "" where that is not known.
        seed: of that training, likewise None.
        sha256: of the weights, hexadecimal; written by `save_model`.
        format_version: of this card.
    """

    architecture: str
    role: Role
    config: dict[str, Any]
    embedding_dim: int | None = None
    input_size_px: tuple[int, int] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    camera_table: dict[str, int] = field(default_factory=dict)
    requires_embedder: str | None = None
    trained_on: tuple[str, ...] = ()
    image_hashes: HashSample | None = None
    terms: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    command: str = ""
    seed: int | None = None
    sha256: str = ""
    format_version: int = FORMAT_VERSION

    @property
    def id(self) -> str:
        """Architecture + 12 digits that change with whatever changes the vectors."""
        decisive = {
            "config": self.config,
            "input_size_px": self.input_size_px,
            "mean": self.mean,
            "std": self.std,
            "camera_table": self.camera_table,
            "weights": self.sha256,
        }
        text = json.dumps(decisive, sort_keys=True)
        return f"{self.architecture}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @classmethod
    def of(cls, network: nn.Module, **facts: Any) -> ModelCard:
        """The card of a network of the registry.

        Args:
            network: tells architecture, configuration, size and normalisation.
            **facts: what it cannot tell: camera_table, requires_embedder, trained_on,
                image_hashes, terms, metrics, command, seed.

        Raises:
            NetworkError: its class is not in the registry; an impossible fact.
        """
        entry = entry_of(network)
        told: dict[str, Any] = {key: getattr(network, key, None) for key in TOLD_BY_NETWORK}
        config = config_values(network.config)
        card = cls(architecture=entry.name, role=entry.role, config=config, **told)
        return parse_card(replace(card, **facts).to_json(), "the new card")

    def to_json(self) -> str:
        """The card as it stands in the file."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)


def parse_card(text: str, name: str) -> ModelCard:
    """A checked card.

    Args:
        text: JSON.
        name: of the file, for messages.

    Raises:
        NetworkError: no JSON, unknown version or architecture, wrong role, key or type.
    """
    try:
        values = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise _bad_card(name, "is not a JSON object")
    version = values.get("format_version")
    if version != FORMAT_VERSION:
        raise NetworkError(
            f"{name} has a card of version {version!r}; this program reads {FORMAT_VERSION}.",
            "Update the program, or export the network again.",
        )
    unknown = sorted(values.keys() - {each.name for each in fields(ModelCard)})
    if unknown:
        raise _bad_card(name, f'has the unknown key "{unknown[0]}"')
    try:
        card = TypeAdapter(ModelCard).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise _bad_card(name, f'has a problem at "{key}": {first["msg"]}') from error
    _check_meaning(card, name)
    return card


def read_card(path: Path) -> ModelCard:
    """The card of a model file; fast, since neither torch nor the weights are loaded.

    Raises:
        NetworkError: no such file, no safetensors file, no card in it, or a card with a fault.
    """
    return parse_card(card_text(read_metadata(path), path.name), path.name)


def read_metadata(path: Path) -> Mapping[str, Any]:
    """What the header of a safetensors file says beside its tensors.

    Raises:
        NetworkError: no such file, or its beginning is no header.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if 0 < length <= _LONGEST_HEADER else None
    except OSError as error:
        raise NetworkError(
            f"The model file {path} cannot be read: {error.strerror or error}.",
            "Check the path, or choose another file.",
        ) from error
    except (ValueError, RecursionError):  # JSON or text that ends, is none or has no end
        header = None
    if not isinstance(header, dict):
        raise NetworkError(
            f"{path.name} is no safetensors file, or was cut off.",
            "Download or export it again; published .pth files are taken by "
            "`python -m trainer convert`.",
        )
    metadata = header.get("__metadata__", {})
    return metadata if isinstance(metadata, dict) else {}


def card_text(metadata: Mapping[str, Any], name: str) -> str:
    """The card in the metadata of a file.

    Raises:
        NetworkError: there is none.
    """
    try:
        return str(metadata[CARD_KEY])
    except KeyError:
        raise NetworkError(
            f"{name} holds weights, but no card that tells which network they are of.",
            "Convert it with `python -m trainer convert`, or export the network again.",
        ) from None


def _check_meaning(card: ModelCard, name: str) -> None:
    entry = find_model(card.architecture)
    if card.role != entry.role:
        raise _bad_card(
            name, f"says that {card.architecture} has the role {card.role}, not {entry.role}"
        )
    if sorted(card.camera_table.values()) != list(range(len(card.camera_table))):
        raise _bad_card(name, "has a camera table whose ids are not 0, 1, 2, …")
    known, named = card.config.get("cameras"), len(card.camera_table)
    if isinstance(known, int) and named > known:
        raise NetworkError(
            f"The card of {name} names {named} cameras, but its network knows {known}.",
            "Name the cameras of its training only, in the order of their numbers.",
        )
    if card.image_hashes is not None:
        card.image_hashes.hashes()
    if min(card.std or (1,)) <= 0 or min(card.input_size_px or (1,)) < 1:
        raise _bad_card(name, "has a std or input size that is not above 0")


def _bad_card(name: str, problem: str) -> NetworkError:
    return NetworkError(f"The card of {name} {problem}.", "Export the network again.")
