"""The command line as processes of their own: Ctrl-C, a reader that goes away, the help."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from app.core.library_files import DATABASE
from app.storage.library import Library
from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import render_world

CHECKOUT = Path(__file__).resolve().parents[2]
# The program with stand-ins for the networks, as slow as the first argument says.
PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv.pop(1))
seconds = float(sys.argv.pop(1))
signal.signal(signal.SIGINT, signal.default_int_handler)  # CI may have it ignored
from app import bootstrap
from tests.fakes import ColourBlobDetector
from tests.integration import main_job

class Slow(ColourBlobDetector):
    batch_size = 1

    def detect(self, images):
        time.sleep(seconds)
        return super().detect(images)

def leave(status, end=os._exit):
    print("Qt:", "PySide6" in sys.modules, file=sys.stderr)
    end(status)

os._exit = leave
for _ in main_job.use_stand_ins(Slow):
    raise SystemExit(bootstrap.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    render_world(seed=5, people=3, crossing_s=2.0, spacing_s=2.0).write(folder)
    return folder


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def program(detector_s: float, *arguments: object) -> list[str]:
    return [sys.executable, "-c", PROGRAM, str(CHECKOUT), str(detector_s), *map(str, arguments)]


def stored_people(library: Path) -> int:
    """How many there are while another process has the library."""
    database = f"file:{library / DATABASE}?mode=ro"
    not_there_yet = suppress(sqlite3.OperationalError)
    with not_there_yet, closing(sqlite3.connect(database, uri=True)) as stored:
        return int(stored.execute("SELECT count(*) FROM tracklets").fetchone()[0])
    return 0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to a child there")
def test_ctrl_c_stops_within_a_second_loses_nothing_and_needs_no_qt(
    retrace: Retrace, videos: Path, library: Path, networks: list[str], tmp_path: Path
) -> None:
    arguments = ["ingest", videos, "--library", library, *networks]
    command = program(0.1, *arguments)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not stored_people(library) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    seconds = time.monotonic() - pressed
    assert (process.returncode, out) == (130, "")
    assert "What is stored is kept. Run the same command again to continue.\nInterrupted.\n" in err
    assert err.endswith("Qt: False\n")
    assert seconds < 1.0
    with Library.open(library) as stored:
        kept = sum(video.tracklet_count for video in stored.videos())
    assert 0 < kept < 6
    said = retrace(*arguments)
    assert said.status == 0
    assert ", continued at " in said.err or "not read again" in said.err
    retrace("ingest", videos, "--library", tmp_path / "undisturbed", *networks)
    assert main_job.content(library) == main_job.content(tmp_path / "undisturbed")
    assert main_job.orphans(library) == set()


def test_a_reader_that_goes_away_is_no_mistake(
    videos: Path, library: Path, networks: list[str], retrace: Retrace
) -> None:
    retrace("ingest", videos, "--library", library, "--fps", "2", *networks)
    shown = [sys.executable, "main.py", "list", "--library", str(library)]
    process = subprocess.Popen(
        shown, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT
    )
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


def test_help_takes_less_than_two_seconds() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    asked = subprocess.run(
        [sys.executable, "main.py", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=CHECKOUT,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert asked.returncode == 0 and asked.stderr == ""
    for command in ("run", "ingest", "search", "list", "export", "relocate"):
        assert command in asked.stdout
    # Of processor time: what the clock says depends on what else runs.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.0
