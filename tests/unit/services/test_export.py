"""Sheets are looked at pixel by pixel, tracks line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from stored_people import add_people, add_video, plain_crop, unit

from app.core.entities import Image, VideoStatus
from app.core.errors import UsageError, UserFacingError
from app.core.queries import Hit
from app.services.export import export
from app.services.export.export import write_mot, write_sheet
from app.services.people.catalog import Catalog, HitDetails
from app.storage.crop_files import read_crop
from app.storage.library import Library

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


@pytest.fixture
def hits(library: Library, tmp_path: Path) -> list[HitDetails]:
    """Three hits: pure red, green and blue crops of different shapes, of a camera in the south."""
    video = add_video(library, tmp_path / "a.mp4", "Süd-Eingang", NOON)
    crops = [np.zeros(shape, np.uint8) for shape in ((128, 64, 3), (60, 24, 3), (300, 400, 3))]
    for channel, crop in enumerate(crops):
        crop[..., channel] = 255
    stored = add_people(library, video, [unit(1, place) for place in range(3)], crops)
    return Catalog(library).details([Hit(each.id, 0.9, 0.9) for each in stored])


def picture(path: Path) -> Image:
    """Read as a user's viewer would, RGB."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def extent(image: Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, width, height of the pixels that have about this colour."""
    near = (np.abs(image.astype(int) - color) < 60).all(axis=2)
    ys, xs = np.nonzero(near)
    assert len(ys), f"nothing is {color}"
    return xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1


@pytest.mark.parametrize("name", ["ranking.jpg", "ranking.PNG", "новая папка/Übersicht 东门.jpeg"])
def test_sheet_shows_query_and_hits_in_order(
    tmp_path: Path, hits: list[HitDetails], name: str
) -> None:
    query = np.full((50, 50, 3), (255, 255, 0), np.uint8)
    write_sheet(tmp_path / name, query, hits, "Who – is it?", read_crop)
    sheet = picture(tmp_path / name)
    colors = [(255, 255, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    extents = [extent(sheet, color) for color in colors]
    lefts = [each[0] for each in extents]
    assert lefts == sorted(lefts)
    for (_, _, width, height), shape in zip(
        extents, [(50, 50), (128, 64), (60, 24), (300, 400)], strict=True
    ):
        assert width / height == pytest.approx(shape[1] / shape[0], rel=0.05)
    # Not enlarged beyond what the pixels give.
    assert extents[2][3] == pytest.approx(60 * export.MAX_ENLARGEMENT, abs=3)
    left_over = [path.name for path in (tmp_path / name).parent.iterdir() if "unf" in path.name]
    assert left_over == []


def test_labels_lie_below_each_crop_and_inside_the_sheet(
    tmp_path: Path, hits: list[HitDetails]
) -> None:
    write_sheet(tmp_path / "sheet.png", None, hits, "", read_crop)
    sheet = picture(tmp_path / "sheet.png")
    lines = export.CAPTION_HEIGHT_PX + export.PICTURE_HEIGHT_PX + np.arange(4) * 19
    for place in range(3):
        left = export.GAP_PX + place * (export.PICTURE_WIDTH_PX + export.GAP_PX)
        for top in lines:
            line = sheet[top + 4 : top + 21, left : left + export.PICTURE_WIDTH_PX]
            assert (line < 128).all(axis=2).any(), f"no text at {left}, {top}"
    assert not (sheet[:, -export.GAP_PX // 2 :] < 128).any()


def test_texts_of_a_label(
    tmp_path: Path, hits: list[HitDetails], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    draw = cv2.putText

    def spy(image: Image, text: str, *rest: object) -> object:
        texts.append(text)
        return draw(image, text, *rest)

    monkeypatch.setattr(export.cv2, "putText", spy)
    caption = "Straße – 东门 " + "x" * 500
    write_sheet(tmp_path / "sheet.png", plain_crop(), hits[:1], caption, read_crop, BERLIN)
    assert texts[0].startswith("Strasse - ?? xxx")
    assert texts[0].endswith("x..")
    assert texts[1:] == [
        "query", "", "1", "0.900", "Sud-Eingang", "0:00:00.0", "2024-05-01 14:00:00 +02:00",
        "by file name, raw",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_any_number_of_hits_makes_a_grid(
    tmp_path: Path, hits: list[HitDetails], count: int
) -> None:
    many = [hits[0]] * count
    write_sheet(tmp_path / "sheet.png", None, many, "caption", read_crop)
    sheet = picture(tmp_path / "sheet.png")
    red = (np.abs(sheet.astype(int) - (255, 0, 0)) < 60).all(axis=2)
    width, height = 144, 288  # of each crop of 64 × 128
    assert red.sum() == pytest.approx(count * width * height, rel=0.02)
    if count == 60:
        assert 0.8 < sheet.shape[1] / sheet.shape[0] < 2.2


def test_sheet_that_cannot_be_written(tmp_path: Path, hits: list[HitDetails]) -> None:
    with pytest.raises(UsageError, match=r"sheet\.gif") as caught:
        write_sheet(tmp_path / "sheet.gif", None, hits, "", read_crop)
    assert ".png" in caught.value.remedy
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserFacingError, match="cannot be written"):
        write_sheet(tmp_path / "file" / "sheet.jpg", None, hits, "", read_crop)
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(UserFacingError, match="cannot be written"):
        write_sheet(tmp_path / "folder.jpg", None, hits, "", read_crop)
    with pytest.raises(UsageError, match="5001"):
        write_sheet(tmp_path / "sheet.jpg", None, [hits[0]] * 5001, "", read_crop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.jpg", "library"]


def test_missing_crop_is_named(tmp_path: Path, hits: list[HitDetails]) -> None:
    hits[1].thumbnail.unlink()
    with pytest.raises(UserFacingError, match=hits[1].thumbnail.name):
        write_sheet(tmp_path / "sheet.jpg", None, hits, "", read_crop)


def test_mot_lines_are_sorted_by_frame_then_track(library: Library, tmp_path: Path) -> None:
    video = add_video(library, tmp_path / "gate.mp4", "cam1")
    add_people(library, video, [unit(1, 0)] * 2, times=[(0.4, 0.6), (0.0, 0.4)])
    (path,) = write_mot(library, tmp_path / "out" / "mot")
    assert path == tmp_path / "out" / "mot" / "cam1__gate.txt"
    assert path.read_text().splitlines() == [
        "1,2,10.00,20.00,16.00,32.00,0.5000,-1,-1,-1",
        "11,1,10.00,20.00,16.00,32.00,0.5000,-1,-1,-1",
        "11,2,15.00,20.00,16.00,32.00,0.5100,-1,-1,-1",
        "16,1,15.00,20.00,16.00,32.00,0.5100,-1,-1,-1",
    ]


def test_mot_leaves_out_what_was_never_analysed(library: Library, tmp_path: Path) -> None:
    empty = add_video(library, tmp_path / "empty.mp4")
    failed = add_video(library, tmp_path / "failed.mp4")
    library.finish_video(empty.id, VideoStatus.DONE)
    library.finish_video(failed.id, VideoStatus.FAILED, problem="It is no video.")
    target = tmp_path / "out" / "cam1__empty.txt"
    target.parent.mkdir()
    target.write_text("what an earlier export left")
    assert list(write_mot(library, tmp_path / "out")) == [target]
    assert target.read_bytes() == b""
    assert list(target.parent.iterdir()) == [target]


def test_mot_files_have_names_of_their_own(library: Library, tmp_path: Path) -> None:
    for path, camera in [
        ("day1/morning/001.mp4", "gate"),
        ("day1/evening/001.mp4", "gate"),
        ("day2/evening/001.mp4", "gate"),
        ("clip.mp4", "yard"),
        ("clip.avi", "yard"),
        ("CLIP.mkv", "Yard"),
        ("other.mp4", "floor 1/left: A"),
    ]:
        add_video(library, tmp_path / path, camera)
    names = sorted(path.name for path in write_mot(library, tmp_path / "out"))
    assert names == [
        "Yard__CLIP.mkv.txt",
        "floor 1_left_ A__other.txt",
        "gate__day1__evening__001.mp4.txt",
        "gate__day1__morning__001.mp4.txt",
        "gate__day2__evening__001.mp4.txt",
        "yard__clip.avi.txt",
        "yard__clip.mp4.txt",
    ]


def test_long_names_have_a_file_each(library: Library, tmp_path: Path) -> None:
    long = "北門入口監控攝影機第一號" * 6  # 216 bytes
    for ending in ("甲", "乙"):
        add_video(library, tmp_path / f"{long}{ending}.mp4", "Warehouse B - loading dock 4")
    paths = list(write_mot(library, tmp_path / "out"))
    assert len({path.name for path in paths}) == 2
    assert all(path.is_file() and len(path.name.encode()) <= 255 for path in paths)
    assert all(path.name.startswith("Warehouse B - loading dock 4__北門") for path in paths)


def test_mot_where_nothing_can_be_written(library: Library, tmp_path: Path) -> None:
    add_video(library, tmp_path / "a.mp4")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserFacingError, match="cannot be written") as caught:
        list(write_mot(library, tmp_path / "file"))
    assert caught.value.remedy
