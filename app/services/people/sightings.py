"""What users say about sightings by themselves: that they show no person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from app.core.entities import Tracklet
from app.core.journal import IdentityChanges, SightingEdit
from app.storage.library import Library


class Sightings:
    """Changes sightings; each change is a step of the journal, which `People` undoes. Thread-safe.

    Args:
        library: which holds them.
        learn: called with the ids of tracklets that have changed, after they are stored.
    """

    def __init__(
        self, library: Library, learn: Callable[[Sequence[int]], None] = lambda _: None
    ) -> None:
        self.library = library
        self._learn = learn

    def things(self) -> list[Tracklet]:
        """All that were set apart from people, by video and time."""
        return self.library.things()

    def say_thing(self, tracklet_ids: Collection[int], *, is_thing: bool = True) -> tuple[int, ...]:
        """These show no person: they leave lists, counts, searches and the person they were.

        Args:
            tracklet_ids: of sightings.
            is_thing: False takes it back.

        Returns:
            Those of which that was not known; nothing is recorded if there are none.

        Raises:
            NotFoundError: one does not exist.
        """
        with self.library.transaction():
            found = [self.library.tracklet(each) for each in dict.fromkeys(tracklet_ids)]
            changing = [each for each in found if each.is_person is is_thing]
            ids = tuple(each.id for each in changing)
            if changing:
                step = SightingEdit(ids, "thing" if is_thing else "person", datetime.now(UTC))
                moved: dict[int, tuple[int | None, int | None]] = {
                    each.id: (each.identity_id, None)
                    for each in changing
                    if each.identity_id is not None
                }
                people = {each.id: (is_thing, not is_thing) for each in changing}
                self.library.record_decision(step, IdentityChanges(moved, people=people))
        if ids:
            self._learn(ids)
        return ids
