"""Moved footage is missed, and found again where the user says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stored_people import add_video

from app.core.entities import VideoInfo, VideoStatus
from app.core.errors import UsageError
from app.services.footage.relocation import locate_footage, missing_footage
from app.storage.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


@pytest.fixture
def footage(library: Library, tmp_path: Path) -> Path:
    """One root with videos in two subfolders, all there."""
    root = tmp_path / "campus"
    for name in ("day1/a.mp4", "day1/b.mp4", "day2/a.mp4"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        info = VideoInfo(path, path.parent.name, 640, 360, 25.0, None, None)
        library.add_video(root, info, f"hash of {name}", 1, 1)
    return root


def paths(library: Library) -> list[Path]:
    return [video.path for video in library.videos()]


def test_nothing_is_missed_while_all_is_there(library: Library, footage: Path) -> None:
    assert missing_footage(library) == []
    (footage / "day2" / "a.mp4").unlink()
    (lost,) = missing_footage(library)
    assert (lost.folder, lost.present) == (footage, 2)
    assert lost.missing == (footage / "day2" / "a.mp4",)


def test_what_could_never_be_read_is_not_missed(library: Library, tmp_path: Path) -> None:
    broken = add_video(library, tmp_path / "gone" / "broken.mp4")
    library.finish_video(broken.id, VideoStatus.FAILED, problem="It is not a video.")
    assert missing_footage(library) == []


@pytest.mark.parametrize("chosen", ["disk/renamed", "disk"])
def test_a_moved_folder_is_found_by_itself_and_by_the_one_around_it(
    library: Library, footage: Path, tmp_path: Path, chosen: str
) -> None:
    now = tmp_path / "disk" / ("renamed" if chosen != "disk" else footage.name)
    now.parent.mkdir()
    footage.rename(now)
    (lost,) = missing_footage(library)
    assert locate_footage(library, lost, tmp_path / chosen) == 3
    assert paths(library) == [now / name for name in ("day1/a.mp4", "day1/b.mp4", "day2/a.mp4")]
    assert missing_footage(library) == []


def test_a_part_of_the_folder_is_found_alone(
    library: Library, footage: Path, tmp_path: Path
) -> None:
    (footage / "day1").rename(tmp_path / "Monday")
    (lost,) = missing_footage(library)
    assert locate_footage(library, lost, tmp_path / "Monday") == 2
    assert missing_footage(library) == []
    assert paths(library)[2] == footage / "day2" / "a.mp4"


def test_a_folder_without_any_of_it_is_refused(
    library: Library, footage: Path, tmp_path: Path
) -> None:
    footage.rename(tmp_path / "elsewhere")
    before = paths(library)
    (lost,) = missing_footage(library)
    (tmp_path / "wrong").mkdir()
    with pytest.raises(UsageError, match=r"a.mp4, b.mp4, a.mp4 are not in") as caught:
        locate_footage(library, lost, tmp_path / "wrong")
    assert "contains a.mp4" in caught.value.remedy
    assert paths(library) == before


def test_what_stayed_is_not_lost_for_what_moved(
    library: Library, footage: Path, tmp_path: Path
) -> None:
    (tmp_path / "half").mkdir()
    (footage / "day1" / "a.mp4").rename(tmp_path / "half" / "a.mp4")
    before = paths(library)
    (lost,) = missing_footage(library)
    with pytest.raises(UsageError, match="b.mp4 is still there"):
        locate_footage(library, lost, tmp_path / "half")
    assert paths(library) == before
