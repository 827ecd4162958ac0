"""Routes of the demo's people against its truth, as a user makes them who confirms likely hits.

Run by hand: ``python -m tests.benchmarks.bench_route``; with ``--library FOLDER`` on a copy of a
library of the demo that is there. Without it the clips are ingested under names that tell when they
were recorded.

Printed, for each person and in all: sightings of the route that are right, missed and wrong, and
contradictions. Then somebody else's sighting is added to the true route of each, one at a time: how
many of these are contradicted, and how many contradictions the true routes have.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from app.bootstrap import Retrace
from app.core.networks import NamedModels
from app.core.queries import Band, SearchResult, TrackletQuery
from app.services.demo.demo import best_tracklet, demo_clips, recognised
from app.services.ingest.ingest_options import IngestOptions
from app.services.route.route import Route
from app.services.workspace import Workspace
from app.settings import demo_dir
from tests.benchmarks.bench_rendered import clocked, say


def made_route(workspace: Workspace, tracklet_ids: list[int]) -> Route | None:
    """The route of a person of these sightings, who is nobody again afterwards."""
    person = None
    for each in tracklet_ids[1:]:
        person = workspace.people.confirm(tracklet_ids[0], each, anyway=True)
    if person is None:
        return None
    route = workspace.routes.of(person.id)
    for _ in tracklet_ids[1:]:
        workspace.people.undo()
    return route


def likely(workspace: Workspace, query_id: int) -> list[int]:
    """The one searched, and whatever is likely to show the same person."""
    for event in workspace.search.run(TrackletQuery(query_id)):
        if isinstance(event, SearchResult):
            result = event
    return [query_id] + [hit.tracklet_id for hit in result.hits if hit.band is Band.LIKELY]


def measure(workspace: Workspace, clips: Path) -> None:
    """Prints what the routes of everybody come to."""
    known = recognised(workspace.library, demo_clips(clips))
    who = {each.tracklet.id: each.person for each in known}
    sums = [0, 0, 0, 0]
    kept = flagged = planted = false = pairs = 0
    for person in sorted(set(who.values())):
        own = [each for each in known if each.person == person]
        query = best_tracklet(own)
        assert query is not None
        true_ids = {each.tracklet.id for each in own}
        route_ids = likely(workspace, query.id)
        made = made_route(workspace, route_ids)
        counts = (
            len(true_ids & set(route_ids)), len(true_ids - set(route_ids)),
            len(set(route_ids) - true_ids), len(made.contradictions) if made else 0,
        )  # fmt: skip
        say(f"person {person:3}: {counts[0]} right, {counts[1]} missed, {counts[2]} wrong, "
            f"{counts[3]} contradictions")  # fmt: skip
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
        whole = made_route(workspace, sorted(true_ids))
        false += len(whole.contradictions) if whole else 0
        pairs += len(true_ids) * (len(true_ids) - 1) // 2
        kept += len(true_ids)
        for stranger in sorted(set(who) - true_ids):
            planted += 1
            route = made_route(workspace, [*sorted(true_ids), stranger])
            flagged += route is not None and any(
                stranger in (each.one.tracklet.id, each.other.tracklet.id)
                for each in route.contradictions
            )
    say("all: {} right, {} missed, {} wrong, {} contradictions".format(*sums))
    say(f"strangers added: {flagged} of {planted} contradicted")
    say(f"true routes: {false} contradictions in {kept} sightings, {pairs} pairs")


def main() -> None:
    """Reads the options and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, help="of the demo; a copy of it is used")
    parser.add_argument("--fps", type=float, default=5.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        library, clips = Path(place) / "library", demo_dir()
        if options.library:
            shutil.copytree(options.library, library)
        else:
            clips = clocked(demo_dir(), 10, Path(place))
        with Retrace().open_workspace(library, create=True, named=NamedModels()) as workspace:
            for path in [] if options.library else sorted(clips.glob("*.mp4")):
                for _ in workspace.ingest(path, IngestOptions(camera_by="file", fps=options.fps)):
                    pass
            measure(workspace, clips)


if __name__ == "__main__":
    main()
