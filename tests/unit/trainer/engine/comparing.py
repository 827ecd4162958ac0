"""What two runs have to have in common."""

import torch

from trainer.checkpoint import checkpoints, read_checkpoint
from trainer.run_log import read_log


def result(run):
    """All that has to be equal: everything in the last checkpoint, and the log but its clock."""
    last = read_checkpoint(checkpoints(run / "checkpoints")[0])
    last.pop("log_length")  # the clock's fields differ in length
    lines = [{**line, "clock": None} for line in read_log(run / "log.jsonl")]
    return last, lines


def assert_same(one, other, path=""):
    assert type(one) is type(other), path
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}.{number}")
    else:
        assert one == other, path
