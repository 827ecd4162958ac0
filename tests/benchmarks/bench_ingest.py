"""How fast footage is loaded, against the detector alone on the same frames; and peak memory.

Run by hand: ``.venv/bin/python -m tests.benchmarks.bench_ingest`` (options: --help). All rates come
from one run on one machine; compare the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from app.bootstrap import Retrace, open_source
from app.core.clock import SamplingGrid
from app.core.entities import Image
from app.core.events import IngestSummary, VideoFinished, VideoStarted
from app.services.footage.stored_footage import open_stored
from app.services.ingest.ingest_options import IngestOptions
from app.storage.crop_files import read_crop

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"


# The shorter video of the two whose peaks are compared: long enough for every buffer to fill.
_LOOPS = 2


@contextmanager
def measured(results: dict[str, tuple[float, float]], name: str) -> Iterator[None]:
    """Notes wall and CPU seconds of a block."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    results[name] = (time.perf_counter() - wall, time.process_time() - cpu)


def ingest(videos: Path, library: Path, options: IngestOptions) -> tuple[IngestSummary, float]:
    """Loads a folder; returns the summary and the seconds of the analysis (models loaded)."""
    analysis_s, began = 0.0, 0.0
    summary: IngestSummary | None = None
    with Retrace().open_workspace(library, create=True) as workspace:
        for event in workspace.ingest(videos, options):
            if isinstance(event, VideoStarted):
                began = time.perf_counter()
            elif isinstance(event, VideoFinished):
                took_s = time.perf_counter() - began
                analysis_s += took_s
                info = workspace.library.video(event.video_id).info
                length_s = info.duration_s or 0.0
                print(f"  {event.path.name}: {length_s / took_s:.2f}x real time")  # noqa: T201
            elif isinstance(event, IngestSummary):
                summary = event
    assert summary is not None
    return summary, analysis_s


def rates(videos: Path, options: IngestOptions) -> None:
    """Prints each stage alone, then all together."""
    say = print
    results: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        ingest(videos, Path(folder) / "warm-up", options)
        with measured(results, "ingest with model loading"):
            summary, analysis_s = ingest(videos, library, options)
        with Retrace().open_workspace(library, create=False) as workspace:
            stored = workspace.library.videos()
            networks = workspace.networks
            detector, embedder = networks.detector(), networks.embedder()
            frames: list[Image] = []
            with measured(results, "decode alone"):
                for video in stored:
                    grid = SamplingGrid(options.fps)
                    reader = open_stored(video, workspace.library.timezone, open_source)
                    frames += [each.image() for each in reader.frames() if grid.wants(each.time_s)]
                    reader.close()
            crops = [
                read_crop(crop.path)
                for video in stored
                for tracklet in workspace.library.tracklets_of(video.id)
                for crop in workspace.library.crops(tracklet.id)
            ]
            size = detector.batch_size
            with measured(results, "detect alone"):
                for first in range(0, len(frames), size):
                    detector.detect(frames[first : first + size])
            with measured(results, "embed alone"):
                for first in range(0, len(crops), 32):
                    embedder.embed(crops[first : first + 32])
    say(f"{len(frames)} frames, {summary.people} people, {len(crops)} crops")
    for name, (wall, cpu) in results.items():
        say(f"{name:28} {wall:7.2f} s wall {cpu:7.2f} s CPU")
    detect_s = results["detect alone"][0]
    rate = len(frames) / detect_s
    say(f"detector alone {rate:.1f} frames/s, ingest {len(frames) / analysis_s:.1f}")
    say(f"ingest rate / detector-only rate: {detect_s / analysis_s:.3f} (goal >= 0.85)")


def looped(clip: Path, times: int, target: Path) -> None:
    """The clip played `times` times in a row, as one file; packets are copied, not encoded."""
    import av

    with av.open(str(target), "w") as output, av.open(str(clip)) as source:
        stream = source.streams.video[0]
        written = output.add_stream_from_template(stream)
        assert stream.time_base is not None
        length = stream.duration or round(
            Fraction(source.duration or 0, av.time_base) / stream.time_base
        )
        for turn in range(times):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.pts += turn * length
                packet.dts += turn * length
                packet.stream = written
                output.mux(packet)


def peak_memory(clip: Path, arguments: list[str]) -> None:
    """Prints the peak memory of an ingest of the clip looped some times, and of ten times that."""
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for times in (_LOOPS, 10 * _LOOPS):
            videos = Path(folder) / f"x{times}"
            videos.mkdir()
            looped(clip, times, videos / f"clip{clip.suffix}")
            command = [sys.executable, "-m", "tests.benchmarks.bench_ingest", *arguments]
            child = subprocess.run(
                [*command, "--child", str(videos)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            peaks[times] = float(child.stdout.split()[-1])
            print(f"looped {times:2} times: peak {peaks[times]:.0f} MiB")  # noqa: T201
    print(f"ratio {peaks[10 * _LOOPS] / peaks[_LOOPS]:.3f} (goal <= 1.05)")  # noqa: T201


def main() -> None:
    """Reads the options and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=Path, default=DATA / "videos" / "campus")
    parser.add_argument(
        "--clip",
        type=Path,
        default=DATA / "videos" / "campus" / "cam1.webm",
        help="busy clip for peak memory",
    )
    parser.add_argument("--memory", action="store_true", help="measure peak memory only")
    parser.add_argument("--detector", default=str(DATA / "weights" / "yolov8n_int8.onnx"))
    parser.add_argument("--embedder", default=str(DATA / "weights" / "osnet_x0_25_msmt17.onnx"))
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    options = IngestOptions(fps=given.fps, detector=given.detector, embedder=given.embedder)
    models = ["--detector", given.detector, "--embedder", given.embedder, "--fps", str(given.fps)]
    if given.child:
        with tempfile.TemporaryDirectory() as folder:
            ingest(given.child, Path(folder) / "library", options)
        # The program and its decoding process, each at its own peak.
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        print(sum(resource.getrusage(each).ru_maxrss for each in who) / 1024)  # noqa: T201
        return
    if not given.memory:
        rates(given.videos, options)
    peak_memory(given.clip, models)


if __name__ == "__main__":
    main()
