"""Pictures for a detector: from folders of frames, and sampled from videos (PyAV)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.errors import TrainerError

Image = NDArray[np.uint8]
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".webm", ".mkv", ".avi", ".mov", ".m4v", ".ts"})


@dataclass(frozen=True, slots=True)
class Source:
    """One video, or one folder that holds pictures itself.

    Attributes:
        path: the file or folder.
        name: unique among the sources of a run; starts the names of its pictures.
        names: what `--hold-out` may call it.
    """

    path: Path
    name: str
    names: frozenset[str]


def find_sources(paths: tuple[Path, ...]) -> list[Source]:
    """The videos and picture folders at and below some paths, sorted.

    Raises:
        TrainerError: a path is missing, nothing is in it, or two sources have one name.
    """
    sources: dict[str, Source] = {}
    for root in paths:
        if not root.exists():
            raise TrainerError(f"{root} does not exist.", "Check the paths after --frames.")
        files = [root] if root.is_file() else sorted(root.rglob("*"))
        found = [file for file in files if file.suffix.lower() in VIDEOS]
        found += sorted({file.parent for file in files if file.suffix.lower() in PICTURES})
        if not found:
            raise TrainerError(
                f"{root} holds neither pictures nor videos.",
                f"Give a folder with {', '.join(sorted(PICTURES | VIDEOS))} files.",
            )
        for path in found:
            name = f"{path.parent.name}-{path.stem}"
            if name in sources and sources[name].path.resolve() != path.resolve():
                raise TrainerError(
                    f"{path} and {sources[name].path} would get the same name {name}.",
                    "Rename one of the folders.",
                )
            names = {path.name, path.stem, path.parent.name, name, root.name}
            sources[name] = Source(path, name, frozenset(names))
    return list(sources.values())


def pictures_of(source: Source, every_s: float, seed: int) -> Iterator[tuple[str, Image]]:
    """Names (without ending) and RGB uint8 (H, W, 3) pictures of a source.

    Of a video, one frame of every `every_s` seconds is taken, at a moment that the seed chooses,
    so that nothing periodic in the scene is always met in the same state.

    Raises:
        TrainerError: a file cannot be read.
    """
    if source.path.is_dir():
        for file in sorted(source.path.iterdir()):
            if file.suffix.lower() in PICTURES:
                yield f"{source.name}_{file.stem}", read_picture(file)
        return
    generator = np.random.default_rng([seed, zlib.crc32(source.name.encode())])
    wanted_s, first_s, interval = generator.uniform(0, every_s), None, 0
    try:
        with av.open(str(source.path)) as container:
            for frame in container.decode(video=0):
                first_s = frame.time if first_s is None else first_s
                time_s = (frame.time or 0.0) - (first_s or 0.0)
                if time_s < wanted_s:
                    continue
                pixels = frame.to_ndarray(format="rgb24")
                image = np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90), np.uint8)
                yield f"{source.name}_{round(time_s * 1000):08d}", image
                interval = max(interval + 1, int(time_s / every_s) + 1)
                wanted_s = (interval + generator.uniform()) * every_s
    except (av.FFmpegError, IndexError) as error:
        raise TrainerError(
            f"{source.path} cannot be read as a video: {error}.",
            "Leave it out, or copy it again.",
        ) from error


def read_picture(file: Path) -> Image:
    """RGB uint8 (H, W, 3) of a picture file.

    Raises:
        TrainerError: it is no picture.
    """
    pixels = (
        cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR) if file.stat().st_size else None
    )
    if pixels is None:
        raise TrainerError(f"{file} is no picture.", "Remove it, or copy it again.")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
