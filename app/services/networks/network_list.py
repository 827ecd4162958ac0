"""Which networks a library uses, and what each costs; a generator, because measuring takes long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from app.core.entities import ModelFile
from app.core.errors import ModelError, UserFacingError
from app.core.networks import MODEL_ROLES, ModelFacts, ModelRole, NetworkFigures
from app.services.networks.model_shelf import ModelShelf, ShelfEntry
from app.services.networks.networks import Networks
from app.services.networks.public_models import PublicModel
from app.services.pipeline import in_background


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """What is used in one role.

    Attributes:
        model: its file; None: nothing yet, or nothing at all.
        facts: what its card tells.
        size_bytes: of its file.
        others: what is installed or bundled beside it.
        public: what could be installed by name.
        figures: what it costs; None: not known yet.
        problem: why it cannot be used, if so.
        remembered: the library itself remembers it; else it comes from a flag or the settings.
    """

    role: ModelRole
    model: ModelFile | None = None
    remembered: bool = False
    figures: NetworkFigures | None = None
    problem: UserFacingError | None = None
    facts: ModelFacts = field(default_factory=ModelFacts)
    size_bytes: int = 0
    others: tuple[Path, ...] = ()
    public: tuple[PublicModel, ...] = ()


def list_networks(networks: Networks, shelf: ModelShelf) -> Iterator[NetworkEntry]:
    """One entry for each role at once, then the same with figures; a later entry replaces one.

    Yields at least every 0.3 s.

    Args:
        networks: of the library.
        shelf: what there is on this computer.
    """
    known = shelf.entries(networks)
    offers = shelf.public()
    entries = [
        replace(
            _entry(networks, role, known),
            public=tuple(each for each in offers if each.role == role),
        )
        for role in MODEL_ROLES
    ]
    yield from entries
    for entry in entries:
        if entry.model is None or entry.problem is not None:
            continue
        measure = partial(networks.measure, entry.role, entry.model)
        try:
            figures = yield from in_background(measure, partial(replace, entry))
        except ModelError as error:
            yield replace(entry, problem=error)
        else:
            yield replace(entry, figures=figures)


def _entry(networks: Networks, role: ModelRole, known: Sequence[ShelfEntry]) -> NetworkEntry:
    there = {each.path.resolve(): each for each in known if each.role == role}
    entry = NetworkEntry(role, remembered=networks.remembers(role))
    try:
        model = networks.in_use(role)
    except ModelError as error:
        return replace(entry, problem=error, others=tuple(there))
    used = None if model is None else there.pop(model.path.resolve(), None)
    entry = replace(entry, model=model, others=tuple(there))
    return entry if used is None else replace(entry, facts=used.facts, size_bytes=used.size_bytes)
