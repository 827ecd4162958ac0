"""Where data sets lie: in folders that people name and nest in many ways."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

# A choice of paths for each part of a data set, as of `DataSetEntry.marks`.
Marks = Sequence[Sequence[str]]

_DEPTH = 2
# A folder with more folders in it holds images by person, not data sets.
_MOST_FOLDERS = 50
# Hidden ones, and what archives of macOS hold besides: every folder again, without its images.
_NOT_LOOKED_AT = (".", "__MACOSX")


def missing_marks(folder: Path, marks: Marks) -> list[str]:
    """What a folder lacks to be a data set; a choice is named by its first."""
    return [choice[0] for choice in marks if not any((folder / name).exists() for name in choice)]


def usual_folders(root: Path, names: Sequence[str]) -> list[Path]:
    """The folders right in `root` that have one of the names.

    Letter case and whatever is neither letter nor digit do not matter: "Occluded_Duke" is
    "occluded-duke".

    Args:
        root: the data root.
        names: the usual one first.

    Returns:
        Those of the first names first.
    """
    wanted = [_plain(name) for name in names]
    found = [path for path in _folders(root) if _plain(path.name) in wanted]
    return sorted(found, key=lambda path: (wanted.index(_plain(path.name)), path.name))


def complete_folders(
    folder: Path, marks: Marks, names: Sequence[str] = (), others: Sequence[str] = ()
) -> list[Path]:
    """Where in a folder a data set lies: the folder itself, or else at most two folders deeper.

    Archives often unpack to one more folder of their name.

    Args:
        folder: to begin with.
        marks: what a complete one has.
        names: of the data set; where folders have one of them, the rest do not count.
        others: names of other data sets, whose folders do not count.
    """
    if not missing_marks(folder, marks):
        return [folder]
    wanted, unwanted = ({_plain(name) for name in each} for each in (names, others))
    found = [
        path
        for path in _nested(folder)
        if _plain(path.name) not in unwanted and not missing_marks(path, marks)
    ]
    return [path for path in found if _plain(path.name) in wanted] or found


def fullest_folder(folder: Path, marks: Marks) -> Path:
    """The folder, or one in it as of `complete_folders`, that has most of the parts."""
    return min(_nested(folder), key=lambda path: len(missing_marks(path, marks)))


def _nested(folder: Path) -> Iterator[Path]:
    """The folder, then those in it, then those in these."""
    level = [folder]
    for depth in range(_DEPTH + 1):
        yield from level
        if depth < _DEPTH:
            inner = [_folders(path) for path in level]
            level = [path for each in inner if len(each) <= _MOST_FOLDERS for path in each]


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [
                each.name
                for each in entries
                if each.is_dir() and not each.name.startswith(_NOT_LOOKED_AT)
            ]
    except OSError:  # one that may not be read holds nothing for us
        return []
    return [folder / name for name in sorted(names)]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
