"""A training that was killed, stopped or joined again ends as one that never was."""

import os
import signal
import subprocess
import sys

import pytest

from reid_models.model_card import read_card
from tests.tiny_recipe import tiny_engine
from tests.unit.trainer.engine.comparing import assert_same, result
from trainer.engine import RunOptions, Saved, Stopped
from trainer.run_log import read_log

BUSY = (
    "data.workers=2",
    "sampler.passes=3",
    "training.accumulate=2",
    "training.ema=0.9",
    "training.checkpoint_steps=2",
)
PLAIN = ("sampler.passes=3", "training.checkpoint_steps=2", "training.clip_norm=1.0")


def program(*arguments):
    """The training as a process of its own, in a group of its own."""
    command = [sys.executable, "-m", "tests.tiny_recipe", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def wait_for(process, line):
    for found in process.stdout:
        if found.strip() == line:
            return
    raise AssertionError(f"{line!r} never came, status {process.wait()}")


@pytest.mark.parametrize(("settings", "killed_after"), [(PLAIN, 11), (BUSY, 7)])
def test_killed_and_resumed_is_bit_identical(tmp_path, people, settings, killed_after):
    """kill -9; the newest checkpoint is in mid-epoch, also with workers, accumulation and EMA."""
    whole = tiny_engine(tmp_path / "whole", people, settings)
    for _ in whole.run():
        pass
    process = program(tmp_path / "cut", people, *settings, "--nap=0.05")
    wait_for(process, f"StepDone {killed_after}")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    engine = tiny_engine(tmp_path / "cut", people, settings)
    assert engine.position.batch > 0, "the checkpoint is not in mid-epoch"
    for _ in engine.run():
        pass
    for one, other in zip(result(tmp_path / "whole"), result(tmp_path / "cut"), strict=True):
        assert_same(one, other)
    steps = [line["step"] for line in read_log(tmp_path / "cut" / "log.jsonl")]
    assert steps == sorted(steps)
    files = [tmp_path / run / "model.safetensors" for run in ("whole", "cut")]
    assert read_card(files[0]) == read_card(files[1])  # with the checksum of the weights


def test_log_lines_later_than_the_checkpoint_are_cut(tmp_path, people):
    settings = ("training.checkpoint_steps=2", "training.log_steps=1", "sampler.passes=3")
    run = tiny_engine(tmp_path / "run", people, settings).run()
    for event in run:
        if isinstance(event, Saved):
            break
    next(run)
    run.close()
    assert [line["step"] for line in read_log(tmp_path / "run" / "log.jsonl")] == [1, 2, 3]
    with (tmp_path / "run" / "log.jsonl").open("a") as file:
        file.write('{"torn')
    run = tiny_engine(tmp_path / "run", people, settings).run()
    next(run)
    run.close()
    assert [line["step"] for line in read_log(tmp_path / "run" / "log.jsonl")] == [1, 2, 3]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_after_the_running_step(tmp_path, people, number, status):
    usual = signal.getsignal(number)
    events = []
    for event in tiny_engine(tmp_path / "run", people).run():
        if not events:
            signal.raise_signal(number)
        events.append(event)
    assert isinstance(events[-2], Saved)
    assert events[-1] == Stopped(step=1, status=status)
    assert signal.getsignal(number) == usual
    assert tiny_engine(tmp_path / "run", people).position.step == 1


def test_sigterm_to_all_processes_of_a_training_with_workers(tmp_path, people):
    process = program(tmp_path / "run", people, "data.workers=2", "sampler.passes=9", "--nap=0.1")
    wait_for(process, "StepDone 2")
    os.killpg(process.pid, signal.SIGTERM)
    rest = process.communicate()[0].split("\n")
    assert process.returncode == 143
    saved = [line.split()[1] for line in rest if line.startswith("Saved")]
    assert saved == [rest[-2].removeprefix("Stopped ")]
    assert tiny_engine(tmp_path / "run", people).position.step == int(saved[0])


def test_minutes_end_in_a_checkpoint_and_resume_goes_on(tmp_path, people):
    engine = tiny_engine(tmp_path / "run", people, options=RunOptions(minutes=1e-9))
    assert [type(event).__name__ for event in engine.run()] == ["StepDone", "Saved", "Stopped"]
    engine = tiny_engine(tmp_path / "run", people)
    assert engine.position.step == 1
    for _ in engine.run():
        pass
    whole = tiny_engine(tmp_path / "whole", people)
    for _ in whole.run():
        pass
    for one, other in zip(result(tmp_path / "whole"), result(tmp_path / "run"), strict=True):
        assert_same(one, other)
