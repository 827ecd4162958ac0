import subprocess
import sys
import threading
import time

import pytest

from app.services.pipeline import Channel, Stage, StoppedError, in_background


def test_a_full_channel_waits_and_gives_up_when_stopped() -> None:
    stop = threading.Event()
    channel: Channel[int] = Channel(1, stop)
    channel.put(1)
    failed: list[BaseException] = []
    stage = Stage("producer", lambda: channel.put(2), failed.append)
    stage.start()
    stage.join(0.2)
    assert stage.is_alive()
    stop.set()
    stage.join(1.0)
    assert not stage.is_alive()
    assert failed == []
    with pytest.raises(StoppedError):
        channel.get()


def test_an_empty_channel_answers_none_after_the_time_asked_for() -> None:
    channel: Channel[int] = Channel(1, threading.Event())
    began = time.monotonic()
    assert channel.get(0.12) is None
    assert time.monotonic() - began >= 0.1
    channel.put(3)
    assert channel.get(0.0) == 3


def test_a_stage_hands_its_error_over() -> None:
    failed: list[BaseException] = []

    def work() -> None:
        raise ValueError("broken")

    stage = Stage("stage", work, failed.append)
    stage.start()
    stage.join()
    assert [str(error) for error in failed] == ["broken"]


def test_background_work_beats_until_it_is_through_and_returns() -> None:
    go = threading.Event()

    def work() -> int:
        assert go.wait(5)
        return 7

    job = in_background(work, lambda: None)
    assert next(job) is None
    assert next(job) is None
    go.set()
    with pytest.raises(StopIteration) as end:
        while True:
            next(job)
    assert end.value.value == 7


def test_background_work_raises_its_error_in_the_caller() -> None:
    def work() -> int:
        raise OSError("no such disk")

    with pytest.raises(OSError, match="no such disk"):
        list(in_background(work, lambda: None))


def test_closing_does_not_wait_for_work_that_cannot_be_interrupted() -> None:
    go = threading.Event()
    job = in_background(lambda: go.wait(10), lambda: None)
    next(job)
    began = time.monotonic()
    job.close()
    assert time.monotonic() - began < 0.5
    go.set()
    for thread in threading.enumerate():
        if thread.name == "background-call":
            thread.join(1.0)


def test_a_call_that_nobody_waits_for_does_not_abort_the_program_at_its_end() -> None:
    """Python takes threads down inside of torch otherwise, which ends in SIGABRT."""
    code = """
import atexit, torch
from app.bootstrap import leave_at_once
from app.services.pipeline import in_background

def multiply_for_ever():
    with torch.inference_mode():
        while True:
            torch.nn.functional.conv2d(torch.ones(1, 64, 200, 200), torch.ones(64, 64, 3, 3))

job = in_background(multiply_for_ever, lambda: None)
next(job)
job.close()
atexit.register(leave_at_once, 7)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (7, "")
