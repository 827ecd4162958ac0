"""Which class loads which weights file, by its ending."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from app.core.errors import ModelError
from app.vision.model_files import MODEL_FILE_SUFFIX

_Loader = TypeVar("_Loader")


def loader_for(loaders: dict[str, _Loader], path: Path, role: str) -> _Loader:
    """The class that loads a file.

    Args:
        loaders: by ending, in lower case, with its dot.
        path: the file; it need not exist.
        role: what it is to be, for the message.

    Raises:
        ModelError: no class takes this ending.
    """
    loader = loaders.get(path.suffix.lower())
    if loader is None:
        kind = f'"{path.suffix}" files' if path.suffix else "files without an ending"
        raise ModelError(
            f"{path.name} cannot be used as {role}: {kind} are not known.",
            f"Choose a file that ends in {', '.join(loaders)}{_way_out(path, loaders)}.",
        )
    return loader


def _way_out(path: Path, loaders: Collection[str]) -> str:
    """How a published checkpoint becomes a model file, where one was named instead."""
    if path.suffix.lower() != ".pth" or MODEL_FILE_SUFFIX not in loaders:
        return ""
    return "; a published .pth file becomes one by `python -m trainer convert`"
