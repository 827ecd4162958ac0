"""What a weights file is: its role, found by loading it, and what its card tells of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.core.errors import ModelError
from app.core.networks import ModelFacts, ModelRole
from app.vision.embedders import EMBEDDERS, load_embedder
from app.vision.model_files import MODEL_FILE_SUFFIX, told_to_user
from app.vision.refiners import load_aggregator
from app.vision.yolo_detector import DETECTORS, load_detector
from reid_models.model_card import read_card

# Beside files that cannot hold a card themselves: `<file>.card.toml`.
FACTS_SUFFIX = ".card.toml"
_TOLD_BESIDE = ("architecture", "trained_on", "terms", "metrics", "command", "seed")


def recognise(path: Path, wanted: ModelRole | None = None, device: str = "auto") -> ModelRole:
    """The role of a weights file, which is loaded and run once; takes some seconds.

    Args:
        path: the file.
        wanted: the role it must have; None: whichever it has.
        device: to try it on.

    Raises:
        ModelError: it is damaged, of an unknown kind, or of another role.
    """
    suffix = path.suffix.lower()
    if suffix == MODEL_FILE_SUFFIX:
        return _tried_model_file(path, wanted, device)
    candidates: list[ModelRole] = []
    # An embedder first: to find out that it is none takes less time.
    candidates += ["embedder"] if suffix in EMBEDDERS else []
    candidates += ["detector"] if suffix in DETECTORS else []
    if not candidates:
        known = ", ".join(dict.fromkeys([*DETECTORS, *EMBEDDERS]))
        raise ModelError(f"{path.name} is no weights file.", f"Choose one that ends in {known}.")
    if wanted is not None:
        candidates = [wanted]
    reasons: dict[ModelRole, ModelError] = {}
    for role in candidates:
        try:
            _try(path, role, device)
        except ModelError as error:
            reasons[role] = error
        else:
            return role
    if len(reasons) == 1:
        raise next(iter(reasons.values()))
    told = " ".join(f"As {role}: {error.message}" for role, error in reasons.items())
    raise ModelError(
        f"{path.name} can be used neither as embedder nor as detector. {told}",
        "Choose another file, or name its role to be told what to do.",
    )


def read_facts(path: Path, role: ModelRole) -> ModelFacts:
    """What a weights file tells its users; fast, nothing is loaded.

    Raises:
        ModelError: its card cannot be read.
    """
    if path.suffix.lower() == MODEL_FILE_SUFFIX:
        with told_to_user(role):
            card = read_card(path)
        return ModelFacts(
            card.architecture,
            card.requires_embedder,
            card.trained_on,
            card.terms,
            card.metrics,
            card.command,
            card.seed,
        )
    beside = path.with_name(path.name + FACTS_SUFFIX)
    try:
        values = tomllib.loads(beside.read_text(encoding="utf-8"))
        told = {key: values[key] for key in _TOLD_BESIDE if key in values}
        facts: ModelFacts = TypeAdapter(ModelFacts).validate_python(told)
    except FileNotFoundError:
        return ModelFacts()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(
            f"The card {beside.name} cannot be read: {error}.", "Correct or remove it.", role
        ) from error
    return facts


def _tried_model_file(path: Path, wanted: ModelRole | None, device: str) -> ModelRole:
    with told_to_user():
        role: ModelRole = read_card(path).role
    if wanted not in (None, role):
        raise ModelError(
            f"{path.name} has the role {role}, not {wanted}.",
            f"Choose a model file of the role {wanted}.",
        )
    _try(path, role, device)
    return role


def _try(path: Path, role: ModelRole, device: str) -> None:
    """Raises ModelError where the file cannot be used in that role."""
    if role == "detector":
        load_detector(path, device)
    elif role == "embedder":
        load_embedder(path, device)
    elif role == "aggregator":
        load_aggregator(path, device)
    else:
        from reid_models.model_file import load_model

        # What it compares may come from an embedder that is not here: only the file is tried.
        with told_to_user():
            load_model(path, role="reranker")
