"""Which weights: the flag's, else the library's, else the settings', else the only installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.settings import ModelRole

WEIGHTS_SUFFIXES: dict[ModelRole, tuple[str, ...]] = {
    "detector": (".pt", ".onnx", ".engine"),
    "embedder": (".onnx",),
}


def describe_model(path: Path, role: ModelRole) -> ModelFile:
    """A weights file with its identity: stem + the first 12 digits of its SHA-256.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"The {role} {path} cannot be read: {error.strerror}.",
            f"Name another file with --{role}.",
            role,
        ) from error
    return ModelFile(f"{path.stem}-{digest[:12]}", path.resolve(), digest)


def choose_model(
    role: ModelRole,
    *,
    named: str | None,
    remembered: ModelFile | None,
    preferred: str | None,
    folder: Path,
) -> ModelFile:
    """The weights file to use.

    Args:
        role: which of the two networks.
        named: file or name given with this call, else None.
        remembered: what the library was made with, else None.
        preferred: file or name in the user's settings, else None.
        folder: the models folder of that role.

    Raises:
        ModelError: there is none, several, or it is not what the library was made with.
    """
    if named is not None:
        return describe_model(_find(named, role, folder), role)
    if remembered is not None:
        return _recall(remembered, role, folder)
    if preferred is not None:
        return describe_model(_find(preferred, role, folder), role)
    return describe_model(_only_one(role, folder), role)


def _installed(role: ModelRole, folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    suffixes = WEIGHTS_SUFFIXES[role]
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)


def _find(text: str, role: ModelRole, folder: Path) -> Path:
    """The file of that path, or the installed one of that name."""
    path = Path(text).expanduser()
    if path.is_file():
        return path
    installed = _installed(role, folder)
    for candidate in installed:
        if text in (candidate.stem, candidate.name):
            return candidate
    names = ", ".join(candidate.stem for candidate in installed) or "none"
    raise ModelError(
        f"There is no {role} file '{text}', and no {role} of that name in {folder} "
        f"(installed: {names}).",
        f"Name an existing file with --{role}, or put one into that folder.",
        role,
    )


def _recall(remembered: ModelFile, role: ModelRole, folder: Path) -> ModelFile:
    """The file the library was made with, wherever it lies now."""
    candidates = [remembered.path, *_installed(role, folder)]
    present = [describe_model(path, role) for path in candidates if path.is_file()]
    for model in present:
        if model.sha256 == remembered.sha256:
            return ModelFile(remembered.id, model.path, model.sha256)
    what = "has changed" if remembered.path.is_file() else "is no longer there"
    raise ModelError(
        f"The {role} this library was made with ({remembered.path}) {what}.",
        f"Put it back, copy it into {folder}, or name a {role} with --{role}.",
        role,
    )


def _only_one(role: ModelRole, folder: Path) -> Path:
    installed = _installed(role, folder)
    if len(installed) == 1:
        return installed[0]
    if installed:
        raise ModelError(
            f"There are several {role}s in {folder}: {', '.join(path.stem for path in installed)}.",
            f"Choose one with --{role} NAME.",
            role,
        )
    raise ModelError(
        f"No {role} is installed.",
        f"Name a weights file with --{role} FILE, or put one "
        f"({', '.join(WEIGHTS_SUFFIXES[role])}) into {folder}.",
        role,
    )
