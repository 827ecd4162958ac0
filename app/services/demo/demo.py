"""The demo: rendered clips that come with the program, and how well their people are found."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.core.boxes import area, intersection
from app.core.entities import FloatArray, Tracklet, Video, VideoStatus
from app.core.errors import NotFoundError
from app.core.queries import Refinement, SearchResult, SearchStage, StageLeftOut, TrackletQuery
from app.language import tr
from app.services.demo.demo_truth import Truth, read_truth, whom_it_shows
from app.services.people.catalog import HitDetails
from app.services.workspace import Workspace
from app.storage.library import Library

CLIPS, TRUTH = "*.mp4", "truth"
# Whoever is this tall and shows this much for so many frames of a clip can be found in it.
TALL_PX, SHOWN, FRAMES = 60, 0.5, 20
# Whoever is further from the frame's edge, and less covered by another's box, is easy to click.
EDGE_PX, OVERLAP = 4, 0.1


@dataclass(frozen=True, slots=True)
class Clip:
    """One rendered clip.

    Attributes:
        path: the video; its camera is its stem.
        truth: who is where in it.
    """

    path: Path
    truth: Truth


@dataclass(frozen=True, slots=True)
class Sight:
    """A moment of a stored video that shows people."""

    video_id: int
    time_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """A tracklet of whom the truth knows who it is.

    Attributes:
        visible: how much of the person its thumbnail shows, 0..1.
    """

    tracklet: Tracklet
    person: int
    visible: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What the search for one person of the demo came to.

    Attributes:
        person: the person's number in the truth.
        camera: where the person was taken from; empty if the person is in no tracklet.
        query_id: the tracklet that was searched, if there is one.
        stage: how far the ranking was refined.
        hits: the ranking as the user sees it, all cameras.
        first: the first hit in another camera, if there is one.
        is_right: whether that one shows the same person.
        rank: rank of the first right hit among those in other cameras, from 1; None: none is.
    """

    person: int
    camera: str = ""
    query_id: int | None = None
    stage: SearchStage = SearchStage.RETRIEVED
    hits: tuple[HitDetails, ...] = ()
    first: HitDetails | None = None
    is_right: bool = False
    rank: int | None = None


def clip_paths(folder: Path) -> list[Path]:
    """The demo's videos, by name.

    Raises:
        NotFoundError: they are not there.
    """
    paths = sorted(folder.glob(CLIPS))
    if not paths:
        raise NotFoundError(
            tr("The clips of the demo are not in {folder}.", folder=folder),
            tr("Reinstall Retrace, or render them as described in resources/demo/README.md."),
        )
    return paths


def demo_clips(folder: Path) -> list[Clip]:
    """The demo's clips with their truth, by name.

    Raises:
        NotFoundError: they are not there.
        UsageError: the truth of one is damaged.
    """
    return [
        Clip(path, read_truth(folder / TRUTH / f"{path.stem}.txt")) for path in clip_paths(folder)
    ]


def people_to_find(clips: Sequence[Clip]) -> list[int]:
    """Who is well visible in at least two cameras, ascending."""
    cameras: dict[int, int] = defaultdict(int)
    for clip in clips:
        truth = clip.truth
        tall = truth.boxes[:, 3] - truth.boxes[:, 1] >= TALL_PX
        people, frames = np.unique(
            truth.people[tall & (truth.visible >= SHOWN)], return_counts=True
        )
        for person in people[frames >= FRAMES].tolist():
            cameras[person] += 1
    return sorted(person for person, count in cameras.items() if count >= 2)


def stored_clips(library: Library, paths: Sequence[Path]) -> dict[Path, Video]:
    """The clips that were ingested to their end; known by content, wherever they lay then."""
    whole = {
        video.content_hash: video for video in library.videos() if video.status is VideoStatus.DONE
    }
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    return {path: whole[digest] for path, digest in digests.items() if digest in whole}


def first_sight(library: Library, folder: Path) -> Sight | None:
    """Where to begin to look at the demo, in its first camera; None: it is still to be ingested.

    Raises:
        NotFoundError: the clips are not there.
    """
    paths = clip_paths(folder)
    stored = stored_clips(library, paths)
    if len(stored) < len(paths) or not all(video.path.exists() for video in stored.values()):
        return None
    video = stored[paths[0]]
    tracks = [track for _, track in library.trajectories_between(video.id, 0.0, float("inf"))]
    if not tracks:
        return Sight(video.id, 0.0)
    times = np.concatenate([track.time_s for track in tracks])
    boxes = np.concatenate([track.boxes for track in tracks])
    size_px = video.info.width_px, video.info.height_px
    moments = np.unique(times)
    clear = [_count_clear(boxes[times == moment], size_px) for moment in moments]
    return Sight(video.id, float(moments[int(np.argmax(clear))]))  # the earliest of equals


def _count_clear(boxes: FloatArray, size_px: tuple[int, int]) -> int:
    """How many boxes (n, 4) of one frame neither reach its edge nor overlap another much."""
    inside = (boxes > EDGE_PX).all(axis=1) & (boxes[:, 2:] < np.subtract(size_px, EDGE_PX)).all(
        axis=1
    )
    shared = intersection(boxes, boxes) / np.maximum(area(boxes), 1)[:, None]
    np.fill_diagonal(shared, 0)
    return int((inside & (shared.max(axis=1) < OVERLAP)).sum())


def search_demo(
    workspace: Workspace, folder: Path, stages: Collection[Refinement]
) -> Iterator[Finding | StageLeftOut]:
    """Searches every person of the demo who is well visible in at least two cameras.

    The query is the person's tracklet with the best crop (`best_tracklet`). Whoever is in no
    tracklet counts as not found: the detector is part of what is shown.

    Args:
        workspace: a library into which the clips were ingested.
        folder: where the clips lie.
        stages: the refinements that are switched on.

    Yields:
        One finding for each person; before the first, stages that had to be left out.

    Raises:
        NotFoundError: the clips are not there.
    """
    clips = demo_clips(folder)
    known = recognised(workspace.library, clips)
    shown = {each.tracklet.id: each.person for each in known}
    told: set[SearchStage] = set()
    for person in people_to_find(clips):
        query = best_tracklet([each for each in known if each.person == person])
        if query is None:
            yield Finding(person)
            continue
        for event in workspace.search.run(TrackletQuery(query.id), stages=stages):
            if isinstance(event, StageLeftOut) and event.stage not in told:
                told.add(event.stage)
                yield event
            elif isinstance(event, SearchResult):
                result = event
        hits = tuple(workspace.catalog.details(result.hits, query.id))
        yield _finding(workspace, person, query, result.stage, hits, shown)


def recognised(library: Library, clips: Sequence[Clip]) -> list[Recognised]:
    """Every tracklet of the stored clips of whom the truth knows who it is."""
    stored = stored_clips(library, [clip.path for clip in clips])
    found = []
    for clip in clips:
        if clip.path not in stored:
            continue
        tracks = library.trajectories_between(stored[clip.path].id, 0.0, float("inf"))
        for tracklet, track in tracks:
            person = whom_it_shows(track, clip.truth)
            if person is not None:
                visible = clip.truth.share_visible(person, tracklet.thumbnail.frame_index)
                found.append(Recognised(tracklet, person, visible))
    return found


def best_tracklet(known: Sequence[Recognised]) -> Tracklet | None:
    """The one whose crop is good and hides least of the person, of equals the first."""
    best = max(
        known,
        key=lambda each: (each.tracklet.thumbnail.quality * each.visible, -each.tracklet.id),
        default=None,
    )
    return None if best is None else best.tracklet


def _finding(
    workspace: Workspace,
    person: int,
    query: Tracklet,
    stage: SearchStage,
    hits: tuple[HitDetails, ...],
    shown: dict[int, int],
) -> Finding:
    camera = workspace.library.video(query.video_id).camera.name
    elsewhere = [hit for hit in hits if hit.camera != camera]
    right = [shown.get(hit.tracklet_id) == person for hit in elsewhere]
    return Finding(
        person=person,
        camera=camera,
        query_id=query.id,
        stage=stage,
        hits=hits,
        first=elsewhere[0] if elsewhere else None,
        is_right=bool(right) and right[0],
        rank=right.index(True) + 1 if any(right) else None,
    )
