"""What was decided, read as the catalog reads it."""

from __future__ import annotations

from app.core.entities import Verdict
from app.services.people.judgement import judgement_about
from app.storage.library import Library


def verdicts(library: Library, tracklet_id: int) -> dict[int, Verdict]:
    """What holds between a tracklet and those a decision names, by id; no entry for undecided."""
    judgement = judgement_about(library, tracklet_id)
    named = {each for d in library.decisions() for each in (d.tracklet_id, d.other_id)}
    found = {
        each: judgement.of(each, identity) for each, identity in library.identity_ids(named).items()
    }
    return {each: verdict for each, verdict in found.items() if verdict is not None}
