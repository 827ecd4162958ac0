"""The same answers from ONNX Runtime and OpenVINO, and which of them runs a file."""

import os
import shutil
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from reid_models.errors import NetworkError
from reid_models.onnx_export import export_onnx
from reid_models.sessions import (
    OpenVinoSession,
    import_openvino,
    open_onnxruntime,
    open_session,
)
from reid_models.transreid import TransReID, TransReIDConfig
from tests.tiny_networks import save_determinant, save_embedder, save_ir, save_quantised

CHECKOUT = Path(__file__).resolve().parents[3]
BUNDLED = CHECKOUT / "resources/models/detectors/person_detector.onnx"


def answer(session, values):
    """All outputs of a network for one input."""
    names = [each.name for each in session.get_outputs()]
    return session.run(names, {session.get_inputs()[0].name: values})


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


# The same answers ---------------------------------------------------------------------------------


def test_both_give_the_same_boxes_and_scores():
    values = noise(1, 3, 288, 480)
    [theirs], [ours] = (
        answer(session, values)
        for session in (
            open_onnxruntime(BUNDLED),
            OpenVinoSession(BUNDLED, streams=2, precision="float32"),
        )
    )
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(ours[:, :4], theirs[:, :4], atol=0.01)  # px
    np.testing.assert_allclose(ours[:, 4:], theirs[:, 4:], atol=1e-5)


@pytest.mark.parametrize("precision", ["auto", "float32", "bf16"])
def test_both_give_the_same_vectors(tmp_path, precision):
    if precision == "bf16" and "BF16" not in import_openvino().Core().get_property(
        "CPU", "OPTIMIZATION_CAPABILITIES"
    ):
        pytest.skip("this processor does not compute in bf16 by itself")
    path = save_embedder(tmp_path / "net.onnx")
    session = OpenVinoSession(path, precision=precision)
    [ours] = answer(session, noise(1, 3, 32, 16))
    [theirs] = answer(open_onnxruntime(path), noise(1, 3, 32, 16))
    tolerance = 1e-6 if session.precision == "float32" else 0.01
    np.testing.assert_allclose(ours, theirs, atol=tolerance)


def test_inputs_and_outputs_are_described_alike(tmp_path):
    path = save_embedder(tmp_path / "net.onnx", batch="B", size_px=("H", "W"), outputs=2)
    theirs, ours = open_onnxruntime(path), OpenVinoSession(path)
    for ports in ("get_inputs", "get_outputs"):
        found, wanted = getattr(ours, ports)(), getattr(theirs, ports)()
        assert [each[:2] for each in found] == [(each.name, each.type) for each in wanted]
    assert ours.get_inputs()[0].shape == [None, 3, None, None]


def test_any_thread_may_ask_for_any_shape(tmp_path):
    path = save_embedder(tmp_path / "net.onnx", batch="B", size_px=("H", "W"))
    theirs, ours = open_onnxruntime(path), OpenVinoSession(path, streams=2)
    # More shapes than are kept, each more than once.
    inputs = [noise(1 + n % 7, 3, 32, 16, seed=n) for n in range(21)]
    start = threading.Barrier(3)

    def ask(_):
        start.wait()
        return [answer(ours, values)[0] for values in inputs]

    wanted = [answer(theirs, values)[0] for values in inputs]
    with ThreadPoolExecutor(3) as pool:
        for answers in pool.map(ask, range(3)):
            for found, right in zip(answers, wanted, strict=True):
                np.testing.assert_allclose(found, right, atol=1e-6)


def test_an_answer_is_not_overwritten_by_the_next(tmp_path):
    session = OpenVinoSession(save_embedder(tmp_path / "net.onnx"))
    [first] = answer(session, np.zeros((1, 3, 32, 16), np.float32))
    answer(session, np.ones((1, 3, 32, 16), np.float32))
    assert first.max() == 0


# Who runs a file ----------------------------------------------------------------------------------


def test_a_processor_runs_onnx_by_openvino(tmp_path):
    assert isinstance(open_session(save_embedder(tmp_path / "net.onnx")), OpenVinoSession)


@pytest.mark.parametrize("save", [save_quantised, save_determinant])
def test_onnxruntime_runs_what_openvino_cannot_read_or_is_slow_at(tmp_path, save):
    session = open_session(save(tmp_path / "net.onnx"))
    assert not isinstance(session, OpenVinoSession)
    [vector] = answer(session, noise(1, 3, 32, 16))
    assert np.isfinite(vector).all()


def test_a_cut_onnx_file_is_refused(tmp_path):
    path = save_embedder(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(NetworkError, match=r"net\.onnx cannot be loaded as an ONNX network"):
        open_session(path)


def test_an_ir_is_two_whole_files(tmp_path):
    path = save_ir(tmp_path / "net.xml")
    assert answer(open_session(path), noise(1, 3, 32, 16))[0].shape == (1, 12)
    weights = path.with_suffix(".bin")
    shutil.copy(path, tmp_path / "other.xml")
    with pytest.raises(NetworkError, match=r"other\.bin is not beside other\.xml") as caught:
        open_session(tmp_path / "other.xml")
    assert str(tmp_path) in caught.value.remedy
    weights.write_bytes(weights.read_bytes()[:4])
    with pytest.raises(NetworkError, match=r"OpenVINO cannot read net\.xml"):
        open_session(path)
    path.write_text("<note>no network</note>")
    with pytest.raises(NetworkError, match=r"net\.xml is not a network of OpenVINO"):
        open_session(path)


# What openvino must not do ------------------------------------------------------------------------

WATCHED = """
    import sys
    seen = []
    def watch(event, arguments):
        if event.startswith(("socket.", "urllib", "http.")) or event in (
            "subprocess.Popen", "os.system", "os.fork", "os.mkdir"
        ):
            seen.append((event, str(arguments)))
    sys.addaudithook(watch)
    from pathlib import Path
    import numpy as np
    from reid_models.sessions import OpenVinoSession
    assert "openvino" not in sys.modules
    session = OpenVinoSession(Path(sys.argv[1]))
    session.run(["vector"], {"crop": np.zeros((1, 3, 32, 16), np.float32)})
    assert not seen, seen
"""


INTERRUPTED = """
    import gc, signal, sys
    from pathlib import Path
    from reid_models.sessions import OpenVinoSession
    from tests.unit.reid_models.test_sessions import answer, noise
    caught = []
    signal.signal(signal.SIGINT, lambda *_: caught.append(True))
    sessions = [OpenVinoSession(Path(sys.argv[1])) for _ in range(2)]
    for session in sessions:
        answer(session, noise(1, 3, 32, 16))
    del session
    while sessions:
        del sessions[0]
        gc.collect()
    signal.raise_signal(signal.SIGINT)
    assert caught
"""


def test_a_signal_is_survived_once_networks_are_gone(tmp_path):
    path = save_embedder(tmp_path / "net.onnx")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), str(path)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_importing_openvino_writes_nothing_and_reports_to_nobody(tmp_path):
    path = save_embedder(tmp_path / "net.onnx")
    (tmp_path / "home").mkdir()
    # Whatever says that this is a build machine silences it as well: that must not do our work.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "TF_"))}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WATCHED), str(path)],
        env={**kept, "PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list((tmp_path / "home").iterdir())


def test_calls_side_by_side_give_what_one_call_gives(tmp_path):
    """Compiled for several streams at once, OpenVINO returned other numbers now and then."""
    torch.manual_seed(0)
    config = TransReIDConfig(
        variant="deit_tiny", width=48, depth=2, heads=2, image_size=(64, 32), jpm=False
    )
    export_onnx(TransReID(config), tmp_path / "net.onnx")
    feed = {"crops": noise(4, 3, 64, 32)}
    wanted = open_onnxruntime(tmp_path / "net.onnx").run(["vectors"], feed)[0]
    for _ in range(8):
        session = OpenVinoSession(tmp_path / "net.onnx", streams=2, precision="float32")
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(session.run, ["vectors"], feed) for _ in range(4)]
        for call in calls:
            np.testing.assert_allclose(call.result()[0], wanted, atol=1e-4)
