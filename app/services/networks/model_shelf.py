"""The networks on this computer: what there is, which is used, and putting others there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import ModelError
from app.core.networks import (
    MODEL_ROLES,
    ModelFacts,
    ModelRole,
    NetworkCard,
    NetworkFigures,
)
from app.services.networks.installation import InstallEvent, install, remove
from app.services.networks.model_choice import (
    bundled_files,
    describe_model,
    find_file,
    fitting_bundled,
    installed_files,
    parts_of,
    usual_file,
)
from app.services.networks.public_models import PublicModel, public_models
from app.settings import (
    AUTO,
    NOTHING,
    ModelSettings,
    bundled_models_dir,
    is_bundled,
    models_dir,
)

if TYPE_CHECKING:
    from app.services.networks.networks import Networks


# Endings of the results that are shown in a line; the whole list is for `models --json`.
_TOLD_METRICS = ("mAP", "rank1", "precision", "recall")


class Place(StrEnum):
    """Where a weights file lies."""

    INSTALLED = "installed"
    BUNDLED = "bundled"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class ShelfParts:
    """The concrete functions a shelf works with; see `app.bootstrap`. Each raises ModelError.

    Attributes:
        recognise: (file, role it must have or None) → its role, found by loading it.
        read_facts: what a file and its card tell.
        read_card: id, and the embedder it needs; None for files without.
        measure: what a network costs on a device; takes some seconds.
    """

    recognise: Callable[[Path, ModelRole | None], ModelRole]
    read_facts: Callable[[Path, ModelRole], ModelFacts]
    read_card: Callable[[Path, ModelRole], NetworkCard | None]
    measure: Callable[[Path, ModelRole, str], NetworkFigures]


@dataclass(frozen=True, slots=True)
class ShelfEntry:
    """One weights file.

    Attributes:
        used_because: why it is the one that is used, or empty: another one is, or none.
        figures: what it costs, where that was measured.
        problem: why it cannot be read or measured, if so.
    """

    role: ModelRole
    path: Path
    place: Place
    size_bytes: int
    facts: ModelFacts
    used_because: str = ""
    figures: NetworkFigures | None = None
    problem: ModelError | None = None


def origin_words(facts: ModelFacts) -> list[str]:
    """What a network learnt from, what it reaches, and its terms, as far as its card tells."""
    words = [f"trained on {', '.join(facts.trained_on)}"] if facts.trained_on else []
    told = [name for name in sorted(facts.metrics) if name.endswith(_TOLD_METRICS)]
    words += [f"{name} {facts.metrics[name]:.4g}" for name in told]
    return [*words, f"terms: {facts.terms}"] if facts.terms else words


class ModelShelf:
    """Lists, installs and removes weights files.

    Args:
        parts: concrete functions.
        settings: the user's settings.
    """

    def __init__(self, parts: ShelfParts, settings: ModelSettings) -> None:
        self._parts = parts
        self._settings = settings

    # List ---------------------------------------------------------------------------------------

    def entries(self, library: Networks | None = None) -> list[ShelfEntry]:
        """What is installed and bundled, by role, and what else is used.

        Args:
            library: whose networks are told as used where it knows them, else those of a new one.
        """
        return [
            entry
            for role in MODEL_ROLES
            for entry in self._entries(role, *self._used_or_problem(role, library)[:2])
        ]

    def public(self) -> list[PublicModel]:
        """Those of others that can be installed by name and are not yet."""
        return [each for each in public_models() if not each.is_installed]

    def problems(self, library: Networks | None = None) -> list[ModelError]:
        """Why nothing can be used in a role, where something was to be."""
        found = [self._used_or_problem(role, library)[2] for role in MODEL_ROLES]
        return [error for error in found if error is not None]

    def measured(self, entry: ShelfEntry) -> ShelfEntry:
        """The entry with what the network costs on this computer; takes some seconds."""
        try:
            figures = self._parts.measure(entry.path, entry.role, self._settings.device)
        except ModelError as error:
            return replace(entry, problem=error)
        return replace(entry, figures=figures)

    def _entries(self, role: ModelRole, used: Path | None, why: str) -> Iterator[ShelfEntry]:
        paths = installed_files(role, models_dir(role))
        paths += bundled_files(role, bundled_models_dir(role))
        known = {path.resolve() for path in paths}
        if used is not None and used.resolve() not in known:
            paths.append(used)
        for path in paths:
            place = Place.INSTALLED if path.parent == models_dir(role) else Place.ELSEWHERE
            entry = ShelfEntry(
                role,
                path,
                Place.BUNDLED if is_bundled(path) else place,
                sum(part.stat().st_size for part in parts_of(path) if part.is_file()),
                ModelFacts(),
                why if used is not None and path.resolve() == used.resolve() else "",
            )
            try:
                yield replace(entry, facts=self._parts.read_facts(path, role))
            except ModelError as error:
                yield replace(entry, problem=error)

    def _used_or_problem(
        self, role: ModelRole, library: Networks | None
    ) -> tuple[Path | None, str, ModelError | None]:
        try:
            model = None if library is None else library.in_use(role)
            if library is not None and model is not None:
                if library.is_named(role):
                    return model.path, "it was named with the command", None
                if library.remembers(role):
                    return model.path, "the library was made with it", None
            path, why = self._used(role, library.embedder_id() if library else None)
        except ModelError as error:
            return None, "", error
        return path, why, None

    def _used(self, role: ModelRole, embedder_id: str | None) -> tuple[Path | None, str]:
        """What a new library would use, and why.

        Args:
            role: which network.
            embedder_id: of the library at hand, or None: of what would be used.
        """
        text = getattr(self._settings, role)
        folder, bundled = models_dir(role), bundled_models_dir(role)
        if text not in (None, AUTO, NOTHING):
            return find_file(text, role, folder, bundled), "the settings name it"
        if role in ("detector", "embedder"):
            path = usual_file(role, folder, bundled)
            if is_bundled(path):
                return path, f"no {role} is installed"
            return path, f"the only {role} installed"
        if text != AUTO:
            return None, ""
        if embedder_id is None:
            embedder_id = self._usual_embedder_id()
        fitting = fitting_bundled(role, bundled, embedder_id, self._parts.read_card)
        return fitting, "it was trained with the embedder in use"

    def _usual_embedder_id(self) -> str | None:
        try:
            path, _ = self._used("embedder", None)
        except ModelError:
            return None  # told as the embedder's own problem
        if path is None:
            return None
        return describe_model(path, "embedder", self._parts.read_card(path, "embedder")).id

    # Install and remove -------------------------------------------------------------------------

    def install(
        self, source: str, role: ModelRole | None = None, sha256: str | None = None
    ) -> Iterator[InstallEvent]:
        """See `app.services.networks.installation.install`; the last event is `Installed`."""
        return install(source, self._parts.recognise, role, sha256)

    def remove(self, name: str, role: ModelRole | None = None) -> Path:
        """See `app.services.networks.installation.remove`."""
        return remove(name, role)
