"""``search``: what was asked → hits, as a table, as JSON, and as a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from app.core.clock import format_offset, format_time, format_utc, parse_time
from app.core.queries import (
    Query,
    SearchFilter,
    SearchResult,
    TrackletQuery,
)
from app.services.export import write_sheet

if TYPE_CHECKING:
    from app.services.catalog import HitDetails
    from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Point:
    """A point in a frame of a stored video."""

    video: str
    time_s: float
    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for; exactly one of image, tracklet_id, point is given."""

    image: Path | None
    tracklet_id: int | None
    point: Point | None
    cameras: tuple[str, ...]
    from_: str | None
    to: str | None
    top: int


def search_and_show(
    workspace: Workspace, wanted: Wanted, *, as_json: bool, sheet: Path | None
) -> None:
    """Searches, prints the last ranking on stdout, and writes the sheet if one is wanted.

    Raises:
        UserFacingError: the query, a filter, or a file is not as it should be.
    """
    query, told = _query(workspace, wanted)
    where = _filter(workspace, wanted)
    result = _last(workspace.search.run(query, where, wanted.top))
    query_id = query.tracklet_id if isinstance(query, TrackletQuery) else None
    hits = workspace.catalog.details(result.hits, query_id)
    if sheet is not None:
        caption = f"{told['text']} - {len(hits)} of {result.searched} {result.stage.value}"
        picture, zone = workspace.picture_of(query), workspace.library.timezone
        write_sheet(sheet.expanduser(), picture, hits, caption, zone)
    if as_json:
        answer = {"query": told, "stage": result.stage.value, "searched": result.searched}
        print_json({**answer, "hits": [_as_json(hit) for hit in hits]})
    else:
        _print_table(workspace, told["text"], result, hits)


def table_console() -> Console:
    """Stdout for tables: as wide as the terminal, and as wide as need be in a file or pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def print_json(answer: dict[str, Any]) -> None:
    """The one JSON object on stdout."""
    Console(highlight=False, soft_wrap=True).out(json.dumps(answer, ensure_ascii=False, indent=1))


def _last(results: Iterable[SearchResult]) -> SearchResult:
    *_, last = results
    return last


def _query(workspace: Workspace, wanted: Wanted) -> tuple[Query, dict[str, Any]]:
    """The query, and how it is told to the user."""
    if wanted.tracklet_id is not None:
        workspace.library.tracklet(wanted.tracklet_id)
        return TrackletQuery(wanted.tracklet_id), {
            "kind": "tracklet",
            "tracklet_id": wanted.tracklet_id,
            "text": f"tracklet {wanted.tracklet_id}",
        }
    if wanted.image is not None:
        image = wanted.image.expanduser()
        return workspace.query_from_picture(image), {
            "kind": "image",
            "image": str(image),
            "text": image.name,
        }
    point = wanted.point
    assert point is not None
    video = workspace.catalog.find_video(point.video)
    where = (video.id, point.time_s, point.x_px, point.y_px)
    tracklet_id = workspace.playback.person_at(*where)
    told: dict[str, Any] = {
        "kind": "point",
        "video": str(video.path),
        "time_s": point.time_s,
        "at": [point.x_px, point.y_px],
        "tracklet_id": tracklet_id,
        "text": f"{video.path.name} at {format_offset(point.time_s)}",
    }
    if tracklet_id is not None:
        return TrackletQuery(tracklet_id), told
    return workspace.detect_person_at(*where), told


def _filter(workspace: Workspace, wanted: Wanted) -> SearchFilter:
    cameras = [workspace.catalog.find_camera(name).id for name in wanted.cameras]
    zone = workspace.library.timezone
    return SearchFilter(
        camera_ids=frozenset(cameras) if cameras else None,
        from_utc=parse_time(wanted.from_, zone) if wanted.from_ else None,
        to_utc=parse_time(wanted.to, zone) if wanted.to else None,
    )


def _as_json(hit: HitDetails) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "tracklet_id": hit.tracklet_id,
        "camera": hit.camera,
        "video": str(hit.video),
        "first_time_s": round(hit.first_time_s, 3),
        "last_time_s": round(hit.last_time_s, 3),
        "start_utc": format_utc(hit.start_utc) if hit.start_utc else None,
        "start_source": hit.start_source.value,
        "box": [round(float(side), 1) for side in hit.box],
        "box_time_s": round(hit.box_time_s, 3),
        "score": round(hit.score, 6),
        "thumbnail": str(hit.thumbnail),
    }


def _print_table(
    workspace: Workspace, told: str, result: SearchResult, hits: list[HitDetails]
) -> None:
    console = table_console()
    table = Table(title=f"Possible matches for {told} ({result.stage.value})", box=None)
    for name in ("rank", "score", "tracklet", "camera", "video", "seen", "date and time", "box"):
        right = name in ("rank", "score", "tracklet")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "video")
    zone = workspace.library.timezone
    for hit in hits:
        table.add_row(
            str(hit.rank),
            f"{hit.score:.3f}",
            str(hit.tracklet_id),
            hit.camera,
            hit.video.name,
            f"{format_offset(hit.first_time_s)}–{format_offset(hit.last_time_s)}",
            format_time(hit.start_utc, zone) if hit.start_utc else "unknown",
            ",".join(f"{side:.0f}" for side in hit.box),
        )
    console.print(table)
    if not hits:
        console.print("Nobody: the library is empty there, or the filter lets nobody through.")
