"""The README's table of networks: size, work, vector and time of each on this machine.

Run by hand on a quiet machine: ``.venv/bin/python -m tests.benchmarks.bench_models``. Weights are
random; results to expect are those that the papers or their repositories print.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import torch

from reid_models import create_model
from reid_models.devices import find_device, has_fast_bf16
from reid_models.summary import summarise

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


def main() -> None:
    """Prints the table; the device is the first argument, by default the processor."""
    device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    heads = ("model", "parameters", "GFLOPs", "vector", f"ms ({device}, float32 / bf16)")
    sys.stdout.write(f"| {' | '.join((*heads, 'published mAP / R1', 'source'))} |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for row in ROWS:
        sys.stdout.write(line(row, device))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
