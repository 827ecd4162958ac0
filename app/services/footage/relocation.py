"""Footage that is no longer where it was: what is missing, and where it is now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.entities import VideoStatus
from app.core.errors import UsageError
from app.language import listed, tr, trn
from app.storage.library import Library


@dataclass(frozen=True, slots=True)
class MissingFootage:
    """A folder of footage in which some is not found.

    Attributes:
        folder: where it was when it was loaded, absolute.
        missing: what is not there, absolute, in natural order.
        present: how many other videos of the folder are where they were.
    """

    folder: Path
    missing: tuple[Path, ...]
    present: int


def missing_footage(library: Library) -> list[MissingFootage]:
    """The folders in which footage is missing; it looks at the disk, so call it from a worker.

    What could never be read is not missed.
    """
    roots = sorted(library.source_roots(), key=lambda root: len(root.parts), reverse=True)
    videos: dict[Path, list[Path]] = {root: [] for root in library.source_roots()}
    for video in library.videos():
        if video.status is not VideoStatus.FAILED:
            root = next(root for root in roots if video.path.is_relative_to(root))
            videos[root].append(video.path)
    found = []
    for root, paths in videos.items():
        missing = tuple(path for path in paths if not path.exists())
        if missing:
            found.append(MissingFootage(root, missing, len(paths) - len(missing)))
    return found


def locate_footage(library: Library, lost: MissingFootage, folder: Path) -> int:
    """Notes that missing footage lies in another folder now, as far as it is found there.

    The folder may be the moved one itself, the one it lies in, or the part of it that holds some
    of the videos.

    Returns:
        How many missing videos were found.

    Raises:
        UsageError: none of them is there, or others would be lost by it.
    """
    folder = folder.expanduser().absolute()
    old, new = max(_readings(lost, folder), key=lambda pair: len(_found(lost, *pair)))
    found = _found(lost, old, new)
    if not found:
        raise UsageError(
            _not_there(lost.missing, folder),
            tr("Choose the folder that contains {name}.", name=lost.missing[0].name),
        )
    staying = [
        video.path
        for video in library.videos()
        if video.path.is_relative_to(old)
        and video.path.exists()
        and not (new / video.path.relative_to(old)).exists()
    ]
    if staying:
        raise UsageError(
            tr(
                "Only part of {old} was moved: {name} is still there.",
                old=old,
                name=staying[0].name,
            ),
            tr(
                "Add {folder} as footage: known videos are recognised and not read again.",
                folder=folder,
            ),
        )
    library.repoint_source(old, new)
    return len(found)


def _readings(lost: MissingFootage, folder: Path) -> list[tuple[Path, Path]]:
    """What naming a folder may mean, the likeliest first: (where it was, where it is)."""
    readings = [(lost.folder, folder), (lost.folder, folder / lost.folder.name)]
    inner = {
        parent
        for path in lost.missing
        for parent in path.parents
        if parent != lost.folder and parent.is_relative_to(lost.folder)
    }
    return readings + [(parent, folder) for parent in sorted(inner)]


def _found(lost: MissingFootage, old: Path, new: Path) -> list[Path]:
    """What is missing and would be there if `old` were now `new`."""
    below = [path for path in lost.missing if path.is_relative_to(old)]
    return [path for path in below if (new / path.relative_to(old)).exists()]


def _not_there(paths: tuple[Path, ...], folder: Path) -> str:
    names, more = listed(path.name for path in paths[:3]), len(paths) - 3
    if more > 0:
        return tr(
            "{names} and {count} more are not in {folder}.", names=names, count=more, folder=folder
        )
    return trn(
        "{names} is not in {folder}.",
        "{names} are not in {folder}.",
        len(paths),
        names=names,
        folder=folder,
    )
