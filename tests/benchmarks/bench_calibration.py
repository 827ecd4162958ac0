"""Whether probabilities of hits hold: on rendered worlds by their truth, on real footage by cuts.

Run by hand: ``python -m tests.benchmarks.bench_calibration --worlds 3 --seed 9100`` renders worlds,
ingests them, and searches for everybody; ``--cut FOLDER`` ingests real footage instead, and cuts
each tracklet into two sightings: they are one person, and those seen together in a frame are two.

Printed: expected calibration error over all hits and over the first ten of each search (ten bins of
equal width), the share of true hits that are likely, and of false ones that are unlikely.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.bootstrap import Retrace
from app.core.chapters import TrackletPart
from app.core.entities import Crop, Tracklet, Trajectory
from app.core.networks import NamedModels
from app.core.queries import SearchResult, TrackletQuery
from app.services.demo.demo import demo_clips, recognised
from app.services.ingest.ingest_options import IngestOptions
from app.services.search.mean_vectors import mean_vectors
from app.services.search.reliability import reliability
from app.services.workspace import Workspace
from app.storage.library import Library
from tests.benchmarks.bench_rendered import clocked, render, say, worlds_of

FIRST = 10
Judge = Callable[[int, int], bool | None]
"""Two tracklets → whether they are one person; None where nobody knows."""


def ingested(library: Path, videos: list[Path], fps: float) -> Workspace:
    """A library of these videos, each a camera."""
    workspace = Retrace().open_workspace(library, create=True, named=NamedModels())
    for path in videos:
        for _ in workspace.ingest(path, IngestOptions(camera_by="file", fps=fps)):
            pass
    return workspace


def measure(name: str, workspace: Workspace, queries: list[int], judge: Judge) -> None:
    """Searches for each and prints how well probabilities hold."""
    everything: list[tuple[float, bool]] = []
    first: list[tuple[float, bool]] = []
    for query in queries:
        for event in workspace.search.run(TrackletQuery(query), limit=100_000):
            if isinstance(event, SearchResult):
                result = event
        if not result.calibrated:
            say(f"{name}: not enough data")
            return
        known = [
            (hit.probability or 0.0, is_same)
            for hit in result.hits
            if (is_same := judge(query, hit.tracklet_id)) is not None
        ]
        everything += known
        first += known[:FIRST]
    for which, told in (("all hits", everything), (f"first {FIRST}", first)):
        probabilities, same = np.array([each for each, _ in told]), np.array([s for _, s in told])
        found = reliability(probabilities[same], probabilities[~same], float(same.mean()))
        say(
            f"{name:16} {which:9} {len(told):6} hits, {same.sum():5} true  "
            f"error {found.expected_error:.3f}  true likely {found.likely_of_same:.2f}  "
            f"true unlikely {np.mean(probabilities[same] < 0.2):.2f}  "
            f"false unlikely {found.unlikely_of_different:.3f}  "
            f"false likely {np.mean(probabilities[~same] >= 0.8):.4f}"
        )


def measure_worlds(folder: Path, place: Path, fps: float) -> None:
    """Each world in a library of its own, and all in one."""
    worlds = [
        clocked(world, number, place / "clocked") for number, world in enumerate(worlds_of(folder))
    ]
    for name, some in (*((world.name, [world]) for world in worlds), ("all worlds", worlds)):
        if name == "all worlds" and len(worlds) == 1:
            continue
        videos = [path for world in some for path in sorted(world.glob("*.mp4"))]
        with ingested(place / name, videos, fps) as workspace:
            who = {
                each.tracklet.id: (world, each.person)
                for world in some
                for each in recognised(workspace.library, demo_clips(world))
            }

            def judge(query: int, hit: int, who: dict[int, tuple[Path, int]] = who) -> bool:
                return who[query] == who.get(hit)

            measure(name, workspace, sorted(who), judge)


def measure_cut(folder: Path, place: Path, fps: float) -> None:
    """Real footage, whose tracklets are cut into two."""
    videos = sorted(path for path in folder.iterdir() if path.suffix in (".webm", ".mp4"))
    with ingested(place / "whole", videos, fps) as whole:
        Library.open(place / "cut", create=True).close()
        with Retrace().open_workspace(place / "cut", create=True, named=NamedModels()) as cut:
            model = whole.library.model("embedder")
            assert model is not None
            cut.library.remember_model("embedder", model)
            other_half: dict[int, int] = {}
            for video in whole.library.videos():
                other_half |= cut_in_two(whole, cut, video.id)
            together: dict[int, set[int]] = {}
            steps = cut.search.calibration.seen_together(sorted(other_half))
            try:
                while True:
                    next(steps)
            except StopIteration as end:
                together = end.value

            def judge(query: int, hit: int) -> bool | None:
                if other_half[query] == hit:
                    return True
                # Not of those that a frame shows together: that is known, and would be too easy.
                return False if hit in together[other_half[query]] - together[query] else None

            measure("cut in two", cut, sorted(other_half), judge)


def cut_in_two(whole: Workspace, cut: Workspace, video_id: int) -> dict[int, int]:
    """Stores the halves of a video's tracklets; returns the other half of each."""
    library = whole.library
    video = library.video(video_id)
    info, embedder = video.info, whole.networks.embedder()
    copy = cut.library.add_video(info.path.parent, info, video.content_hash, 1, 1)
    cut.library.begin_video(copy.id, 5.0, "detector")
    parts: list[TrackletPart] = []
    vectors = []
    for tracklet, track in library.trajectories_between(video_id, 0.0, float("inf")):
        for half in halves(library, tracklet, track, len(parts)):
            parts.append(half)
            told = [video.camera.name] * len(half.crops)
            made = embedder.embed([crop.image for crop in half.crops], told)
            weights = [crop.quality for crop in half.crops]
            vectors.append(mean_vectors(made, [len(half.crops)], weights)[0])
    stored = cut.library.store_tracklets(copy.id, parts, np.stack(vectors), embedder.id)
    ids = [each.id for each in stored]
    return dict(zip(ids, [ids[place ^ 1] for place in range(len(ids))], strict=True))


def halves(
    library: Library, tracklet: Tracklet, track: Trajectory, number: int
) -> list[TrackletPart]:
    """Two parts with half of the crops each; none where there is but one crop."""
    crops = library.crops(tracklet.id)
    if len(crops) < 2:
        return []
    middle = crops[len(crops) // 2].frame_index
    found = []
    for place, rows in enumerate((track.frame_index < middle, track.frame_index >= middle)):
        some = [crop for crop in crops if (crop.frame_index >= middle) == bool(place)]
        found.append(
            TrackletPart(
                number + place + 1,
                Trajectory(
                    track.frame_index[rows], track.time_s[rows], track.boxes[rows],
                    track.scores[rows],
                ),
                tuple(
                    Crop(library.crop(each.path), each.frame_index, each.time_s, each.box,
                         each.quality)
                    for each in some
                ),
            )
        )  # fmt: skip
    return found


def main() -> None:
    """Reads the options and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=9100, help="of the first world")
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=18.0)
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    parser.add_argument("--render-on", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--folder", type=Path, help="worlds that are rendered already")
    parser.add_argument("--cut", type=Path, help="real footage, instead of worlds")
    parser.add_argument("--fps", type=float, default=5.0, help="analysed frames a second")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if given.cut is not None:
            measure_cut(given.cut, Path(place), given.fps)
            return
        folder = given.folder or Path(place) / "worlds"
        if given.folder is None:
            render(folder, given)
        measure_worlds(folder, Path(place), given.fps)


if __name__ == "__main__":
    main()
