"""What leaves the program: pictures of rankings, and tracks in the MOT-challenge format."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from app.core.clock import format_offset, format_time
from app.core.entities import Image, Tracklet, Trajectory, Video, VideoStatus
from app.core.errors import UsageError, UserFacingError
from app.language import tr
from app.services.people.catalog import HitDetails
from app.storage.library import Library

# A sheet: a row of tiles, each a picture area with a few lines of text below it.
PICTURE_WIDTH_PX = 192
PICTURE_HEIGHT_PX = 288
GAP_PX = 14
LINE_HEIGHT_PX = 19
TEXT_LINES = 5
CAPTION_HEIGHT_PX = 40
# Enlarged further, a tiny crop only looks as if it were sharp.
MAX_ENLARGEMENT = 3.0
# A JPEG file ends at 65 535 pixels a side.
MAX_HITS = 5000
# Width : height of the whole grid of hits.
SHEET_ASPECT = 1.5

_UTC = ZoneInfo("UTC")
_PAPER = (246, 246, 244)
_GROUND = (226, 226, 223)
_INK = (28, 28, 30)
_FAINT_INK = (98, 98, 102)
_QUERY_FRAME = (0, 92, 197)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TEXT_SCALE = 0.45
_SMALL_TEXT_SCALE = 0.38
_CAPTION_SCALE = 0.6
# What Unicode does not take apart into ASCII and an accent.
_PLAIN_SIGNS = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "ł": "l", "–": "-", "—": "-", "·": "-", "\n": " "}
)
_SUFFIXES = {".jpg", ".jpeg", ".png"}
# File systems take 255; a suffix and a mark are added.
_LONGEST_NAME_BYTES = 200
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
# So much of a video is in memory at a time while its tracks are written.
_MOT_S = 60.0


# Pictures ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    """A picture with its label.

    Attributes:
        image: RGB uint8 (h, w, 3).
        title: at the left of the first line.
        score: at the right of the first line.
        lines: below it.
    """

    image: Image
    title: str
    score: str
    lines: tuple[str, ...]
    is_query: bool = False


def write_sheet(
    path: Path,
    query: Image | None,
    hits: Sequence[HitDetails],
    caption: str,
    read_crop: Callable[[Path], Image],
    zone: ZoneInfo = _UTC,
) -> None:
    """Writes a picture of a ranking: the query at the left, the ranked crops beside it.

    Args:
        path: .jpg or .png; its folder is made where missing, an existing file is replaced.
        query: RGB uint8 (h, w, 3), or None.
        hits: in the order of the ranking.
        caption: one line above everything; like all text it is drawn in ASCII.
        read_crop: see `app.storage.library.Library.crop`.
        zone: for the hits' wall-clock times.

    Raises:
        UsageError: if the suffix is another, or there are more hits than a picture can hold.
        UserFacingError: if the file cannot be written, or a crop cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(
            tr(
                "{path} cannot be written: its name does not end like that of a picture.", path=path
            ),
            tr("Use a name that ends in .jpg or .png."),
        )
    if len(hits) > MAX_HITS:
        raise UsageError(
            tr(
                "A picture can show {most} hits at most, not {count}.",
                most=MAX_HITS,
                count=len(hits),
            ),
            tr("Request fewer hits."),
        )
    tiles = [_hit_tile(hit, read_crop(hit.thumbnail), zone) for hit in hits]
    sheet = _sheet(query, tiles, caption)
    encoded, data = cv2.imencode(suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not encoded:
        raise ValueError(f"a sheet of shape {sheet.shape} cannot be encoded as {suffix}")
    _replace_file(path, [data.tobytes()])


def _hit_tile(hit: HitDetails, image: Image, zone: ZoneInfo) -> _Tile:
    lines = [hit.camera, format_offset(hit.first_time_s)]
    if hit.start_utc is not None:
        lines.append(format_time(hit.start_utc, zone))
        if hit.time_source.isascii():
            lines.append(f"by {hit.time_source}")
    return _Tile(image, str(hit.rank), f"{hit.score:.3f}", tuple(lines))


def _sheet(query: Image | None, tiles: Sequence[_Tile], caption: str) -> Image:
    """Draws everything, RGB uint8 (H, W, 3); in English, as OpenCV draws ASCII only."""
    tile_width = PICTURE_WIDTH_PX + GAP_PX
    tile_height = PICTURE_HEIGHT_PX + TEXT_LINES * LINE_HEIGHT_PX + GAP_PX
    columns = math.ceil(math.sqrt(SHEET_ASPECT * tile_height / tile_width * max(len(tiles), 1)))
    rows = max(1, math.ceil(len(tiles) / columns))
    columns = max(1, min(columns, len(tiles)))
    query_columns = 0 if query is None else 1
    # A sheet of one or two tiles still has room for its caption.
    caption_width = _text_width(caption, _CAPTION_SCALE) + 2 * GAP_PX
    width = max((query_columns + columns) * tile_width + GAP_PX, min(caption_width, 1200))
    sheet = np.full((CAPTION_HEIGHT_PX + rows * tile_height + GAP_PX, width, 3), _PAPER, np.uint8)
    _write(sheet, caption, GAP_PX, 27, width - 2 * GAP_PX, _CAPTION_SCALE, _INK)
    if query is not None:
        _draw_tile(sheet, _Tile(query, "query", "", (), is_query=True), GAP_PX, CAPTION_HEIGHT_PX)
    for place, tile in enumerate(tiles):
        left = GAP_PX + (query_columns + place % columns) * tile_width
        _draw_tile(sheet, tile, left, CAPTION_HEIGHT_PX + place // columns * tile_height)
    if not tiles:
        left = GAP_PX + query_columns * tile_width
        room = width - left - GAP_PX
        _write(sheet, "no hits", left, CAPTION_HEIGHT_PX + 20, room, _TEXT_SCALE, _FAINT_INK)
    return sheet


def _draw_tile(sheet: Image, tile: _Tile, left: int, top: int) -> None:
    area = sheet[top : top + PICTURE_HEIGHT_PX, left : left + PICTURE_WIDTH_PX]
    area[:] = _GROUND
    picture = _fitted(tile.image)
    height, width = picture.shape[:2]
    y, x = (PICTURE_HEIGHT_PX - height) // 2, (PICTURE_WIDTH_PX - width) // 2
    area[y : y + height, x : x + width] = picture
    if tile.is_query:
        corner = (left + PICTURE_WIDTH_PX + 1, top + PICTURE_HEIGHT_PX + 1)
        cv2.rectangle(sheet, (left - 2, top - 2), corner, _QUERY_FRAME, 3)
    baseline = top + PICTURE_HEIGHT_PX + LINE_HEIGHT_PX
    score_width = _text_width(tile.score, _TEXT_SCALE)
    room = PICTURE_WIDTH_PX - (score_width + 8 if tile.score else 0)
    _write(sheet, tile.title, left, baseline, room, _TEXT_SCALE, _INK)
    score_left = left + PICTURE_WIDTH_PX - score_width
    _write(sheet, tile.score, score_left, baseline, score_width, _TEXT_SCALE, _INK)
    for line in tile.lines:
        baseline += LINE_HEIGHT_PX
        _write(sheet, line, left, baseline, PICTURE_WIDTH_PX, _SMALL_TEXT_SCALE, _FAINT_INK)


def _fitted(image: Image) -> Image:
    """The image at the size of a tile's picture area, proportions kept; at least 1 × 1."""
    height, width = image.shape[:2]
    scale = min(PICTURE_WIDTH_PX / width, PICTURE_HEIGHT_PX / height, MAX_ENLARGEMENT)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _write(
    sheet: Image,
    text: str,
    left: int,
    baseline: int,
    room: int,
    scale: float,
    ink: tuple[int, int, int],
) -> None:
    """Draws a line of text, cut to `room` pixels."""
    text = _ascii(text)
    if _text_width(text, scale) > room:
        while text and _text_width(text + "..", scale) > room:
            text = text[:-1]
        text += ".."
    cv2.putText(sheet, text, (left, baseline), _FONT, scale, ink, 1, cv2.LINE_AA)


def _text_width(text: str, scale: float) -> int:
    return int(cv2.getTextSize(_ascii(text), _FONT, scale, 1)[0][0])


def _ascii(text: str) -> str:
    """The text without accents; OpenCV draws ASCII only, so other signs become question marks."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN_SIGNS))
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return kept.encode("ascii", "replace").decode("ascii")


# Tracks -----------------------------------------------------------------------------------------


def write_mot(library: Library, folder: Path) -> Iterator[Path]:
    """Writes one MOT-challenge text file for each analysed video, and names it once it is written.

    A line is `frame,track,left,top,width,height,score,-1,-1,-1`: number of the decoded frame from
    1, number of the tracklet within its video, pixels of the upright full frame, the detector's
    score. Lines are sorted by frame, then track. A video without people has an empty file.

    Args:
        library: whose videos; those that failed or were never begun are left out.
        folder: is made where missing; existing files are replaced.

    Yields:
        Absolute path of each file.

    Raises:
        UserFacingError: if the folder or a file cannot be written.
    """
    not_analysed = (VideoStatus.PENDING, VideoStatus.FAILED)
    videos = [video for video in library.videos() if video.status not in not_analysed]
    names = _file_names(videos)
    for video in videos:
        file = folder.absolute() / names[video.id]
        _replace_file(file, _mot_text(library, video.id))
        yield file


def _mot_text(library: Library, video_id: int) -> Iterator[bytes]:
    """The lines of a video, a minute at a time: a day of a busy place has millions."""
    _, end_s = library.last_tracklet(video_id)
    for minute in range(math.floor(end_s / _MOT_S) + 1):
        from_s, to_s = minute * _MOT_S, (minute + 1) * _MOT_S
        tracks = library.trajectories_between(video_id, from_s, to_s)
        yield "".join(_mot_lines(tracks, from_s, to_s)).encode("ascii")


def _mot_lines(
    tracks: Sequence[tuple[Tracklet, Trajectory]], from_s: float, to_s: float
) -> list[str]:
    lines = []
    for tracklet, trajectory in tracks:
        there = (trajectory.time_s >= from_s) & (trajectory.time_s < to_s)
        for index, box, score in zip(
            trajectory.frame_index[there].tolist(),
            trajectory.boxes[there].tolist(),
            trajectory.scores[there].tolist(),
            strict=True,
        ):
            left, top, right, bottom = box
            numbers = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f},{score:.4f}"
            line = f"{index + 1},{tracklet.number},{numbers},-1,-1,-1\n"
            lines.append((index, tracklet.number, line))
    return [line for _, _, line in sorted(lines)]


def _file_names(videos: Sequence[Video]) -> dict[int, str]:
    """A name for each video's file: camera and stem, and as much of the path as tells two apart.

    Returns:
        File name by video id, no two the same even where upper and lower case are one.
    """
    names = {video.id: f"{video.camera.name}__{video.path.stem}" for video in videos}
    for twins in _clashing(videos, names):
        for video, ending in zip(twins, _distinct_endings(twins), strict=True):
            names[video.id] = "__".join([video.camera.name, *ending])
    for twins in _clashing(videos, names):
        # Image sequences may share a folder.
        for video in twins:
            names[video.id] += f"__{video.id}"
    return {video_id: f"{_file_name(name)}.txt" for video_id, name in names.items()}


def _clashing(videos: Sequence[Video], names: dict[int, str]) -> list[list[Video]]:
    """Videos whose files would have the same name, in groups."""
    groups: dict[str, list[Video]] = defaultdict(list)
    for video in videos:
        groups[_file_name(names[video.id]).casefold()].append(video)
    return [group for group in groups.values() if len(group) > 1]


def _distinct_endings(videos: Sequence[Video]) -> list[tuple[str, ...]]:
    """The last parts of the videos' paths, as many as it takes until no two are the same."""
    longest = max(len(video.path.parts) for video in videos)
    for count in range(1, longest + 1):
        endings = [video.path.parts[-count:] for video in videos]
        if len(set(endings)) == len(endings):
            break
    return endings


def _file_name(name: str) -> str:
    """The name without the signs that some file system refuses, and no longer than they take."""
    name = _NOT_IN_FILE_NAMES.sub("_", name)
    raw = name.encode()
    if len(raw) <= _LONGEST_NAME_BYTES:
        return name
    mark = hashlib.sha256(raw).hexdigest()[:8]  # two long names stay two
    return f"{raw[:_LONGEST_NAME_BYTES].decode(errors='ignore')}~{mark}"


# Files ------------------------------------------------------------------------------------------


def _replace_file(path: Path, data: Iterable[bytes]) -> None:
    """Writes a file piece by piece: whoever looks sees the old one or the whole new one.

    Raises:
        UserFacingError: if it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                file.writelines(data)
            unfinished.replace(path)
        except Exception:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserFacingError(
            tr("{path} cannot be written: {reason}.", path=path, reason=error.strerror or error),
            tr("Choose a place with free space where you may write."),
        ) from error
