"""Model files (`*.safetensors`, weights with their card), and what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.command_name import as_typed
from app.core.errors import ModelError
from app.core.networks import ModelRole
from reid_models.errors import NetworkError

MODEL_FILE_SUFFIX = ".safetensors"


def is_model_file(path: Path) -> bool:
    """Whether the file has a card in it, by its name."""
    return path.suffix.lower() == MODEL_FILE_SUFFIX


@contextmanager
def told_to_user(role: ModelRole | None = None) -> Iterator[None]:
    """Turns a NetworkError of the body into a ModelError.

    Args:
        role: where choosing another file of that kind would help.
    """
    try:
        yield
    except NetworkError as error:
        raise ModelError(as_typed(error.message), as_typed(error.remedy), role) from error
