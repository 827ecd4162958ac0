"""An ingest killed at random moments: what is done again, and whether the result differs.

Run by hand: ``.venv/bin/python -m tests.benchmarks.bench_kill``. A busy clip is looped into one
long video and ingested twice by processes of their own: once undisturbed, once with ``kill -9``
again and again. What the detector finds in the clip is replayed, so that a start takes little
time; decoder, tracker, untangling and library are the real ones.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from app.core.clock import format_offset
from app.core.entities import Detections, Image
from app.core.events import VideoFinished, VideoStarted
from app.vision.network_files import KnownNetworkFiles
from tests.benchmarks.bench_ingest import DATA, ROOT, looped
from tests.integration import main_job

FPS = 5.0
GOAL_S = 60.0


class ReplayedDetector:
    """Finds what was found in a frame of the same pixels before; implements `Detector`.

    Args:
        found: JSON of (hash of the pixels → boxes with scores).
        counter: file that holds how many frames were asked for.
    """

    id = "replayed"
    batch_size = 1

    def __init__(self, found: Path, counter: Path) -> None:
        self._found = json.loads(found.read_text())
        self._counter = os.open(counter, os.O_WRONLY | os.O_CREAT)
        self._seen = 0

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self._seen += len(images)
        os.pwrite(self._counter, struct.pack("<q", self._seen), 0)
        return [self._of(image) for image in images]

    def _of(self, image: Image) -> Detections:
        rows = np.array(self._found[str(zlib.crc32(image))], np.float32).reshape(-1, 5)
        return Detections(rows[:, :4].copy(), rows[:, 4].copy())


def detect_once(video: Path, until_s: float, target: Path) -> None:
    """Notes what the bundled detector finds in the frames of one turn of the loop."""
    from datetime import UTC

    from app.vision.video import open_video
    from app.vision.yolo_detector import YoloDetector

    detector = YoloDetector(
        ROOT / "resources" / "models" / "detectors" / "person_detector.onnx", "cpu"
    )
    found = {}
    for frame in open_video(video, "cam", UTC).frames():
        if frame.time_s > until_s:
            break
        image = frame.image()
        key = str(zlib.crc32(image))
        if key not in found:
            (people,) = detector.detect([image])
            found[key] = np.column_stack([people.boxes, people.scores]).tolist()
    target.write_text(json.dumps(found))


def child(folder: Path, library: Path) -> None:
    """Ingests, and says where it started and that it has finished."""
    stand_ins = main_job.use_stand_ins()
    next(stand_ins)
    KnownNetworkFiles.detector = lambda files, path, device: ReplayedDetector(
        folder / "found.json", folder / "counter"
    )
    with main_job.opened(library) as workspace:
        for event in workspace.ingest(folder / "videos", main_job.weights(folder / "weights")):
            if isinstance(event, VideoStarted):
                print(f"from {event.resumed_s}", flush=True)  # noqa: T201
            elif isinstance(event, VideoFinished):
                print("finished", flush=True)  # noqa: T201


@contextmanager
def ingesting(folder: Path, library: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that ingests, from where it has said that it starts."""
    (folder / "counter").write_bytes(struct.pack("<q", 0))
    command = [sys.executable, "-m", "tests.benchmarks.bench_kill", "--child", str(library)]
    with subprocess.Popen(
        [*command, "--folder", str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield process


def started_at(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    word, _, second = process.stdout.readline().partition(" ")
    assert word == "from", word
    return float(second)


def analysed_s(folder: Path) -> float:
    """Seconds of footage that the process in `folder` has looked at since it started."""
    return float(struct.unpack("<q", (folder / "counter").read_bytes())[0]) / FPS


def main() -> int:
    """Reads the options, ingests undisturbed, then with kills, and compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, default=DATA / "videos" / "campus" / "cam1.webm")
    parser.add_argument("--loops", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.folder, given.child)
        return 0
    say = print
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "videos").mkdir()
        video = folder / "videos" / f"cam1{given.clip.suffix}"
        looped(given.clip, given.loops, video)
        detect_once(given.clip, float("inf"), folder / "found.json")
        with ingesting(folder, folder / "undisturbed") as process:
            started_at(process)
            began = time.monotonic()
            assert process.stdout is not None and process.stdout.readline() == "finished\n"
            took_s = time.monotonic() - began
        length_s = analysed_s(folder)
        say(f"{length_s:.0f} s of footage, undisturbed in {took_s:.0f} s", flush=True)
        chance = random.Random(given.seed)
        again: list[float] = []
        reached_s = 0.0
        for number in itertools.count(1):
            with ingesting(folder, folder / "killed") as process:
                from_s = started_at(process)
                if number > 1:
                    again.append(reached_s - from_s)
                    say(
                        f"kill {number - 1:2} at {format_offset(reached_s)}: "
                        f"{again[-1]:.1f} s done again",
                        flush=True,
                    )
                if number > given.kills:
                    assert process.stdout is not None
                    assert process.stdout.readline() == "finished\n", "it had ended before"
                    break
                # So that the last kill is most likely before the end.
                most_s = 1.6 * length_s / given.kills
                until_s = chance.uniform(0.0, most_s)
                while analysed_s(folder) < until_s and process.poll() is None:
                    time.sleep(0.005)
                process.send_signal(signal.SIGKILL)
                process.wait()
                reached_s = from_s + analysed_s(folder)
        same = main_job.content(folder / "killed") == main_job.content(folder / "undisturbed")
        orphans = len(main_job.orphans(folder / "killed"))
        tracklets = sum(1 for row in main_job.content(folder / "killed") if len(row) > 4)
        say(f"{len(again)} kills: at most {max(again):.1f} s done again (goal <= {GOAL_S:.0f})")
        say(f"{tracklets} tracklets, content {'identical' if same else 'DIFFERS'}, "
            f"{orphans} orphans")  # fmt: skip
    return 0 if same and not orphans and max(again) <= GOAL_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
