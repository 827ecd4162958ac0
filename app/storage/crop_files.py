"""JPEG crops on disk, written before their rows.

So a file may lack its row, never a row its file; `CropFiles.sweep` deletes such orphans.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from app.core.entities import Crop, Image
from app.core.errors import LibraryError, NotFoundError
from app.core.library_files import CROPS
from app.language import tr
from app.storage.faults import damaged, disk_fault, disk_faults

JPEG_QUALITY = 92
# Only files that bear such a name are ever deleted.
_OWN_NAME = re.compile(r"\d{5,}_\d{7,}\.jpg(\.unfinished)?")

_log = logging.getLogger(__name__)


def read_crop(path: Path) -> Image:
    """The pixels of a stored crop, RGB uint8 (h, w, 3).

    Raises:
        NotFoundError: the file is gone.
        LibraryError: it cannot be read or is no picture.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(
            tr("The crop {path} is missing.", path=path), tr("Ingest its video again.")
        ) from error
    except OSError as error:
        raise disk_fault(path.parent, error) from error
    # OpenCV's own file functions fail on Windows where a path is not ASCII.
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise LibraryError(
            tr("The crop {path} is damaged.", path=path), tr("Ingest its video again.")
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


class CropFiles:
    """The crops of one library, `crops/<video id>/<tracklet number>_<frame>.jpg`."""

    def __init__(self, library_folder: Path) -> None:
        self._library = library_folder

    def path(self, relative_path: str) -> Path:
        """Absolute path of what the database names by its path in the library.

        Raises:
            LibraryError: the path leads out of the library, which none that we wrote does.
        """
        parts = PurePosixPath(relative_path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in relative_path:
            raise damaged(
                self._library,
                tr("it names {relative_path}, which is not in it", relative_path=relative_path),
            )
        return self._library / parts

    def write(self, video_id: int, number: int, crops: Iterable[Crop]) -> Iterator[str]:
        """Writes the crops of one tracklet, and names each one that lies on disk.

        Args:
            video_id: their video.
            number: the tracklet's number, unique within the video.
            crops: of different frames.

        Yields:
            The path in the library, with forward slashes.

        Raises:
            LibraryError: the disk is full or cannot be written.
        """
        folder = self._folder(video_id)
        with disk_faults(self._library):
            folder.mkdir(parents=True, exist_ok=True)
        for crop in crops:
            file = folder / f"{number:05d}_{crop.frame_index:07d}.jpg"
            if file.exists():
                raise FileExistsError(f"{file} belongs to another tracklet")
            with disk_faults(self._library):
                _write_whole(file, _jpeg(crop.image))
            yield file.relative_to(self._library).as_posix()

    def delete(self, relative_paths: Iterable[str]) -> None:
        """Deletes crops whose rows are gone or never came to be."""
        for relative_path in relative_paths:
            _delete(self.path(relative_path))

    def video_ids(self) -> list[int]:
        """Videos that have a folder here."""
        folder = self._library / CROPS
        with disk_faults(self._library):
            if not folder.is_dir():
                return []
            return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())

    def sweep(self, video_id: int, known: Collection[str]) -> int:
        """Deletes a video's crops that have no row.

        Args:
            video_id: the video.
            known: paths in the library of all its crops that have a row.

        Returns:
            How many files were deleted.
        """
        orphans = self.strays(video_id, known)
        folder = self._folder(video_id)
        with disk_faults(self._library):
            for file in orphans:
                _delete(file)
            if folder.is_dir() and not known and not any(folder.iterdir()):
                folder.rmdir()
        return len(orphans)

    def strays(self, video_id: int, known: Collection[str]) -> list[Path]:
        """A video's crop files that have no row; `known` are the paths of those that have."""
        folder = self._folder(video_id)
        with disk_faults(self._library):
            return [
                file
                for file in (folder.iterdir() if folder.is_dir() else ())
                if _OWN_NAME.fullmatch(file.name)
                and file.relative_to(self._library).as_posix() not in known
            ]

    def _folder(self, video_id: int) -> Path:
        return self._library / CROPS / str(video_id)


def _jpeg(image: Image) -> bytes:
    """Encodes RGB uint8 (h, w, 3)."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not done:
        raise ValueError(f"a crop of shape {image.shape} cannot be encoded")
    return data.tobytes()


def _write_whole(file: Path, data: bytes) -> None:
    """A file of that name is complete, whenever the program is killed."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(file)
    except OSError:
        _delete(unfinished)
        raise


def _delete(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        # Windows refuses while someone reads the file; the next sweep will have it.
        _log.warning("%s has no row, yet cannot be deleted: %s", file, error)
