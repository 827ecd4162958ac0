"""The whole program on rendered worlds, by their truth: detection, tracking, search.

Run by hand: ``python -m tests.benchmarks.bench_rendered --worlds 2 --seed 9000`` (options: --help).
Choose a seed that no network was trained on, and that is not the demo's. Networks are chosen as by
every command: flags, else what is installed, else what is bundled.

What is counted: people of whom more than `SHOWN` is visible. Whoever shows less is ignored: not
missed, and a box on such a person, or in such a person's box by half, is neither right nor wrong.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.bootstrap import Retrace, open_source
from app.core.clock import SamplingGrid
from app.core.entities import Image, Trajectory, Video
from app.core.networks import NamedModels
from app.core.queries import Correction, SearchResult, SearchStage, StageLeftOut, TrackletQuery
from app.services.demo.demo import Clip, demo_clips, recognised, stored_clips
from app.services.demo.demo_truth import Truth as ClipTruth
from app.services.footage.stored_footage import open_stored
from app.services.ingest.ingest_options import IngestOptions
from app.services.workspace import Workspace
from tests.benchmarks.tracking_scores import Seen, purity, tracking_scores
from trainer.detection.detectors import People
from trainer.detection.matching import Truth, accuracy, covered, overlaps
from trainer.metrics import QueryScores, mean_figures, query_scores
from trainer.synthetic.scene_job import SceneSettings, write_scenes

SHOWN = 0.3
SAME_IOU = 0.5
# At least this score: what a detector would show on its own.
SCORE = 0.25
FPS = 10.0
SIZE_PX = (640, 360)


@dataclass(frozen=True)
class Analysed:
    """One clip: what there is, what the detector found, and what was stored, frame by frame."""

    truths: list[Truth]
    detected: list[People]
    stored: list[People]
    seen: list[Seen]
    tracklets: list[tuple[Trajectory, ClipTruth]]


def say(text: str) -> None:
    """Prints at once."""
    print(text, flush=True)  # noqa: T201


# Worlds -------------------------------------------------------------------------------------------


def render(folder: Path, given: argparse.Namespace) -> None:
    """Renders worlds into a folder; those that are there already are kept."""
    settings = SceneSettings(
        given.cameras, given.seconds, FPS, given.people, SIZE_PX, given.seed, given.worlds
    )
    for done in write_scenes(settings, folder, given.workers, given.render_on):
        say(f"rendered {done.pictures} of {done.total} frames")


def clocked(world: Path, number: int, folder: Path) -> Path:
    """A copy of a world whose files' names tell camera and start: an hour for each world.

    Its cameras began together, and cameras of two worlds have nothing in common.
    """
    copy = folder / world.name
    (copy / "truth").mkdir(parents=True)
    for path in sorted(world.glob("*.mp4")):
        name = f"world{number}-{path.stem}_20240514_{number % 24:02}0000"
        shutil.copyfile(path, copy / f"{name}.mp4")
        shutil.copyfile(world / "truth" / f"{path.stem}.txt", copy / "truth" / f"{name}.txt")
    return copy


def worlds_of(folder: Path) -> list[Path]:
    """The folders of worlds: the one given, or those in it."""
    found = sorted(path.parent for path in [folder / "truth", *folder.glob("*/truth")]
                   if path.is_dir())  # fmt: skip
    if not found:
        raise SystemExit(f"{folder} holds no rendered clips: a folder with camN.mp4 and truth/.")
    return found


# Detection and tracking ---------------------------------------------------------------------------


def analysed(workspace: Workspace, clip: Clip, video: Video, fps: float) -> Analysed:
    """Detects anew on every frame that the ingest analysed, and collects what it stored there."""
    tracks = workspace.library.trajectories_between(video.id, 0.0, float("inf"))
    result = Analysed([], [], [], [], [(track, clip.truth) for _, track in tracks])
    for index, people in detected(workspace, video, fps):
        truth, who, shown = truth_at(clip.truth, index)
        boxes, scores, ids = [], [], []
        for tracklet, track in tracks:
            for row in np.flatnonzero(track.frame_index == index).tolist():
                boxes.append(track.boxes[row])
                scores.append(track.scores[row])
                ids.append(tracklet.id)
        stored = People(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32))
        judged = ~ignored(stored.boxes, truth)
        result.truths.append(truth)
        result.detected.append(people)
        result.stored.append(stored)
        result.seen.append(
            Seen(who[shown], truth.people, np.array(ids, np.int64)[judged], stored.boxes[judged])
        )
    return result


def detected(workspace: Workspace, video: Video, fps: float) -> Iterator[tuple[int, People]]:
    """Number of each analysed frame, and what the detector finds in it."""
    detector, grid = workspace.networks.detector(), SamplingGrid(fps)
    source = open_stored(video, workspace.library.timezone, open_source)
    indices: list[int] = []
    images: list[Image] = []

    def answers() -> Iterator[tuple[int, People]]:
        for index, found in zip(indices, detector.detect(images), strict=True):
            yield index, People(found.boxes, found.scores)
        indices.clear()
        images.clear()

    for frame in source.frames():
        if grid.wants(frame.time_s):
            indices.append(frame.index)
            images.append(frame.image())
        if len(images) == detector.batch_size:
            yield from answers()
    if images:
        yield from answers()
    source.close()


def truth_at(truth: ClipTruth, index: int) -> tuple[Truth, NDArray[np.int64], NDArray[np.bool_]]:
    """People and ignored people of a frame; who is in it; and which of those are counted."""
    there = truth.rows_at(index)
    shown = truth.visible[there] > SHOWN
    boxes = truth.boxes[there]
    return Truth(boxes[shown], boxes[~shown]), truth.people[there], shown


def ignored(boxes: NDArray[np.float32], truth: Truth) -> NDArray[np.bool_]:
    """Boxes on nobody who counts but on somebody who does not, (n,); as `accuracy` does it."""
    on_people = overlaps(boxes, truth.people).max(axis=1, initial=0) >= SAME_IOU
    on_others = np.maximum(overlaps(boxes, truth.ignored), covered(boxes, truth.ignored))
    return ~on_people & (on_others.max(axis=1, initial=0) >= SAME_IOU)


def tell_detection(clips: list[Analysed]) -> None:
    """Prints precision and recall at an overlap of .5, and how tracks keep to people."""
    truths = [truth for clip in clips for truth in clip.truths]
    for name, found, score in (
        (f"detector, score {SCORE}", [each for clip in clips for each in clip.detected], SCORE),
        ("stored boxes", [each for clip in clips for each in clip.stored], 0.0),
    ):
        figures = accuracy(found, truths, score, SAME_IOU)
        say(
            f"{name:24} precision {figures.precision:.3f}  recall {figures.recall:.3f}  "
            f"AP {figures.average_precision:.3f}  ({figures.people} people in {len(truths)} frames)"
        )
    scores = tracking_scores([clip.seen for clip in clips])
    say(
        f"{'tracking':24} IDF1 {scores.idf1:.3f}  HOTA {scores.hota:.3f}  MOTA {scores.mota:.3f}  "
        f"identity switches {scores.switches}"
    )
    shown = purity(each for clip in clips for each in clip.tracklets)
    say(f"{'tracklets':24} {shown.tracklets}  mixed {shown.mixed}  objects {shown.objects}")


# Search -------------------------------------------------------------------------------------------


def tell_search(workspace: Workspace, people: dict[int, tuple[int, int]]) -> None:
    """Prints rank-1 and mAP of each stage: every tracklet of a person, sought in other clips.

    Each stage without corrections, with each, and with both. Hits in the query's own clip are left
    out; tracklets that show nobody in particular stay.

    Args:
        workspace: the library.
        people: (world, person) by tracklet.
    """
    sought = sought_people(workspace, people)
    stored = sum(video.tracklet_count for video in workspace.library.videos())
    say(f"search: {len(sought)} tracklets sought in the other clips, {stored} stored")
    for corrections in ((), (Correction.CAMERA_MEAN,), (Correction.TRANSIT,), tuple(Correction)):
        with_them = " + ".join(each.value.replace("_", " ") for each in corrections) or "plain"
        places, left_out, remarks = searched(workspace, sought, corrections)
        for stage in SearchStage:
            if stage in places:
                figures = mean_figures([scores_of(places[stage])])
                found = f"rank-1 {figures['rank1']:.3f}  mAP {figures['mAP']:.3f}"
            else:
                found = left_out.get(stage, "no network for it")
            say(f"{with_them:22} {stage.value:10} {found}")
        for each in remarks:
            say(f"{'':22} {each}")


@dataclass(frozen=True)
class Wanted:
    """A tracklet that is sought, and what the search should find.

    Attributes:
        elsewhere: tracklets of other clips.
        right: those of them that show the same person.
    """

    query_id: int
    elsewhere: frozenset[int]
    right: frozenset[int]


def sought_people(workspace: Workspace, people: dict[int, tuple[int, int]]) -> list[Wanted]:
    """Every tracklet of a person whom another clip shows too."""
    library = workspace.library
    of_video = {
        video.id: frozenset(each.id for each in library.tracklets_of(video.id))
        for video in library.videos()
    }
    everybody = frozenset().union(*of_video.values())
    found = []
    for query in library.tracklets(sorted(people)):
        elsewhere = everybody - of_video[query.video_id]
        same = {each for each, person in people.items() if person == people[query.id]}
        if same & elsewhere:
            found.append(Wanted(query.id, elsewhere, elsewhere & same))
    return found


def searched(
    workspace: Workspace, sought: list[Wanted], corrections: tuple[Correction, ...]
) -> tuple[dict[SearchStage, list[tuple[int, int]]], dict[SearchStage, str], list[str]]:
    """(Query, rank of a right hit) by stage; why a stage was left out; what a search remarked."""
    places: dict[SearchStage, list[tuple[int, int]]] = {}
    left_out: dict[SearchStage, str] = {}
    remarks: list[str] = []
    on = {SearchStage.AGGREGATED, SearchStage.RERANKED, *corrections}
    for wanted in sought:
        limit = len(wanted.elsewhere) + 1000
        for event in workspace.search.run(TrackletQuery(wanted.query_id), limit=limit, stages=on):
            if isinstance(event, StageLeftOut):
                left_out[event.stage] = str(event.error)
            elif isinstance(event, SearchResult):
                remarks = event.remarks()
                hits = [hit.tracklet_id for hit in event.hits]
                elsewhere = [each for each in hits if each in wanted.elsewhere]
                places.setdefault(event.stage, []).extend(
                    (wanted.query_id, rank)
                    for rank, each in enumerate(elsewhere)
                    if each in wanted.right
                )
    return places, left_out, remarks


def scores_of(places: list[tuple[int, int]]) -> QueryScores:
    """From (query, rank of a right hit from 0)."""
    queries, ranks = np.array(places, np.int64).T
    return query_scores(queries, ranks)


# All together -------------------------------------------------------------------------------------


def measure(folder: Path, library: Path, named: NamedModels, fps: float) -> None:
    """Ingests all worlds into one library, and prints every figure."""
    options = IngestOptions(camera_by="file", fps=fps)
    copies = library.with_name("clocked")
    worlds = [clocked(world, place, copies) for place, world in enumerate(worlds_of(folder))]
    clips: list[Analysed] = []
    people: dict[int, tuple[int, int]] = {}
    with Retrace().open_workspace(library, create=True, named=named) as workspace:
        for number, world in enumerate(worlds):
            for path in sorted(world.glob("*.mp4")):
                for _ in workspace.ingest(path, options):
                    pass
            known = demo_clips(world)
            videos = stored_clips(workspace.library, [clip.path for clip in known])
            clips += [analysed(workspace, clip, videos[clip.path], fps) for clip in known]
            for each in recognised(workspace.library, known):
                people[each.tracklet.id] = (number, each.person)
            say(f"{world.name}: {len(known)} clips analysed")
        for role in ("detector", "embedder"):
            model = workspace.library.model(role)
            say(f"{role}: {model.id if model else 'none'}")
        tell_detection(clips)
        tell_search(workspace, people)


def main() -> None:
    """Reads the options and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=9000, help="of the first world")
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=18.0)
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    parser.add_argument("--render-on", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--folder", type=Path, help="worlds that are rendered already")
    parser.add_argument("--keep", type=Path, help="render into this folder, to be kept")
    parser.add_argument("--fps", type=float, default=5.0, help="analysed frames a second")
    for role in ("detector", "embedder", "aggregator", "reranker"):
        parser.add_argument(f"--{role}")
    given = parser.parse_args()
    named = NamedModels(given.detector, given.embedder, given.aggregator, given.reranker)
    with tempfile.TemporaryDirectory() as place:
        folder = given.folder or given.keep or Path(place) / "worlds"
        if given.folder is None:
            render(folder, given)
        measure(folder, Path(place) / "library", named, given.fps)


if __name__ == "__main__":
    main()
