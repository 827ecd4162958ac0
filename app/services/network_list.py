"""Which networks a library uses, and what each costs; a generator, because measuring takes long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from app.core.entities import ModelFile
from app.core.errors import ModelError, UserFacingError
from app.core.networks import MODEL_ROLES, ModelRole, NetworkFigures
from app.services.networks import Networks
from app.services.pipeline import in_background


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """What is used in one role.

    Attributes:
        model: its file; None: nothing yet, or nothing at all.
        figures: what it costs; None: not known yet, or never (detectors).
        problem: why it cannot be used, if so.
        remembered: the library itself remembers it; else it comes from a flag or the settings.
    """

    role: ModelRole
    model: ModelFile | None = None
    remembered: bool = False
    figures: NetworkFigures | None = None
    problem: UserFacingError | None = None


def list_networks(networks: Networks) -> Iterator[NetworkEntry]:
    """One entry for each role at once, then the same with figures; a later entry replaces one.

    Yields at least every 0.3 s.
    """
    entries = [_entry(networks, role) for role in MODEL_ROLES]
    yield from entries
    for entry in entries:
        # A detector is measured by no one: its time depends on the frames.
        if entry.model is None or entry.problem is not None or entry.role == "detector":
            continue
        measure = partial(networks.measure, entry.role, entry.model)
        try:
            figures = yield from in_background(measure, partial(replace, entry))
        except ModelError as error:
            yield replace(entry, problem=error)
        else:
            yield replace(entry, figures=figures)


def _entry(networks: Networks, role: ModelRole) -> NetworkEntry:
    remembered = networks.remembers(role)
    try:
        return NetworkEntry(role, networks.in_use(role), remembered)
    except ModelError as error:
        return NetworkEntry(role, remembered=remembered, problem=error)
