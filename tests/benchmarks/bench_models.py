"""The networks table of docs/training.md, and the same networks in ONNX Runtime and OpenVINO.

Run by hand on a quiet machine: ``.venv/bin/python -m tests.benchmarks.bench_models``. In the first
table weights are random; results to expect are those that the papers or their repositories print.
The second is of the bundled detector and embedder and of the files that are named (.onnx, .xml):
``… bench_models --only runtimes net.onnx person-reidentification-retail-0277.xml``.
The third is of detectors as the program runs them, the bundled one and those that are named:
``… bench_models --only detectors yolov8n_int8.onnx``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from app.vision.yolo_detector import YoloDetector
from reid_models import create_model
from reid_models.devices import find_device, has_fast_bf16
from reid_models.model_file import load_model
from reid_models.onnx_export import export_onnx
from reid_models.sessions import (
    IR_SUFFIX,
    OpenVinoSession,
    Session,
    import_openvino,
    open_onnxruntime,
)
from reid_models.summary import summarise

RESOURCES = Path(__file__).resolve().parents[2] / "resources" / "models"
DETECTOR = RESOURCES / "detectors" / "person_detector.onnx"
EMBEDDER = RESOURCES / "embedders" / "retrace-rrid.safetensors"
FRAME_PX = (352, 608)  # height and width of a 16:9 frame as the detector gets it
CROP_PX = (256, 128)
CALLS = 40
# Height and width of frames: of a usual video, and of one whose people are small.
FRAMES_PX = ((540, 960), (1080, 1920))
FRAME_CALLS = 15

THREADS = 2
RUNS = 5
TRANSREID = "arXiv:2102.04378"
RRID = "Park and Ham, AAAI 2020"
NFORMER = "arXiv:2204.09331"


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        title: how users know it.
        name: in the registry.
        settings: of the network.
        expected: mAP / rank 1 in per cent, as published.
        source: of the method and these numbers.
    """

    title: str
    name: str
    settings: dict[str, Any]
    expected: str
    source: str


FULL = {"cameras": 6, "gallery_vector": "full"}
LIGHT = {"image_size": [192, 96], "variant": "S"}
TOKENS = {"source": "tokens", "channels": 768, "grid": [16, 8], "pooling": "average"}
ROWS = (
    Row(
        "TransReID ViT-B/16, stride 16, JPM + SIE",
        "transreid",
        FULL,
        "Market 88.2 / 95.0, MSMT17 64.9 / 83.3, Duke 80.6 / 89.6",
        TRANSREID,
    ),
    Row(
        "TransReID ViT-B/16, stride 12, JPM + SIE",
        "transreid",
        {**FULL, "stride": 12},
        "Market 89.0 / 95.1, MSMT17 67.8 / 85.3, Duke 82.2 / 90.7",
        f"{TRANSREID}, its repository",
    ),
    Row(
        "TransReID baseline ViT-B/16, stride 16",
        "transreid",
        {"jpm": False},
        "Market 87.1 / 94.6, MSMT17 61.8 / 81.8, Duke 79.6 / 89.0",
        f"{TRANSREID}, its repository",
    ),
    Row(
        "TransReID DeiT-S/16, SIE",
        "transreid",
        {"variant": "deit_small", "jpm": False, "cameras": 6},
        "not published",
        TRANSREID,
    ),
    Row(
        "TransReID DeiT-Ti/16, SIE",
        "transreid",
        {"variant": "deit_tiny", "jpm": False, "cameras": 6},
        "not published",
        TRANSREID,
    ),
    Row(
        "X-ReID ViT-B/16, deployed",
        "xreid",
        {"deployed": True},
        "Market 88.0 / 94.9, MSMT17 65.1 / 84.0",
        "arXiv:2302.02075",
    ),
    Row(
        "RRID-F ResNet-50",
        "rrid",
        {},
        "Market 88.9 / 95.2, Duke 78.6 / 89.7, CUHK03-L 75.6 / 77.9",
        RRID,
    ),
    Row(
        "RRID-S ResNet-50",
        "rrid",
        {"variant": "S"},
        "Market 88.0 / 94.8, Duke 77.1 / 89.3, CUHK03-L 73.5 / 76.6",
        RRID,
    ),
    Row(
        "RRID-S ResNet-18, 192×96",
        "rrid",
        {**LIGHT, "backbone": "resnet18"},
        "not published",
        RRID,
    ),
    Row(
        "RRID-S ResNet-10-T, 192×96",
        "rrid",
        {**LIGHT, "backbone": "resnet10t"},
        "not published",
        RRID,
    ),
    Row(
        "NFormer's encoder, ResNet-50",
        "nformer_encoder",
        {},
        "Market 83.5 / 93.2, Duke 74.1 / 86.1",
        NFORMER,
    ),
    Row(
        "NFormer over its encoder",
        "nformer",
        {},
        "Market 91.1 / 94.7, Duke 83.5 / 89.4, MSMT17 59.8 / 77.3",
        NFORMER,
    ),
    Row(
        "CACE-Net ResNet-50",
        "cacenet",
        {},
        "Market 90.3 / 96.0, Duke 81.3 / 90.9, MSMT17 62.0 / 83.5",
        "arXiv:2009.05250",
    ),
    Row(
        "CACE-Net over ViT-B/16's tokens",
        "cacenet",
        TOKENS,
        "not published",
        "arXiv:2009.05250",
    ),
)


def line(row: Row, device: str) -> str:
    """A row in Markdown."""
    network = create_model(row.name, **row.settings)
    precisions = ["float32"]
    if has_fast_bf16(find_device(device)) and row.name != "nformer":
        precisions.append("bf16")
    found = [summarise(network, device, precision, runs=RUNS) for precision in precisions]
    first = found[0]
    times = " / ".join(_rounded(each.ms) for each in found if each.ms is not None)
    cells = (
        row.title,
        f"{first.parameters / 1e6:.1f} M",
        f"{first.gflops:.3g}",
        str(first.vector_size),
        f"{times} a {first.unit}",
        row.expected,
        row.source,
    )
    return f"| {' | '.join(cells)} |\n"


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def runtimes(path: Path, size_px: tuple[int, int]) -> Iterator[str]:
    """A line in Markdown for each program and precision that runs a network here.

    Processor time, which other work disturbs least, of one thread; the calls take turns. The
    cosine is of all outputs with those of the first.

    Args:
        path: a .onnx or .xml file.
        size_px: height and width of its input where it leaves them open.
    """
    able = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    found: dict[str, Session] = {}
    if path.suffix.lower() != IR_SUFFIX:
        found["ONNX Runtime, float32"] = open_onnxruntime(path)
    found["OpenVINO, float32"] = OpenVinoSession(path, precision="float32")
    if "BF16" in able:
        found["OpenVINO, bf16"] = OpenVinoSession(path, precision="bf16")
    given = next(iter(found.values())).get_inputs()[0]
    wanted = (1, 3, *size_px)
    shape = [
        side if isinstance(side, int) else other
        for side, other in zip(given.shape, wanted, strict=True)
    ]
    values = np.random.default_rng(0).random(shape, np.float32)
    names = {name: [each.name for each in it.get_outputs()] for name, it in found.items()}
    outputs = {
        name: np.concatenate([each.ravel() for each in it.run(names[name], {given.name: values})])
        for name, it in found.items()
    }
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(CALLS):
        for name, session in found.items():
            began = time.process_time()
            session.run(names[name], {given.name: values})
            times[name].append(1000 * (time.process_time() - began))
    first = next(iter(found))
    for name, measured in times.items():
        median = statistics.median(measured)
        ratio = statistics.median(times[first]) / median
        cosine = _cosine(outputs[first], outputs[name])
        cells = (path.name, name, f"{median:.1f}", f"{min(measured):.1f}", f"{ratio:.2f}")
        yield f"| {' | '.join((*cells, f'{cosine:.5f}'))} |\n"


def _cosine(first: Any, second: Any) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def print_networks(device: str) -> None:
    """The table in docs/training.md."""
    heads = ("model", "parameters", "GFLOPs", "vector", f"ms ({device}, float32 / bf16)")
    sys.stdout.write(f"| {' | '.join((*heads, 'published mAP / R1', 'source'))} |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for row in ROWS:
        sys.stdout.write(line(row, device))
        sys.stdout.flush()


def print_runtimes(files: Sequence[Path]) -> None:
    """The same networks by each program that runs them."""
    heads = ("network", "run by", "ms, median", "ms, least", "times as fast", "cosine")
    sys.stdout.write(f"| {' | '.join(heads)} |\n|---|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "retrace-rrid.onnx"
        network, _ = load_model(EMBEDDER)
        assert hasattr(network, "input_size_px")
        export_onnx(network, exported)  # type: ignore[arg-type]
        sizes = {DETECTOR: FRAME_PX, exported: network.input_size_px}
        for path in (*sizes, *files):
            for text in runtimes(path, sizes.get(path, CROP_PX)):
                sys.stdout.write(text)
                sys.stdout.flush()


def print_detectors(files: Sequence[Path]) -> None:
    """Detectors side by side, each with the size it chooses; the calls take turns.

    Processor time of one thread and frame, scaling and the choice among boxes included.
    """
    heads = ("detector", *(f"ms, {width} × {height}" for height, width in FRAMES_PX))
    sys.stdout.write(f"| {' | '.join((*heads, 'of the bundled one'))} |\n|---|---|---|---|\n")
    torch.set_num_threads(1)  # what waits for work would count
    detectors = {path: YoloDetector(path, "cpu") for path in (DETECTOR, *files)}
    times: dict[tuple[Path, tuple[int, int]], list[float]] = {}
    rng = np.random.default_rng(0)
    for size in FRAMES_PX:
        frame = rng.integers(0, 255, (*size, 3), np.uint8)
        for detector in detectors.values():
            detector.detect([frame])
        for _ in range(FRAME_CALLS):
            for path, detector in detectors.items():
                began = time.process_time()
                detector.detect([frame])
                taken = 1000 * (time.process_time() - began)
                times.setdefault((path, size), []).append(taken)
    medians = {key: statistics.median(measured) for key, measured in times.items()}
    for path in detectors:
        found = [medians[path, size] for size in FRAMES_PX]
        ratio = found[0] / medians[DETECTOR, FRAMES_PX[0]]
        cells = (path.name, *(f"{each:.1f}" for each in found), f"{ratio:.2f} times")
        sys.stdout.write(f"| {' | '.join(cells)} |\n")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path, help="for the second and the third table")
    parser.add_argument("--device", default="cpu", help="of the first table")
    parser.add_argument("--only", choices=("networks", "runtimes", "detectors"))
    told = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    if told.only in (None, "networks"):
        print_networks(told.device)
    if told.only in (None, "runtimes"):
        print_runtimes(told.files)
    if told.only in (None, "detectors"):
        print_detectors(told.files)


if __name__ == "__main__":
    main()
