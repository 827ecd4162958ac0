"""``ingest --dry-run``: what is understood of a folder, before anything is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console

from app.cli.output import AnswerTable, Cell, print_json
from app.core.clock import format_offset, format_time, format_utc, zone_text
from app.language import listed, tr, trn
from app.services.ingest.survey import Survey

if TYPE_CHECKING:
    from app.services.ingest.survey import SurveyedVideo, Surveying

_CORRECT = tr(
    "Nothing has been read yet. If cameras are wrong, add --camera-by; if their "
    "clocks are in another zone, add --zone."
)


def show_survey(events: Iterator[Surveying | Survey], *, as_json: bool) -> bool:
    """Prints cameras and videos on stdout, as tables or as one JSON object.

    Returns:
        Whether something in the folder cannot be read.
    """
    console = Console(stderr=True, highlight=False)
    found: Survey | None = None
    with console.status(tr("Looking into the folder")) as status:
        for event in events:
            if isinstance(event, Survey):
                found = event
            elif event.total:
                status.update(
                    tr("Looking at video {done} of {total}", done=event.done + 1, total=event.total)
                )
    assert found is not None, "a survey ends with what it found, or raises"
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)
    return any(video.problem for video in found.videos)


def _print(found: Survey) -> None:
    cameras = AnswerTable(
        tr("Cameras of {folder}", folder=found.paths[0]),
        (tr("camera"), tr("videos"), tr("length"), tr("from"), tr("to")),
        right=(tr("videos"), tr("length")),
        folding=(tr("camera"),),
    )
    for camera in found.cameras():
        first, last = (
            format_time(moment, found.zone) if moment else tr("unknown")
            for moment in (camera.first_utc, camera.last_utc)
        )
        cameras.add(
            camera.name, str(len(camera.videos)), format_offset(camera.duration_s), first, last
        )
    cameras.print("")
    columns: tuple[Cell, ...] = (
        (tr("camera"), " · ", tr("video")),
        tr("layout"),
        tr("start"),
        tr("time from"),
        tr("zone"),
        tr("length"),
    )
    folding = (tr("camera"), tr("layout"))
    videos = AnswerTable(tr("Videos"), columns, right=(tr("length"),), folding=folding)
    for video in found.videos:
        videos.add((video.camera, " · ", video.name), *_cells(video, found))
    problems = [video.problem for video in found.videos if video.problem]
    left_out = sum(bool(video.left_out) for video in found.videos)
    if left_out:
        problems.append(
            trn(
                "{count} sub stream of cameras whose main stream is read; "
                "to read it, too, add --sub-streams.",
                "{count} sub streams of cameras whose main stream is read; "
                "to read them, too, add --sub-streams.",
                left_out,
            )
        )
    videos.print("", *problems, _total(found), _CORRECT)


def _cells(video: SurveyedVideo, found: Survey) -> list[str]:
    info, layout = video.info, video.layout.words if video.layout else ""
    if info is None:
        return [
            layout,
            tr("not read") if video.left_out else tr("cannot be read"),
            "",
            "",
            "",
        ]
    start = format_time(info.start_utc, found.zone) if info.start_utc else tr("unknown")
    length = tr("unknown") if info.duration_s is None else format_offset(info.duration_s)
    return [layout, start, info.start_source.words, video.zone_words, length]


def _total(found: Survey) -> str:
    cameras, videos = len(found.cameras()), len(found.videos)
    sources = Counter(video.info.start_source.words for video in found.videos if video.info)
    said = listed(
        tr("{count} by {source}", count=count, source=source)
        for source, count in sources.most_common()
    )
    unread = sum(bool(video.problem) for video in found.videos)
    if unread:
        said = listed([*filter(None, [said]), tr("{count} cannot be read", count=unread)])
    return tr(
        "{cameras}, {videos}, {length} in all; starts: {sources}; times are shown in {zone}.",
        cameras=trn("{count} camera", "{count} cameras", cameras),
        videos=trn("{count} video", "{count} videos", videos),
        length=format_offset(found.duration_s),
        sources=said or tr("none"),
        zone=zone_text(found.zone),
    )


def _as_json(found: Survey) -> dict[str, Any]:
    return {
        "folder": str(found.paths[0]),
        "timezone": zone_text(found.zone),
        "duration_s": found.duration_s,
        "cameras": [
            {
                "camera": camera.name,
                "videos": len(camera.videos),
                "first_utc": format_utc(camera.first_utc) if camera.first_utc else None,
                "last_utc": format_utc(camera.last_utc) if camera.last_utc else None,
                "duration_s": camera.duration_s,
            }
            for camera in found.cameras()
        ],
        "videos": [_video_as_json(video) for video in found.videos],
    }


def _video_as_json(video: SurveyedVideo) -> dict[str, Any]:
    info = video.info
    return {
        "video": video.path.as_posix(),
        "camera": video.camera,
        "layout": video.layout.maker if video.layout else None,
        "start_utc": format_utc(info.start_utc) if info and info.start_utc else None,
        "start_source": info.start_source.value if info else None,
        "zone": video.zone or None,
        "duration_s": info.duration_s if info else None,
        "frame_count": info.frame_count if info else None,
        "fps": info.fps if info else None,
        "size_px": [info.width_px, info.height_px] if info else None,
        "problem": video.problem or None,
        "left_out": video.left_out or None,
    }
