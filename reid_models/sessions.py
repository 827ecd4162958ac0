"""What runs networks of foreign formats: OpenVINO on processors, ONNX Runtime on NVIDIA GPUs."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from numpy.typing import NDArray

from reid_models.errors import NetworkError

if TYPE_CHECKING:
    from reid_models.devices import Precision

IR_SUFFIX = ".xml"  # OpenVINO's own format; the weights lie beside it, in a .bin
CPU_PROVIDER = "CPUExecutionProvider"
# Input shapes for which a network is kept compiled: videos differ in their aspect ratio.
_KEPT_SHAPES = 4
# OpenVINO took 1.2 times as long as ONNX Runtime for YOLOv8n with such nodes.
_QUANTISED = ("Quantize", "Integer", "QLinear")
_TYPES = {"f32": "tensor(float)", "f16": "tensor(float16)"}

Provider = str | tuple[str, dict[str, int]]
"""A device in the words of ONNX Runtime."""


class Port(NamedTuple):
    """An input or output; `shape` has None where a side may have any length."""

    name: str
    type: str
    shape: list[int | None]


class Session(Protocol):
    """A loaded network. Any thread may call it.

    These are the parts of `onnxruntime.InferenceSession` that are used here; of one input.
    """

    def get_inputs(self) -> Sequence[Any]:
        """Objects with `name`, `type` ("tensor(float)" …) and `shape`."""
        ...

    def get_outputs(self) -> Sequence[Any]:
        """Likewise."""
        ...

    def run(
        self, output_names: Sequence[str], input_feed: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """The outputs of those names."""
        ...


def import_onnxruntime() -> ModuleType:
    """The module onnxruntime with its telemetry off; everyone here imports it by this function.

    Since 1.29 its official builds send what they run (file names and hashes among it) to their
    maker, on Linux too, unless this variable is set before the first import.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # on Windows the variable is not read
    # Errors come as exceptions; its warnings about a file's innards would fill the terminal.
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


def import_openvino() -> ModuleType:
    """The module openvino without its telemetry; everyone here imports it by this function.

    Importing openvino writes an id and a counter into the user's home and reports to Google
    Analytics, unless a file in the home says no. It does neither if openvino_telemetry, a package
    of its own, cannot be imported.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


def provider_of(device: str) -> Provider:
    """The provider of ONNX Runtime for a device.

    Args:
        device: "auto" (the first GPU if onnxruntime can use it), "cpu", "cuda", "cuda:1".

    Raises:
        NetworkError: no such device, or onnxruntime cannot use it.
    """
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not number.isdigit()):
        raise NetworkError(
            f'There is no device "{device}".', 'Choose "auto", "cpu", "cuda" or "cuda:0".'
        )
    has_gpu = "CUDAExecutionProvider" in import_onnxruntime().get_available_providers()
    if kind == "cuda" and not has_gpu:
        raise NetworkError(
            "The installed onnxruntime cannot use a GPU.",
            "Install onnxruntime-gpu, or use the device auto or cpu.",
        )
    if kind == "cpu" or not has_gpu:
        return CPU_PROVIDER
    return "CUDAExecutionProvider", {"device_id": int(number or 0)}


def open_session(
    path: Path,
    provider: Provider = CPU_PROVIDER,
    *,
    streams: int = 1,
    threads: int = 1,
    precision: Precision = "auto",
) -> Session:
    """A network, by what runs it best: OpenVINO on a processor if it can, else ONNX Runtime.

    Args:
        path: a .onnx file, or a .xml file with its .bin, which always runs on the processor.
        provider: of a .onnx file.
        streams: calls that run at the same time on a processor.
        threads: of each of them.
        precision: "auto" is bf16 where the processor computes in it by itself; for OpenVINO.

    Raises:
        NetworkError: it cannot be read.
    """
    if path.suffix.lower() == IR_SUFFIX:
        return OpenVinoSession(path, streams, threads, precision)
    if provider == CPU_PROVIDER and _suits_openvino(path):
        try:
            return OpenVinoSession(path, streams, threads, precision)
        except NetworkError:
            pass  # one of the files that only the other one reads; else it says what is wrong
    return open_onnxruntime(path, provider, threads)


def open_onnxruntime(path: Path, provider: Provider = CPU_PROVIDER, threads: int = 1) -> Session:
    """A .onnx file in ONNX Runtime; raises NetworkError."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # By default its threads spin while they wait for each other, and take the time from whatever
    # else the machine does: 58 ms a frame became 107 ms beside another process.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:
        # onnxruntime's errors have no common type; here they all are about this file.
        raise NetworkError(
            f"{path.name} cannot be loaded as an ONNX network: {short(error)}.",
            "Download or export it again, or choose another file.",
        ) from error
    if not isinstance(provider, str) and provider[0] not in session.get_providers():
        raise NetworkError(
            f"onnxruntime could not start {path.name} on the GPU.",
            "Check the GPU driver and CUDA libraries, or use the device cpu.",
        )
    opened: Session = session
    return opened


class OpenVinoSession:
    """A network of one input on the processor, as a `Session`.

    It is compiled for each shape of input that it meets, which takes half a second: a YOLO11n
    without a fixed size took 10 % longer.

    Attributes:
        precision: "float32" or "bf16".
    """

    def __init__(
        self, path: Path, streams: int = 1, threads: int = 1, precision: Precision = "auto"
    ) -> None:
        """Reads the file; arguments and errors as of `open_session`."""
        self._network = read_network(path)
        self.precision = _cpu_precision() if precision == "auto" else precision
        self._streams = streams
        self._settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bf16" else "f32",
            # One stream, compiled once for each call at a time: compiled for several, a small
            # transformer returned wrong vectors in one of five loads (2026.4.1).
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": threads,
            # Else all networks of this process would crowd the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        self._inputs = [_port(each) for each in self._network.inputs]
        self._outputs = [_port(each) for each in self._network.outputs]
        self._numbers = {each.name: number for number, each in enumerate(self._outputs)}
        self._lock = threading.Lock()
        self._idle: OrderedDict[tuple[int, ...], queue.SimpleQueue[Any]] = OrderedDict()

    def get_inputs(self) -> list[Port]:
        """As of `Session`."""
        return self._inputs

    def get_outputs(self) -> list[Port]:
        """As of `Session`."""
        return self._outputs

    def noted(self, key: str) -> str | None:
        """What the file says of its conversion, such as "mean_values"; None: nothing."""
        place = ["conversion_parameters", key]
        if not self._network.has_rt_info(place):
            return None
        return str(self._network.get_rt_info(place).astype(str))

    def run(
        self, output_names: Sequence[str], input_feed: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """As of `Session`; waits where as many calls as there are streams run already."""
        ((_, values),) = input_feed.items()
        requests = self._requests(values.shape)
        request = requests.get()
        try:
            # In threads of OpenVINO's own, which stay; those of the callers come and go.
            # The values are copied: a request keeps a pointer to them beyond this call.
            request.start_async({0: values})
            request.wait()
            return [
                request.get_output_tensor(self._numbers[name]).data.copy() for name in output_names
            ]
        finally:
            requests.put(request)

    def _requests(self, shape: tuple[int, ...]) -> queue.SimpleQueue[Any]:
        """The idle requests of the network for one shape of input."""
        with self._lock:
            if shape in self._idle:
                self._idle.move_to_end(shape)
                return self._idle[shape]
            network = self._network.clone()
            network.reshape(list(shape))
            requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
            for _ in range(self._streams):
                compiled = _core().compile_model(network, "CPU", self._settings)
                requests.put(compiled.create_infer_request())
            self._idle[shape] = requests
            if len(self._idle) > _KEPT_SHAPES:
                self._idle.popitem(last=False)
            return requests


def read_network(path: Path) -> Any:
    """An `openvino.Model` of a .onnx file, or of a .xml file with the .bin beside it.

    Raises:
        NetworkError: it cannot be read.
    """
    weights = path.with_suffix(".bin")
    is_ir = path.suffix.lower() == IR_SUFFIX
    if is_ir and not path.is_file():
        raise NetworkError(f"There is no file {path}.", "Choose another one.")
    if is_ir and not weights.is_file():
        raise NetworkError(
            f"{weights.name} is not beside {path.name}: a network of OpenVINO is two files.",
            f"Put {weights.name} into {path.parent}.",
        )
    if is_ir and b"<net" not in path.read_bytes()[:1000]:
        raise NetworkError(f"{path.name} is not a network of OpenVINO.", "Choose another file.")
    try:
        return _core().read_model(str(path))
    except RuntimeError as error:
        raise NetworkError(
            f"OpenVINO cannot read {path.name}: {_last_line(error)}.",
            "Download it again" + (f" with {weights.name}." if is_ir else "."),
        ) from error


def short(error: Exception) -> str:
    """The message of a foreign library's error in a line, without a full stop."""
    text = " ".join(str(error).split()).rstrip(".")
    return text if len(text) <= 200 else f"{text[:200]}…"


@cache
def _core() -> Any:
    """OpenVINO's one entrance, kept to the end of the process.

    Each one gives the thread that first uses it another stack for signals, and takes that away
    when it is deleted: the next signal, such as Ctrl-C, then ends the process.
    """
    return import_openvino().Core()


@cache
def _cpu_precision() -> Precision:
    """What this processor computes fastest in without being less exact where it matters."""
    able = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    # Kernels of reduced precision are known to fail on Windows' virtual machines.
    return "bf16" if "BF16" in able and sys.platform != "win32" else "float32"


def _suits_openvino(path: Path) -> bool:
    """Whether a .onnx file can be read and computes in floating point.

    OpenVINO writes about a damaged file to standard error, which belongs to the program's messages.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except DecodeError:
        return False  # ONNX Runtime says what is wrong
    return not any(word in node.op_type for node in graph.node for word in _QUANTISED)


def _port(port: Any) -> Port:
    names = port.get_names()
    kind = port.get_element_type().get_type_name()
    return Port(
        min(names) if names else port.get_node().get_friendly_name(),
        _TYPES.get(kind, f"tensor({kind})"),
        [None if side.is_dynamic else side.get_length() for side in port.get_partial_shape()],
    )


def _last_line(error: Exception) -> str:
    """What is wrong; the lines before say where in OpenVINO."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return short(RuntimeError(lines[-1] if lines else "it gives no reason"))
