"""``search``: what was asked → hits, as a table, as JSON, and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from app.cli.output import AnswerTable, Cell, box_cell, chatter_on_stderr, print_json, time_cell
from app.cli.photos import by_photo, check_chosen
from app.core.clock import format_offset, format_utc, parse_time
from app.core.entities import Detections
from app.core.errors import UsageError
from app.core.queries import (
    Example,
    PersonQuery,
    Query,
    Refinement,
    SearchEvent,
    SearchFilter,
    SearchResult,
    StageLeftOut,
    TrackletQuery,
    Transit,
    percent_text,
    sought_tracklet,
)
from app.language import listed, tr
from app.services.export.export import write_sheet
from app.services.footage.stored_footage import check_moment
from app.services.search.photo import Photo

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.core.entities import Video
    from app.services.people.catalog import HitDetails
    from app.services.workspace import Workspace

_GAP_SIGNS = {"usual": "↑ ", "unusual": "↓ ", "": ""}


@dataclass(frozen=True, slots=True)
class Point:
    """A point in a frame of a stored video."""

    video: str
    time_s: float
    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True)
class Who:
    """Whom the command line asked for: at least one example, and who is not meant.

    Attributes:
        box: of the person in the one picture, xyxy in its pixels.
    """

    images: tuple[Path, ...]
    tracklet_ids: tuple[int, ...]
    people: tuple[str, ...]
    point: Point | None
    rejected: frozenset[int]
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    who: Who
    cameras: tuple[str, ...]
    from_: str | None
    to: str | None
    top: int
    stages: frozenset[Refinement]


def search_and_show(
    workspace: Workspace, wanted: Wanted, *, as_json: bool, sheet: Path | None
) -> None:
    """Searches, prints the last ranking on stdout, and writes the sheet if one is wanted.

    Raises:
        UserFacingError: the query, a filter, or a file is not as it should be.
    """
    zone = workspace.library.timezone
    with chatter_on_stderr():  # networks are loaded in here
        photos = [(each, _photo(workspace, each, wanted.who)) for each in wanted.who.images]
    check_chosen(photos, wanted.who.box, as_json=as_json)
    with chatter_on_stderr():
        query, told = _query(workspace, wanted.who, photos)
        result = _last(
            workspace.search.run(query, _filter(workspace, wanted), wanted.top, wanted.stages)
        )
        hits = workspace.catalog.details(result.hits, sought_tracklet(query))
        if sheet is not None:
            # In English: what is drawn is ASCII.
            caption = f"{len(hits)} of {result.searched} {result.stage.value}"
            if told["text"].isascii():
                caption = f"{told['text']} - {caption}"
            picture = workspace.picture_of(query)
            crop = workspace.library.crop
            write_sheet(sheet.expanduser(), picture, hits, caption, crop, zone)
    if as_json:
        shown = [_as_json(hit) for hit in hits]
        answer = {"query": told, "stage": result.stage.value, "hits": shown}
        print_json({**answer, **_corrections_as_json(result)})
    else:
        title = tr(
            "Possible matches for {person} ({stage})", person=told["text"], stage=result.stage.words
        )
        _print_table(title, hits, zone, result.remarks())


def _last(events: Iterable[SearchEvent]) -> SearchResult:
    """The best ranking; what had to be left out is told on stderr."""
    last: SearchResult | None = None
    for event in events:
        if isinstance(event, SearchResult):
            last = event
        elif isinstance(event, StageLeftOut):
            typer.echo(
                tr("Not {stage}: {error}", stage=event.stage.words, error=event.error), err=True
            )
    assert last is not None, "a search has at least one stage"
    return last


def _photo(workspace: Workspace, path: Path, who: Who) -> Photo:
    """A picture and, unless the user says who is meant, the people in it."""
    image = workspace.read_picture(path.expanduser())
    return workspace.photo_of(image) if who.box is None else Photo(image, Detections.none())


def _query(
    workspace: Workspace, who: Who, photos: Sequence[tuple[Path, Photo]]
) -> tuple[Query, dict[str, Any]]:
    """The query, and how it is told to the user."""
    found = [_by_tracklet(workspace, each) for each in dict.fromkeys(who.tracklet_ids)]
    people = [workspace.people.find(name) for name in who.people]
    queries = [workspace.people.query(person.id) for person in people]
    texts = [each["text"] for _, each in found] + [person.name for person in people]
    found += [each for query in queries for each in _by_person(workspace, query)]
    outside = [by_photo(path, photo, who.box) for path, photo in photos]
    if who.point is not None:
        outside.append(_by_point(workspace, who.point))
    texts += [each["text"] for _, each in outside]
    found += outside
    rejected = sorted(who.rejected.union(*(each.rejected for each in queries)))
    if len(found) == 1 and not people and not rejected:
        return found[0]
    query = PersonQuery(tuple(example for example, _ in found), tuple(rejected))
    _check_apart(query)
    told = [each for _, each in found]
    text = listed(texts)
    if who.rejected:
        text += tr("; not tracklet {ids}", ids=listed(map(str, sorted(who.rejected))))
    return query, {"kind": "person", "examples": told, "rejected": rejected, "text": text}


def _check_apart(query: PersonQuery) -> None:
    both = {each.tracklet_id for each in query.shown if isinstance(each, TrackletQuery)}
    if both := both & set(query.rejected):
        raise UsageError(
            tr("Tracklet {id} cannot show the person and be somebody else.", id=min(both)),
            tr("Leave out one of the two."),
        )


def _by_tracklet(workspace: Workspace, tracklet_id: int) -> tuple[Example, dict[str, Any]]:
    workspace.library.tracklet(tracklet_id)
    text = tr("tracklet {id}", id=tracklet_id)
    told = {"kind": "tracklet", "tracklet_id": tracklet_id, "text": text}
    return TrackletQuery(tracklet_id), told


def _by_person(workspace: Workspace, query: PersonQuery) -> list[tuple[Example, dict[str, Any]]]:
    sightings = (each for each in query.shown if isinstance(each, TrackletQuery))
    return [_by_tracklet(workspace, each.tracklet_id) for each in sightings]


def _by_point(workspace: Workspace, point: Point) -> tuple[Example, dict[str, Any]]:
    video = workspace.catalog.find_video(point.video)
    _check(point, video)
    where = (video.id, point.time_s, point.x_px, point.y_px)
    tracklet_id = workspace.playback.person_at(*where)
    told: dict[str, Any] = {
        "kind": "point",
        "video": str(video.path),
        "time_s": point.time_s,
        "at": [point.x_px, point.y_px],
        "tracklet_id": tracklet_id,
        "text": tr(
            "{name} at {time}",
            name=video.path.name,
            time=format_offset(point.time_s),
        ),
    }
    if tracklet_id is not None:
        return TrackletQuery(tracklet_id), told
    return workspace.detect_person_at(*where), told


def _check(point: Point, video: Video) -> None:
    """Raises UsageError where the video has no such moment or its frames no such point."""
    check_moment(video, point.time_s)
    info = video.info
    size = info.width_px, info.height_px
    if all(size) and not (0 <= point.x_px <= size[0] and 0 <= point.y_px <= size[1]):
        raise UsageError(
            tr(
                "The point {x_px:g},{y_px:g} is not in a frame of {name}.",
                x_px=point.x_px,
                y_px=point.y_px,
                name=video.path.name,
            ),
            tr(
                "Its frames are {width} pixels wide and {height} high.",
                width=size[0],
                height=size[1],
            ),
        )


def _filter(workspace: Workspace, wanted: Wanted) -> SearchFilter:
    cameras = [workspace.catalog.find_camera(name).id for name in wanted.cameras]
    zone = workspace.library.timezone
    return SearchFilter(
        camera_ids=frozenset(cameras) if cameras else None,
        from_utc=parse_time(wanted.from_, zone) if wanted.from_ else None,
        to_utc=parse_time(wanted.to, zone) if wanted.to else None,
    )


def _corrections_as_json(result: SearchResult) -> dict[str, Any]:
    return {
        "camera_mean": [
            {"camera": each.camera, "sightings": each.sightings, "share": round(each.share, 4)}
            for each in result.camera_mean
        ],
        "transit": None if result.transit is None else asdict(result.transit),
    }


def _as_json(hit: HitDetails) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "tracklet_id": hit.tracklet_id,
        "camera": hit.camera,
        "video": str(hit.video),
        "first_time_s": round(hit.first_time_s, 3),
        "last_time_s": round(hit.last_time_s, 3),
        "start_utc": format_utc(hit.start_utc) if hit.start_utc else None,
        "time_source": hit.time_source,
        "box": [round(float(side), 1) for side in hit.box],
        "box_time_s": round(hit.box_time_s, 3),
        "score": round(hit.score, 6),
        "probability": None if hit.probability is None else round(hit.probability, 4),
        "thumbnail": str(hit.thumbnail),
        "transit": None
        if hit.transit is None
        else {
            "gap_s": round(hit.transit.gap_s, 3),
            "log_odds": round(hit.transit.log_odds, 4),
            "words": hit.transit.words(),
        },
    }


def _print_table(title: str, hits: list[HitDetails], zone: ZoneInfo, remarks: list[str]) -> None:
    timed = any(hit.transit is not None for hit in hits)
    score: Cell = (tr("score"), "  ", tr("gap")) if timed else tr("score")
    calibrated = any(hit.probability is not None for hit in hits)
    columns: tuple[Cell, ...] = (
        (tr("rank"), "  ", tr("probability")) if calibrated else tr("rank"),
        score,
        tr("tracklet"),
        (tr("camera"), " · ", tr("video")),
        tr("seen"),
        tr("date and time"),
        tr("box"),
    )
    right = (tr("rank"), tr("score"), tr("tracklet"))
    table = AnswerTable(title, columns, right=right, folding=(tr("camera"),))
    for hit in hits:
        table.add(
            str(hit.rank)
            if hit.probability is None
            else (str(hit.rank), "  ", percent_text(hit.probability)),
            (f"{hit.score:.3f}", "  ", _gap(hit.transit)) if timed else f"{hit.score:.3f}",
            str(hit.tracklet_id),
            (hit.camera, " · ", hit.video.name),
            (format_offset(hit.first_time_s), "–", format_offset(hit.last_time_s)),
            time_cell(hit.start_utc, zone),
            box_cell(hit.box),
        )
    nobody = tr("No hits: nothing was recorded there, or the filters exclude everything.")
    legend = (
        [tr("↑ / ↓: the time between this sighting and the person sought is usual / unusual")]
        if timed
        else []
    )
    if not calibrated:
        remarks = [*remarks, tr("Not enough data to tell likely from unlikely.")]
    table.print(*([*remarks, *legend] if hits else [nobody]))


def _gap(transit: Transit | None) -> str:
    """Such as "↑ +40 s"; empty where it is not known."""
    if transit is None:
        return ""
    return f"{_GAP_SIGNS[transit.judgement]}{transit.signed()}"
