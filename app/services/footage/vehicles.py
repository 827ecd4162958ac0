"""Dashcams name positions, such as front and rear, which every vehicle has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from app.core.name_reading import read_name
from app.services.footage.camera_names import nearest_telling
from app.services.footage.sources import SourceFile, source_files
from app.storage.library import Library


def told_from_stored(
    sources: Sequence[SourceFile], others: Sequence[SourceFile], library: Library
) -> list[SourceFile]:
    """Gives positions of a vehicle that the library does not know yet a name of their own.

    The footage of one vehicle lies below one folder, days and "videos" aside: ``front`` that was
    loaded from elsewhere is the front of another, and becomes ``NAME OF THE FOLDER/front``.

    Args:
        sources: to be named.
        others: that are to be loaded before these, with their names.
        library: what is stored.
    """
    homes: dict[int, set[str]] = {}
    ahead: dict[str, set[str]] = {}
    for other in others:
        ahead.setdefault(other.camera, set()).add(_home(_first(other))[0])
    for video in library.videos():
        homes.setdefault(video.camera.id, set()).add(_home(video.path)[0])
    names: dict[tuple[str, str], str] = {}

    def named(source: SourceFile) -> str:
        home, place = _home(_first(source))
        if not home:
            return source.camera
        known = names.get((source.camera, home))
        if known is None:
            known = names[source.camera, home] = _free_name(source.camera, home, place)
        return known

    def _free_name(camera: str, home: str, place: str) -> str:
        wanted = [camera] if camera.startswith(f"{place}/") else [camera, f"{place}/{camera}"]
        wanted += [f"{wanted[-1]} {number}" for number in range(2, 100)]
        for name in wanted:
            stored = library.camera_called(name)
            known = set() if stored is None else homes.get(stored.id, set())
            known = known | ahead.get(name, set())
            if not known or home in known:
                return name
        return camera

    return [replace(source, camera=named(source)) for source in sources]


def _first(source: SourceFile) -> Path:
    return next(iter(source_files(source)), source.path)


def _home(path: Path) -> tuple[str, str]:
    """The folder below which a vehicle's footage lies, and its name; empty if it is no dashcam's.

    Each of a position's own folders counts as part of the recording, not as a vehicle.
    """
    reading = read_name(path.as_posix())
    if reading is None or not reading.layout.in_vehicle:
        return "", ""
    folder = nearest_telling(PurePosixPath(reading.before or "/"))
    return folder.as_posix(), folder.name
