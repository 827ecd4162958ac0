"""Settings and places: typed and checked; on disk only what differs from the defaults."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import tomllib
from dataclasses import field, fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import platformdirs
import tomli_w
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from app.core.errors import SettingsError
from app.core.networks import ModelRole
from app.core.queries import Correction, Refinement, SearchStage
from app.language import SYSTEM, listed, tr

APPLICATION = "retrace"
# Beside the packages in a checkout and in an installation.
_RESOURCES = Path(__file__).resolve().parent.parent / "resources"
# The networks that come with the program; a folder for each role, as in the user's own.
BUNDLED_MODELS = _RESOURCES / "models"
# Rendered clips with their truth, to try the program on.
DEMO = _RESOURCES / "demo"
# Values of `aggregator` and `reranker` beside files and names.
AUTO, NOTHING = "auto", "none"

_CHECKED = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_CHECKED)
class ModelSettings:
    """Which networks are used when neither a flag nor the library says so.

    Attributes:
        detector: a weights file, or the stem of one in the detectors folder.
        embedder: likewise, of the embedders folder.
        aggregator: likewise, of the aggregators folder; "auto": the bundled one, if it was trained
            with the embedder in use; "none": rankings are not refined by it.
        reranker: likewise, of the rerankers folder.
        device: "auto", "cpu", "cuda:0", …
    """

    detector: str | None = None
    embedder: str | None = None
    aggregator: str = AUTO
    reranker: str = AUTO
    device: str = "auto"


@dataclass(frozen=True, config=_CHECKED)
class IngestSettings:
    """How folders are loaded.

    Attributes:
        fps: analysed frames per second of video.
        camera_by: "auto", "folder", "file", or a regular expression with one group.
        at_start: whether the window goes on with what waits in a library that is opened, or asks.
    """

    fps: float = Field(default=5.0, gt=0, le=1000)
    camera_by: str = "auto"
    at_start: Literal["continue", "ask"] = "continue"


@dataclass(frozen=True, config=_CHECKED)
class SearchSettings:
    """What makes a ranking better: stages, where there are networks for them, and corrections.

    Attributes:
        aggregate: refine the ranking by its neighbourhood.
        rerank: compare the best pairs of crops.
        camera_mean: take off vectors what those of their camera have in common.
        transit: count how long people take between cameras.
    """

    aggregate: bool = True
    rerank: bool = True
    camera_mean: bool = True
    transit: bool = True

    @classmethod
    def of(cls, refinements: frozenset[Refinement]) -> SearchSettings:
        """With these switched on and the others off."""
        return cls(
            aggregate=SearchStage.AGGREGATED in refinements,
            rerank=SearchStage.RERANKED in refinements,
            camera_mean=Correction.CAMERA_MEAN in refinements,
            transit=Correction.TRANSIT in refinements,
        )

    @property
    def refinements(self) -> frozenset[Refinement]:
        """Those that are switched on."""
        on: dict[Refinement, bool] = {
            SearchStage.AGGREGATED: self.aggregate,
            SearchStage.RERANKED: self.rerank,
            Correction.CAMERA_MEAN: self.camera_mean,
            Correction.TRANSIT: self.transit,
        }
        return frozenset(each for each, is_on in on.items() if is_on)


@dataclass(frozen=True, config=_CHECKED)
class WindowSettings:
    """How the window looks.

    Attributes:
        theme: "system" follows the desktop.
    """

    theme: Literal["system", "light", "dark"] = "system"


@dataclass(frozen=True, config=_CHECKED)
class Settings:
    """All settings, as in ``settings.toml``.

    Attributes:
        language: of all texts, see `app.language.languages`; "system" follows the desktop.
        keys: shortcuts of the window by action, as `app.gui.actions.ActionRow.keys`, where the user
            wants others than the usual ones.
    """

    language: str = SYSTEM
    keys: dict[str, str] = field(default_factory=dict)
    models: ModelSettings = field(default_factory=ModelSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    window: WindowSettings = field(default_factory=WindowSettings)


def program_version() -> str:
    """The version in pyproject.toml, installed or not."""
    try:
        return metadata.version(APPLICATION)
    except metadata.PackageNotFoundError:
        project = Path(__file__).parent.parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def user_data_dir() -> Path:
    """Where libraries and models lie unless the user says otherwise."""
    return platformdirs.user_data_path(APPLICATION, appauthor=False)


def user_config_dir() -> Path:
    """Where ``settings.toml`` and the window's geometry lie."""
    return platformdirs.user_config_path(APPLICATION, appauthor=False)


def user_log_dir() -> Path:
    """Where log files and crash reports go."""
    return platformdirs.user_log_path(APPLICATION, appauthor=False)


def models_dir(role: ModelRole) -> Path:
    """Where weights files of one kind are looked for."""
    return user_data_dir() / "models" / f"{role}s"


def bundled_models_dir(role: ModelRole) -> Path:
    """Where the networks of one kind lie that come with the program, if any do."""
    return BUNDLED_MODELS / f"{role}s"


def public_models_file() -> Path:
    """The list of networks of others that can be installed by name."""
    return BUNDLED_MODELS / "public.toml"


def icon_file() -> Path:
    """The program's icon, an SVG file."""
    return _RESOURCES / "retrace.svg"


def is_bundled(path: Path) -> bool:
    """Whether a weights file came with the program."""
    return path.resolve().is_relative_to(BUNDLED_MODELS.resolve())


def default_library(folder: Path) -> Path:
    """The library of a folder of videos: ``<user data>/libraries/<folder>-<hash8>``."""
    resolved = folder.expanduser().resolve()
    digest = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:8]
    return user_data_dir() / "libraries" / f"{resolved.name or 'root'}-{digest}"


def library_name(folder: Path) -> str:
    """What users call a library: without what `default_library` adds to tell folders apart."""
    is_ours = folder.parent == user_data_dir() / "libraries"
    return re.sub(r"-[0-9a-f]{8}$", "", folder.name) if is_ours else folder.name


def demo_dir() -> Path:
    """Where the rendered clips of the demo lie."""
    return DEMO


def demo_library() -> Path:
    """The library of the demo: ``<user data>/libraries/Demo``."""
    return user_data_dir() / "libraries" / "Demo"


def settings_path() -> Path:
    """The settings file; it need not exist."""
    return user_config_dir() / "settings.toml"


def load_settings(path: Path | None = None) -> Settings:
    """Reads the settings file; a missing one means defaults.

    Raises:
        SettingsError: the file is not TOML, has an unknown key (the known ones are named), or a
            value of the wrong type.
    """
    path = path or settings_path()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            tr("The settings file {path} cannot be read: {error}.", path=path, error=error),
            tr("Correct or delete it."),
        ) from error
    try:
        return TypeAdapter(Settings).validate_python(values)
    except ValidationError as error:
        raise SettingsError(
            tr("The settings file {path} has {problem}.", path=path, problem=_explain(error)),
            tr("Correct or delete that line."),
        ) from error


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Writes what differs from the defaults, atomically.

    Raises:
        SettingsError: the file cannot be written.
    """
    path = path or settings_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as file:
            tomli_w.dump(_sparse(settings, Settings()), file)
        Path(file.name).replace(path)
    except OSError as error:
        raise SettingsError(
            tr(
                "The settings cannot be written to {path}: {reason}.",
                path=path,
                reason=error.strerror,
            ),
            tr("Free some space, or allow writing there."),
        ) from error


def _sparse(value: Any, default: Any) -> dict[str, Any]:
    """Nested dictionary of the fields in which `value` differs from `default`."""
    kept: dict[str, Any] = {}
    for entry in fields(value):
        mine, usual = getattr(value, entry.name), getattr(default, entry.name)
        if is_dataclass(mine):
            section = _sparse(mine, usual)
            if section:
                kept[entry.name] = section
        elif mine != usual and mine is not None:
            kept[entry.name] = mine
    return kept


def _explain(error: ValidationError) -> str:
    """The first problem in words, naming the alternatives for an unknown key."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    key = ".".join(where)
    if first["type"] == "unexpected_keyword_argument":
        known: Any = Settings
        for part in where[:-1]:
            known = type(getattr(known(), part))
        names = listed(entry.name for entry in fields(known))
        return tr('an unknown key "{key}" (known here: {names})', key=key, names=names)
    return tr('a wrong value for "{key}": {reason}', key=key, reason=first["msg"].lower())
