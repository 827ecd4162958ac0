from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import TruncatedVideoError, VideoError
from app.vision.decoding_process import DecodingProcesses
from app.vision.hang_watch import Patience
from app.vision.video import open_video
from tests.crashing_source import CrashingSource, HangingSource
from tests.mutated_containers import KINDS, make_containers, mutated, read_whole
from tests.rendered import cut, render_world, write_clip


@pytest.fixture(scope="module")
def processes() -> Iterator[DecodingProcesses]:
    found = DecodingProcesses()
    yield found
    found.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    world = render_world(5, people=2, crossing_s=1.0, width_px=160, height_px=120)
    return write_clip(folder / "a.mkv", world.frames("cam1"))


def opener(path: Path) -> partial:
    return partial(open_video, path, "cam", UTC)


def test_frames_are_those_of_this_process(processes: DecodingProcesses, clip: Path) -> None:
    here = opener(clip)()
    for start_s, start_index in ((0.0, 0), (1.2, 12)):
        there = processes.open(opener(clip), clip.name)
        assert there.info == here.info
        pairs = zip(
            here.frames(start_s, start_index), there.frames(start_s, start_index), strict=True
        )
        count = 0
        for one, other in pairs:
            assert (one.index, one.time_s) == (other.index, other.time_s)
            np.testing.assert_array_equal(one.image(), other.image())
            count += 1
        assert count > 5
        there.close()


def test_what_cannot_be_read_is_said_as_here(
    processes: DecodingProcesses, clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(VideoError, match="gone.mp4 is no longer there") as caught:
        processes.open(opener(tmp_path / "gone.mp4"), "gone.mp4")
    assert caught.value.remedy == "Load its folder again."
    source = processes.open(opener(cut(clip, 0.6)), "cut_a.mkv")
    with pytest.raises(TruncatedVideoError, match="cut_a.mkv ends after"):
        list(source.frames())
    source.close()
    with pytest.raises(ZeroDivisionError) as bug:
        processes.open(partial(divmod, 1, 0), "a.mp4")  # type: ignore[arg-type]
    assert "Traceback" in "".join(bug.value.__notes__)


def test_a_file_that_kills_the_decoder_is_named_and_the_next_is_read(
    processes: DecodingProcesses, clip: Path
) -> None:
    bad = Path("/footage/bad.mp4")
    with pytest.raises(VideoError, match="bad.mp4 makes the decoder crash"):
        processes.open(partial(CrashingSource, bad, -1), bad.name)
    source = processes.open(partial(CrashingSource, bad, 0), bad.name)
    with pytest.raises(VideoError, match="bad.mp4 makes the decoder crash"):
        list(source.frames())
    source.close()
    source = processes.open(partial(CrashingSource, bad, 4), bad.name)
    seen = []
    with pytest.raises(TruncatedVideoError, match="cannot be read beyond 0.6 s: the decoder"):
        seen += [int(frame.image()[0, 0, 0]) for frame in source.frames()]
    source.close()
    source = processes.open(partial(CrashingSource, bad, 4, in_image=True), bad.name)
    with pytest.raises(TruncatedVideoError, match="cannot be read beyond 0.8 s: the decoder"):
        seen += [int(frame.image()[0, 0, 0]) for frame in source.frames()]
    source.close()
    assert read_whole(partial(processes.open, opener(clip), clip.name)) == "whole"


def test_a_decoder_that_hangs_is_ended_and_the_next_file_is_read(clip: Path) -> None:
    hasty = DecodingProcesses(Patience(quiet_s=0.15, look_s=0.03))
    bad = Path("/footage/bad.mp4")
    with pytest.raises(VideoError, match="bad.mp4 makes the decoder hang"):
        hasty.open(partial(HangingSource, bad, -1), bad.name)
    source = hasty.open(partial(HangingSource, bad, 3), bad.name)
    with pytest.raises(TruncatedVideoError, match="cannot be read beyond 0.4 s: the decoder hangs"):
        list(source.frames())
    source.close()
    assert read_whole(partial(hasty.open, opener(clip), clip.name)) == "whole"
    hasty.close()


def test_a_decoder_that_reads_is_waited_for_but_not_forever(clip: Path) -> None:
    patience = Patience(quiet_s=0.15, longest_s=0.9, look_s=0.03)
    some = DecodingProcesses(patience)
    source = some.open(partial(HangingSource, clip, 0, clip), clip.name)
    began = time.monotonic()
    with pytest.raises(VideoError, match="makes the decoder hang"):
        list(source.frames())
    assert time.monotonic() - began > patience.longest_s
    source.close()
    some.close()


def test_closing_ends_a_decoder_that_hangs(clip: Path) -> None:
    own = DecodingProcesses()
    source = own.open(partial(HangingSource, clip, 0), clip.name)
    errors: list[VideoError] = []

    def read() -> None:
        with pytest.raises(VideoError) as caught:
            list(source.frames())
        errors.append(caught.value)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(1.1)
    own.close()
    reader.join(5)
    source.close()
    assert len(errors) == 1


def test_a_process_is_used_again_and_ends_with_the_program(clip: Path) -> None:
    own = DecodingProcesses()
    one = own.open(partial(CrashingSource, clip, 1), clip.name)
    two = own.open(partial(CrashingSource, clip, 1), clip.name)
    pids = [source._process._process.pid for source in (one, two)]
    one.close()
    three = own.open(partial(CrashingSource, clip, 1), clip.name)
    assert three._process._process.pid == pids[0] != pids[1]
    own.close()
    for source in (two, three):
        source.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_damaged_files_are_read_as_far_as_they_can_be_or_refused(
    processes: DecodingProcesses, tmp_path: Path
) -> None:
    """A sample; tests/benchmarks/fuzz_containers.py runs as many as one likes."""
    files = make_containers()
    outcomes = set()
    for number in range(50):
        which, data = mutated(files, 7, number)
        path = tmp_path / f"case{number}{KINDS[which].suffix}"
        path.write_bytes(data)
        outcomes.add(read_whole(partial(processes.open, opener(path), path.name)))
    assert outcomes == {"whole", "cut", "refused"}
