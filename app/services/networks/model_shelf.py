"""The networks on this computer: what there is, which is used and what it costs; installing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from app.core.entities import ModelFile
from app.core.errors import ModelError, UserFacingError
from app.core.networks import (
    MODEL_ROLES,
    REFINERS,
    ModelRole,
    NetworkCard,
    NetworkFigures,
    parts_of,
)
from app.core.ports import NetworkFiles
from app.language import listed, tr
from app.services.networks.installation import InstallEvent, install, remove
from app.services.networks.model_choice import Choice, bundled_files, choose, installed_files
from app.services.networks.networks import Networks
from app.services.networks.public_models import PublicModel, public_models
from app.services.pipeline import in_background
from app.settings import ModelSettings, is_bundled, models_dir

_FIRST_CLAUSE = re.compile(r"[^:;]+(?=[:;] )")
# Endings of the results that are shown in a line; the whole list is for `models --json`.
_TOLD_METRICS = ("mAP", "rank1", "precision", "recall")


class Place(StrEnum):
    """Where a weights file lies."""

    INSTALLED = "installed"
    BUNDLED = "bundled"
    ELSEWHERE = "elsewhere"

    @property
    def words(self) -> str:
        """What it is called in a list."""
        return _PLACES[self]


_PLACES = {
    Place.INSTALLED: tr("installed"),
    Place.BUNDLED: tr("bundled"),
    Place.ELSEWHERE: tr("elsewhere"),
}


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
    card: NetworkCard
    used_because: str = ""
    figures: NetworkFigures | None = None
    problem: ModelError | None = None


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """What is used in one role.

    Attributes:
        model: its file; None: nothing yet, or nothing at all.
        remembered: the library itself remembers it; else it comes from a flag or the settings.
        figures: what it costs; None: not known yet.
        problem: why it cannot be used, if so.
        card: what it says of itself.
        size_bytes: of its file.
        others: what is installed or bundled beside it.
        public: what could be installed by name.
    """

    role: ModelRole
    model: ModelFile | None = None
    remembered: bool = False
    figures: NetworkFigures | None = None
    problem: UserFacingError | None = None
    card: NetworkCard = field(default_factory=NetworkCard)
    size_bytes: int = 0
    others: tuple[Path, ...] = ()
    public: tuple[PublicModel, ...] = ()


def origin_words(card: NetworkCard) -> list[str]:
    """What a network learnt from, what it reaches, and its terms, as far as its card tells."""
    words = [tr("trained on {names}", names=listed(card.trained_on))] if card.trained_on else []
    told = [name for name in sorted(card.metrics) if name.endswith(_TOLD_METRICS)]
    words += [f"{name} {card.metrics[name]:.4g}" for name in told]
    return [*words, tr("terms: {terms}", terms=card.terms)] if card.terms else words


def terms_in_short(card: NetworkCard) -> str:
    """What its terms begin with."""
    begin = _FIRST_CLAUSE.match(card.terms)
    return card.terms if begin is None else f"{begin[0]} …"


class ModelShelf:
    """Lists, installs and removes network files.

    Args:
        files: say what a file is.
        settings: the user's settings.
    """

    def __init__(self, files: NetworkFiles, settings: ModelSettings) -> None:
        self._files = files
        self._settings = settings

    # List ---------------------------------------------------------------------------------------

    def entries(self, library: Networks | None = None) -> list[ShelfEntry]:
        """What is installed and bundled, by role, and what else is used.

        Args:
            library: whose networks are told as used, else those of a new one.
        """
        return [
            entry
            for role in MODEL_ROLES
            for entry in self._entries(role, self._used(role, library))
        ]

    def in_roles(self, library: Networks | None) -> Iterator[NetworkEntry]:
        """What a library uses: each role at once, then with figures; a later entry replaces one.

        Yields at least every 0.3 s.

        Args:
            library: whose networks are shown; None: those of a new one.
        """
        known, offers = self.entries(library), self.public()
        entries = [
            replace(
                self._in_role(role, library, known),
                public=tuple(each for each in offers if each.role == role),
            )
            for role in MODEL_ROLES
        ]
        yield from entries
        for entry in entries:
            if entry.model is None or entry.problem is not None:
                continue
            measure = partial(self._measure, library, entry.role, entry.model)
            try:
                figures = yield from in_background(measure, partial(replace, entry))
            except ModelError as error:
                yield replace(entry, problem=error)
            else:
                yield replace(entry, figures=figures)

    def public(self) -> list[PublicModel]:
        """Those of others that can be installed by name and are not yet."""
        return [each for each in public_models() if not each.is_installed]

    def problems(self, library: Networks | None = None) -> list[ModelError]:
        """Why nothing can be used in a role, where something was to be."""
        found = [self._used(role, library).problem for role in MODEL_ROLES]
        return [error for error in found if error is not None]

    def measured(self, entry: ShelfEntry) -> ShelfEntry:
        """The entry with what the network costs on this computer; takes some seconds."""
        try:
            figures = self._files.measure(entry.path, entry.role, self._settings.device)
        except ModelError as error:
            return replace(entry, problem=error)
        return replace(entry, figures=figures)

    def _entries(self, role: ModelRole, used: Choice) -> Iterator[ShelfEntry]:
        paths = installed_files(role, self._files) + bundled_files(role, self._files)
        used_path = used.file.path.resolve() if used.file is not None else None
        if used_path is not None and used_path not in {path.resolve() for path in paths}:
            paths.append(used_path)
        for path in paths:
            place = Place.INSTALLED if path.parent == models_dir(role) else Place.ELSEWHERE
            entry = ShelfEntry(
                role,
                path,
                Place.BUNDLED if is_bundled(path) else place,
                sum(part.stat().st_size for part in parts_of(path) if part.is_file()),
                NetworkCard(),
                used.why if path.resolve() == used_path else "",
            )
            try:
                yield replace(entry, card=self._files.card(path, role))
            except ModelError as error:
                yield replace(entry, problem=error)

    def _in_role(
        self, role: ModelRole, library: Networks | None, known: Sequence[ShelfEntry]
    ) -> NetworkEntry:
        there = {each.path.resolve(): each for each in known if each.role == role}
        entry = NetworkEntry(role, remembered=library is not None and library.remembers(role))
        try:
            if library is not None:
                model = library.in_use(role)
            else:
                used = self._used(role, None)
                if used.problem is not None:
                    raise used.problem
                model = used.file
        except ModelError as error:
            return replace(entry, problem=error, others=tuple(there))
        shown = None if model is None else there.pop(model.path.resolve(), None)
        entry = replace(entry, model=model, others=tuple(there))
        if shown is None:
            return entry
        return replace(entry, card=shown.card, size_bytes=shown.size_bytes)

    def _measure(
        self, library: Networks | None, role: ModelRole, model: ModelFile
    ) -> NetworkFigures:
        if library is not None:
            return library.measure(role, model)
        return self._files.measure(model.path, role, self._settings.device)

    def _used(self, role: ModelRole, library: Networks | None) -> Choice:
        """What a library uses, or a new one would."""
        if library is not None:
            return library.choice(role)
        embedder = None
        if role in REFINERS:
            embedder = choose("embedder", self._files, setting=self._settings.embedder).file
        return choose(
            role,
            self._files,
            setting=getattr(self._settings, role),
            embedder_id=None if embedder is None else embedder.id,
        )

    # Install and remove -------------------------------------------------------------------------

    def install(
        self, source: str, role: ModelRole | None = None, sha256: str | None = None
    ) -> Iterator[InstallEvent]:
        """See `app.services.networks.installation.install`; the last event is `Installed`."""
        return install(source, self._files, role, sha256)

    def remove(self, name: str, role: ModelRole | None = None) -> Path:
        """See `app.services.networks.installation.remove`."""
        return remove(name, self._files, role)
