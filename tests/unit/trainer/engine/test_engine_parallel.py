"""Two processes that share a batch do what one does that accumulates its two halves."""

import os
import subprocess
import sys

import pytest
import torch

from tests.tiny_recipe import tiny_engine
from tests.unit.trainer.engine.comparing import assert_same, result
from trainer.checkpoint import checkpoints, read_checkpoint
from trainer.data.identity_sampler import build_sampler
from trainer.data.loader import BatchSource
from trainer.run_log import read_log

# Dropout differs between processes by design.
SETTINGS = ("model.drop_path=0.0", "sampler.passes=2", "training.epochs=2")


class Halves:
    """Rank 0's part of each batch, then rank 1's."""

    def __init__(self, source, config):
        sampler = config.sampler, source.training_set.labels, config.training.seed
        self.parts = [
            BatchSource(source.training_set, build_sampler(*sampler, rank, 2)) for rank in (0, 1)
        ]

    def steps(self, epoch):
        return 2 * self.parts[0].steps(epoch)

    def batches(self, epoch, first=0):
        pairs = zip(*(part.batches(epoch, first // 2) for part in self.parts), strict=True)
        return (half for pair in pairs for half in pair)


def torchrun(*arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "tests.tiny_recipe", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
    assert done.returncode == 0, done.stderr[-9000:]
    assert "find_unused_parameters" not in done.stderr


@pytest.fixture(scope="module")
def pair(tmp_path_factory, people):
    """The run of two processes."""
    run = tmp_path_factory.mktemp("pair") / "run"
    torchrun(run, people, *SETTINGS)
    return run


def test_same_losses_and_gradients_as_one_process(tmp_path, people, pair):
    settings = (*SETTINGS, "training.accumulate=2")
    engine = tiny_engine(tmp_path / "one", people, settings, change_source=Halves)
    for _ in engine.run():
        pass
    one, two = (read_log(run / "log.jsonl") for run in (tmp_path / "one", pair))
    assert len(one) == len(two) > 4
    for line, other in zip(one, two, strict=True):
        assert (line["kind"], line["step"]) == (other["kind"], other["step"])
        assert line["values"] == pytest.approx(other["values"], rel=1e-5)  # gradients' norm too
    states = [
        read_checkpoint(checkpoints(run / "checkpoints")[0]) for run in (tmp_path / "one", pair)
    ]
    for name, weight in states[0]["recipe"].items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(weight, states[1]["recipe"][name], rtol=1e-4, atol=1e-6)
    momenta = [state["optimizers"][0]["state"] for state in states]
    for key, state in momenta[0].items():  # sums of gradients
        other = momenta[1][key]["momentum_buffer"]
        torch.testing.assert_close(state["momentum_buffer"], other, rtol=1e-3, atol=1e-5)


def test_two_processes_resume_in_mid_epoch(tmp_path, people, pair):
    run = tmp_path / "run"
    cut = (*SETTINGS, "training.checkpoint_steps=3")
    torchrun(run, people, *cut, "--leave=3")
    assert read_checkpoint(checkpoints(run / "checkpoints")[0])["position"]["batch"] == 3
    torchrun(run, people, *cut)
    for one, other in zip(result(pair), result(run), strict=True):
        assert_same(one, other)
