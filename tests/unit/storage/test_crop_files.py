from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from app.core.entities import Crop, Image
from app.core.errors import LibraryError, NotFoundError
from app.storage.crop_files import CropFiles, read_crop


def a_crop(image: Image, frame_index: int = 3) -> Crop:
    return Crop(image, frame_index, 0.12, np.zeros(4, np.float32), 0.5)


def an_image() -> Image:
    """Smooth, so that JPEG changes it little; its channels differ, so that a swap shows."""
    rows, columns = np.mgrid[0:64, 0:32]
    return np.stack([rows * 3, columns * 4, 255 - rows * 2], axis=-1).astype(np.uint8)


def test_colours_and_size_come_back(tmp_path: Path) -> None:
    files = CropFiles(tmp_path / "Überwachung 東京 %20")
    (written,) = files.write(7, 12, [a_crop(an_image())])
    assert written == "crops/7/00012_0000003.jpg"
    image = read_crop(files.path(written))
    assert image.shape == (64, 32, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - an_image()).mean() < 3


def test_a_crop_of_one_pixel(tmp_path: Path) -> None:
    files = CropFiles(tmp_path)
    (written,) = files.write(1, 1, [a_crop(np.full((1, 1, 3), 200, np.uint8))])
    assert read_crop(files.path(written)).shape == (1, 1, 3)


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    files = CropFiles(tmp_path)
    (written,) = files.write(1, 1, [a_crop(an_image())])
    with pytest.raises(FileExistsError):
        list(files.write(1, 1, [a_crop(np.zeros((9, 9, 3), np.uint8))]))
    assert read_crop(files.path(written)).shape == (64, 32, 3)


def test_missing_and_damaged_crops_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"gone\.jpg is missing") as caught:
        read_crop(tmp_path / "gone.jpg")
    assert caught.value.remedy
    for content in (b"", b"no picture"):
        (tmp_path / "bad.jpg").write_bytes(content)
        with pytest.raises(LibraryError, match=r"bad\.jpg is damaged"):
            read_crop(tmp_path / "bad.jpg")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes = Path.write_bytes

    def fill_up(path: Path, data: bytes) -> int:
        write_bytes(path, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.raises(LibraryError, match="the disk is full") as caught:
        list(CropFiles(tmp_path).write(1, 1, [a_crop(an_image())]))
    assert "Free some space" in caught.value.remedy
    assert list((tmp_path / "crops" / "1").iterdir()) == []


def test_sweep_takes_orphans_and_unfinished_files_only(tmp_path: Path) -> None:
    files = CropFiles(tmp_path)
    kept, orphan = files.write(4, 1, [a_crop(an_image(), 1), a_crop(an_image(), 2)])
    folder = tmp_path / "crops" / "4"
    (folder / "00009_0000009.jpg.unfinished").write_bytes(b"half")
    (folder / "holiday.jpg").write_bytes(b"the user's own")
    assert files.sweep(4, {kept}) == 2
    assert {file.name for file in folder.iterdir()} == {Path(kept).name, "holiday.jpg"}
    assert not files.path(orphan).exists()


def test_sweep_removes_an_empty_folder(tmp_path: Path) -> None:
    files = CropFiles(tmp_path)
    list(files.write(4, 1, [a_crop(an_image())]))
    assert files.video_ids() == [4]
    assert files.sweep(4, ()) == 1
    assert files.video_ids() == []
    assert files.sweep(4, ()) == 0
