"""Networks for person re-identification: tensors in, tensors out; knows nothing of the app.

Importing the package is cheap: torch is imported with the first name that needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reid_models.convert import load_official
    from reid_models.errors import NetworkError
    from reid_models.model_file import ModelCard, load_model, save_model
    from reid_models.registry import MODELS, create_model, list_models
    from reid_models.summary import NetworkSummary, summarise

__all__ = [
    "MODELS",
    "ModelCard",
    "NetworkError",
    "NetworkSummary",
    "create_model",
    "list_models",
    "load_model",
    "load_official",
    "save_model",
    "summarise",
]

_MODULES = {
    "MODELS": "registry",
    "ModelCard": "model_file",
    "NetworkError": "errors",
    "NetworkSummary": "summary",
    "create_model": "registry",
    "list_models": "registry",
    "load_model": "model_file",
    "load_official": "convert",
    "save_model": "model_file",
    "summarise": "summary",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
