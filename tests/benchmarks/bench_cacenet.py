"""How long CACE-Net takes to re-rank 100 pairs on the processor.

Run by hand: ``.venv/bin/python -m tests.benchmarks.bench_cacenet``.

The parts of each image are computed once and kept; beside it stands the same without that, where
each pair runs both its images through the backbone. Everything is measured in one run.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch

from reid_models.cacenet import CACENet, CACENetConfig

PAIRS = 100
RUNS = 5
UNPREPARED_PAIRS = 4
THREADS = 2
# Sizes of the ViT-B/16 whose patch tokens can stand in for a ResNet's map.
TOKENS = CACENetConfig(source="tokens", channels=768, grid=(16, 8), pooling="average")


def seconds(job: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median and least time of a job, after one run to warm up."""
    job()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times), min(times)


def operations(places: int, channels: int, inner_channels: int, width: int) -> int:
    """Floating-point operations of a pair; twice the multiplications of its matrix products."""
    correspondence = places**2 * inner_channels
    flow = 4 * places**2 * inner_channels
    output = 2 * places * inner_channels * channels
    return 2 * (correspondence + flow + output + 2 * channels * width)


def measure(name: str, config: CACENetConfig, shape: tuple[int, ...]) -> float:
    """Prints the figures of one network and returns the seconds of a pair."""
    torch.manual_seed(0)
    network = CACENet(config).eval()
    torch.nn.init.normal_(network.graph.output.weight, std=0.01)
    query = network.parts(torch.rand(1, *shape))
    places, channels = query.places.shape[1:]
    gallery = network.graph.parts(torch.rand(PAIRS, places, channels))
    median, least = seconds(lambda: network.score(query, gallery), RUNS)
    cost = operations(places, channels, config.inner_channels, config.width) / 1e9
    kept = sum(part[0].numel() * part.element_size() for part in query) / 1e6
    sys.stdout.write(
        f"{name}: {PAIRS} pairs in {median:.2f} s (best of {RUNS}: {least:.2f} s), "
        f"{cost:.2f} GFLOP a pair, {PAIRS * cost / least:.0f} GFLOP/s; "
        f"parts of an image: {kept:.1f} MB\n"
    )
    return least / PAIRS


@torch.inference_mode()
def main() -> None:
    """Measures both sources of places."""
    torch.set_num_threads(THREADS)
    sys.stdout.write(f"{THREADS} threads, float32, torch {torch.__version__}\n")
    config = CACENetConfig()
    prepared = measure("ResNet-50, 384×128", config, (3, *config.image_size))
    measure("tokens of ViT-B/16, 256×128", TOKENS, (128, 768))

    network = CACENet(config).eval()
    images = torch.rand(2, 3, *config.image_size)

    def from_images() -> None:
        for _ in range(UNPREPARED_PAIRS):
            network.score(network.parts(images[:1]), network.parts(images[1:]))

    unprepared = seconds(from_images, 1)[1] / UNPREPARED_PAIRS
    sys.stdout.write(
        f"a pair from its images: {unprepared * 1e3:.0f} ms, with parts kept: "
        f"{prepared * 1e3:.1f} ms: {unprepared / prepared:.0f} times as fast\n"
    )


if __name__ == "__main__":
    main()
