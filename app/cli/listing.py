"""``list``: the videos of a library with their status, and their tracklets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.cli.output import AnswerTable, box_cell, print_json, time_cell
from app.core.clock import format_offset, format_utc
from app.language import tr

if TYPE_CHECKING:
    from app.core.entities import Video
    from app.services.people.catalog import TrackletRow
    from app.services.workspace import Workspace


def show_library(workspace: Workspace, *, as_json: bool) -> None:
    """Prints every video and tracklet on stdout, as tables or as one JSON object."""
    videos = [video for entry in workspace.catalog.cameras() for video in entry.videos]
    rows = {video.id: workspace.catalog.tracklet_rows(video.id) for video in videos}
    if as_json:
        models = {role: workspace.library.model(role) for role in ("detector", "embedder")}
        print_json(
            {
                "library": str(workspace.library.folder),
                "timezone": str(workspace.library.timezone),
                **{role: model.id if model else None for role, model in models.items()},
                "videos": [_video_as_json(video, rows[video.id]) for video in videos],
            }
        )
        return
    _print_videos(workspace, videos)
    for video in videos:
        _print_tracklets(video, rows[video.id])


def show_days(workspace: Workspace, *, as_json: bool) -> None:
    """Prints the days with footage."""
    from app.services.route.days import days_of
    from app.services.route.timeline import lanes_of

    days = days_of(workspace.library, lanes_of(workspace.catalog.cameras()))
    if as_json:
        print_json(
            {
                "timezone": str(workspace.library.timezone),
                "days": [
                    {
                        "day": day.day.isoformat(),
                        "footage_s": round(day.footage_s, 1),
                        "sightings": day.sightings,
                    }
                    for day in days
                ],
            }
        )
        return
    right = (tr("footage"), tr("sightings"))
    table = AnswerTable(tr("Days with footage"), (tr("day"), *right), right=right)
    for day in days:
        table.add(day.day.isoformat(), format_offset(day.footage_s), str(day.sightings))
    nothing = tr("No footage whose recording time is known.")
    table.print(*(() if days else (nothing,)))


def _video_as_json(video: Video, rows: list[TrackletRow]) -> dict[str, Any]:
    info, start = video.info, video.moment(0.0)
    return {
        "video_id": video.id,
        "camera": video.camera.name,
        "video": str(video.path),
        "status": video.status.value,
        "problem": video.problem or None,
        "start_utc": format_utc(start) if start else None,
        "start_raw_utc": format_utc(raw) if (raw := video.raw_moment(0.0)) else None,
        "start_source": info.start_source.value,
        "clock": "raw" if video.camera.clock.is_raw else "corrected",
        "duration_s": info.duration_s,
        "frame_count": info.frame_count,
        "fps": info.fps,
        "size_px": [info.width_px, info.height_px],
        "analysed_fps": video.analysed_fps,
        "detector": video.detector_id,
        "content_sha256": video.content_hash or None,
        "people": len(rows),
        "tracklets": [
            {
                "tracklet_id": row.tracklet_id,
                "number": row.number,
                "first_time_s": round(row.first_time_s, 3),
                "last_time_s": round(row.last_time_s, 3),
                "start_utc": format_utc(row.start_utc) if row.start_utc else None,
                "box": [round(float(side), 1) for side in row.box],
                "box_time_s": round(row.box_time_s, 3),
                "score": round(row.score, 4),
                "thumbnail": str(row.thumbnail),
            }
            for row in rows
        ],
    }


def _print_videos(workspace: Workspace, videos: list[Video]) -> None:
    columns = (
        (tr("camera"), " · ", tr("video")),
        tr("status"),
        tr("people"),
        tr("length"),
        tr("recorded"),
        tr("time from"),
    )
    title = tr("Videos of {folder}", folder=workspace.library.folder)
    table = AnswerTable(title, columns, right=(tr("people"),), folding=(tr("camera"),))
    zone = workspace.library.timezone
    for video in videos:
        info = video.info
        table.add(
            (video.camera.name, " · ", video.path.name),
            video.status.words,
            str(video.tracklet_count),
            tr("unknown") if info.duration_s is None else format_offset(info.duration_s),
            time_cell(video.moment(0.0), zone),
            video.time_source,
        )
    problems = [f"{video.status.words}: {video.problem}" for video in videos if video.problem]
    table.print(*(problems if videos else [tr("The library has no videos yet.")]))


def _print_tracklets(video: Video, rows: list[TrackletRow]) -> None:
    columns = (tr("tracklet"), tr("number"), tr("from"), tr("to"), tr("box"), tr("score"))
    title = f"\n{video.camera.name} · {video.path.name}"
    table = AnswerTable(title, columns, right=[each for each in columns if each != tr("box")])
    for row in rows:
        table.add(
            str(row.tracklet_id),
            str(row.number),
            format_offset(row.first_time_s),
            format_offset(row.last_time_s),
            "".join(box_cell(row.box)),
            f"{row.score:.2f}",
        )
    table.print()
