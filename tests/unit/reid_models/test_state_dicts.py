"""Files of weights: what is read, what is refused, and that nothing in them runs."""

import io
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from reid_models.errors import NetworkError
from reid_models.state_dicts import read_state, unwrapped

WEIGHTS = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}


def refusal(path):
    with pytest.raises(NetworkError) as caught:
        read_state(path)
    assert path.name in caught.value.message
    assert caught.value.remedy.endswith(".")
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 3, "optimizer": {"state": {}}},
        {"model": WEIGHTS},
        {f"module.{key}": value for key, value in WEIGHTS.items()},
        {"state_dict": {f"module.{key}": value for key, value in WEIGHTS.items()}},
        {"model": {"state_dict": WEIGHTS}},
        {f"module._orig_mod.module.{key}": value for key, value in WEIGHTS.items()},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_wrappers_and_prefixes_are_taken_off(tmp_path, content, zipped):
    path = tmp_path / "weights.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    state = read_state(path)
    assert list(state) == list(WEIGHTS)
    assert all(torch.equal(state[key], WEIGHTS[key]) for key in WEIGHTS)


def test_safetensors_are_taken_too(tmp_path):
    save_file(WEIGHTS, tmp_path / "weights.safetensors")
    assert torch.equal(read_state(tmp_path / "weights.safetensors")["a.weight"], torch.ones(2, 3))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_network_is_refused_with_the_reason_and_the_way_out(tmp_path, zipped):
    path = tmp_path / "rrid.pth"
    torch.save(nn.DataParallel(nn.Linear(2, 2)), path, _use_new_zipfile_serialization=zipped)
    text = refusal(path)
    assert "pickled program object (RRID" in text
    assert "state_dict()" in text


class Bomb:
    """Leaves a mark when unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_no_code_in_a_file_runs(tmp_path):
    mark = tmp_path / "mark"
    path = tmp_path / "bomb.pth"
    path.write_bytes(pickle.dumps({"a.weight": Bomb(mark)}, protocol=2))
    assert "was not read" in refusal(path)
    torch.save({"a.weight": torch.ones(1), "more": Bomb(mark)}, path)
    assert "was not read" in refusal(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists()  # the bomb does work


def test_damaged_and_foreign_files_are_named(tmp_path):
    buffer = io.BytesIO()
    torch.save(WEIGHTS, buffer)
    whole = buffer.getvalue()
    path = tmp_path / "cut.pth"
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(content)
        assert "damaged or of another kind" in refusal(path)
    path = tmp_path / "cut.safetensors"
    path.write_bytes(b"hello")
    assert "damaged or of another kind" in refusal(path)
    assert "There is no file" in refusal(tmp_path / "nothing.pth")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (torch.ones(2), "no weights in x.pth, but a Tensor"),
        ([1, 2], "no weights in x.pth, but a list"),
        ({}, "no weights in x.pth, but nothing"),
        ({"a.weight": torch.ones(2).numpy()}, 'a ndarray at the key "a.weight" of x.pth'),
        ({"a.weight": torch.ones(1), "epoch": 3}, 'an int at the key "epoch"'),
        ({"a.weight": torch.tensor([float("nan")])}, '"a.weight" of x.pth has NaN'),
    ],
)
def test_what_is_no_state_dict_is_named(content, expected):
    with pytest.raises(NetworkError, match=expected):
        unwrapped(content, "x.pth")
