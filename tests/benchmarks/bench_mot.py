"""Memory of a MOT export: of a library, and of one whose videos are ten times as long.

Run by hand on Linux: ``.venv/bin/python -m tests.benchmarks.bench_mot``. Tracklets are made up: one
begins every second and lasts half a minute, and one lasts for the whole video. Each export runs in
a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from functools import partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np

from app.core.chapters import TrackletPart
from app.core.entities import Crop, ModelFile, Trajectory, VideoInfo, VideoStatus
from app.services.export.export import write_mot
from app.storage.library import Library

FPS, LASTS_S, PART_S = 5.0, 30, 20
EMBEDDER = ModelFile("made-up-000000000000", Path("made-up.onnx"), "0" * 64)


def _part(number: int, first_s: float, seconds: float) -> TrackletPart:
    count = round(seconds * FPS)
    frames = (np.arange(count) + round(first_s * FPS)).astype(np.int32)
    boxes = np.tile(np.float32([10, 10, 40, 90]), (count, 1)) + np.float32(number % 200)
    track = Trajectory(frames, frames / FPS, boxes, np.full(count, 0.9, np.float32))
    image = np.zeros((8, 4, 3), np.uint8)
    crop = Crop(image, int(frames[0]), float(track.time_s[0]), boxes[0], 0.5)
    return TrackletPart(number, track, (crop,))


def _fill(folder: Path, hours: float) -> None:
    with Library.open(folder, create=True) as library:
        library.remember_model("embedder", EMBEDDER)
        info = VideoInfo(folder / "day.mp4", "cam", 320, 180, FPS, None, hours * 3600)
        video = library.add_video(folder, info, "day", 1, 1)
        library.begin_video(video.id, FPS, "crowd")
        for start in range(0, round(hours * 3600), PART_S):
            parts = [_part(2 + second, second, LASTS_S) for second in range(start, start + PART_S)]
            stays = _part(1, start, PART_S)
            vectors = np.ones((len(parts) + 1, 1), np.float32)
            library.store_tracklets(video.id, [stays, *parts], vectors, EMBEDDER.id)
        # Where a video is unfinished, opening lists its crops to find those without rows.
        library.finish_video(video.id, VideoStatus.DONE)


def _export(folder: Path, out: Path, answer: SimpleQueue[tuple[float, float]]) -> None:
    with Library.open(folder) as library:
        (file,) = write_mot(library, out)
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    answer.put((peak, file.stat().st_size / 2**20))


def main() -> None:
    """Prints the peak of both exports and their ratio."""
    say = partial(print, flush=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.4)
    given = parser.parse_args()
    processes = multiprocessing.get_context("spawn")
    peaks = []
    with tempfile.TemporaryDirectory() as place:
        for name, hours in (("short", given.hours), ("long", 10 * given.hours)):
            folder, answer = Path(place, name), processes.SimpleQueue()
            _fill(folder, hours)
            export = processes.Process(target=_export, args=(folder, Path(place, "out"), answer))
            export.start()
            peak, size = answer.get()
            export.join()
            peaks.append(peak)
            say(f"{hours:g} h: file of {size:.1f} MiB, peak {peak:.1f} MiB")
    say(f"ratio {peaks[1] / peaks[0]:.3f} (goal <= 1.05)")


if __name__ == "__main__":
    main()
