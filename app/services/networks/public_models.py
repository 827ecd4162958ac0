"""Networks of others that are installed by their name alone: `resources/models/public.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.checksum import sha256_of
from app.core.networks import ModelRole, parts_of
from app.language import tr
from app.services.networks.download import megabytes
from app.settings import models_dir, public_models_file


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A file to be downloaded.

    Attributes:
        name: that it gets here.
        address: https.
        sha256: hexadecimal; None: not known, so not checked.
    """

    name: str
    address: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PublicModel:
    """A network that others publish.

    Attributes:
        name: by which it is installed.
        publisher: who answers for it.
        page: where they describe it.
        purpose: what it is good for; a sentence.
        files: the weights first.
        size_bytes: of all of them.
        card: what becomes `<file>.card.toml`, see `app.core.networks.NetworkCard`.
    """

    name: str
    role: ModelRole
    publisher: str
    page: str
    purpose: str
    files: tuple[PublicFile, ...]
    size_bytes: int
    card: Mapping[str, Any]

    @property
    def is_installed(self) -> bool:
        """Whether a file of that name lies in the user's models folder."""
        return (models_dir(self.role) / self.files[0].name).is_file()


def public_models() -> tuple[PublicModel, ...]:
    """All of them, in the order of the list."""
    path = public_models_file()
    if not path.is_file():
        return ()
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(_model(each) for each in values["network"])


def find_public_model(source: str) -> PublicModel | None:
    """The one of that name, which may have the ending of its file."""
    for model in public_models():
        if source in (model.name, model.files[0].name):
            return model
    return None


def published_as(path: Path) -> PublicModel | None:
    """The one whose very files these are, by their SHA-256; raises OSError."""
    found = [sha256_of(part) for part in parts_of(path)]
    for model in public_models():
        if [each.sha256 for each in model.files] == found:
            return model
    return None


def offer_text(model: PublicModel) -> str:
    """Who publishes it, under which terms, and how large it is, in a line."""
    return tr(
        "{publisher} · {size} · terms: {terms}",
        publisher=model.publisher,
        size=megabytes(model.size_bytes),
        terms=model.card["terms"],
    )


def reach_text(model: PublicModel) -> str:
    """What it is good for, and what it reaches."""
    reaches = [f"{name} {value:.3g}" for name, value in model.card["metrics"].items()]
    return f"{model.purpose} {', '.join(reaches)}"


def _model(values: Mapping[str, Any]) -> PublicModel:
    files = values["file"]
    return PublicModel(
        name=values["name"],
        role=values["role"],
        publisher=values["publisher"],
        page=values["page"],
        purpose=tr(values["purpose"]),
        files=tuple(
            PublicFile(each["name"], values["address"] + each["name"], each["sha256"])
            for each in files
        ),
        size_bytes=sum(each["size_bytes"] for each in files),
        card=values["card"],
    )
