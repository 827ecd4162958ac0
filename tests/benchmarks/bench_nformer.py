"""Time and memory of NFormer over whole galleries, against the dense form of the same network.

Run by hand: ``.venv/bin/python -m tests.benchmarks.bench_nformer`` (``--sizes 2000 8000`` for
less). 256-d vectors, k 20, l 5, 2 heads, 4 layers, float32 unless said.

Goals: 8 000 vectors in 1 s and 6 × faster than the dense form, 93 820 (MSMT17's queries and
gallery) in less than 4 GB. Each size runs in a process of its own, so that its peak memory is its
own; durations are the shortest of several in turns. Where other work shares the processor, trust
the ratios, and the processor time of one thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from reid_models.layers.neighbor_queries import FixedGallery
from reid_models.layers.neighbors import nearest_neighbors
from reid_models.nformer import NFormer, NFormerConfig
from tests.dense_nformer import dense_refine

SIZES = (2_000, 8_000, 19_281, 93_820)
DENSE_UP_TO = 8_000
QUERIES_UP_TO = 20_000
QUERIES = 100
PER_IDENTITY = 25
THREADS = 2


def measure(count: int) -> dict[str, float]:
    """Seconds of each way to refine `count` vectors, and the peak memory of this process."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    centres = torch.randn(max(1, count // PER_IDENTITY), 256)
    spread = 0.7 * torch.randn(count, 256)
    features = normalize(centres[torch.randint(len(centres), (count,))] + spread, dim=1)
    network = NFormer(NFormerConfig()).eval()
    landmarks = network.draw_landmarks(count)
    network.refine(features[:500])  # warm-up
    found = {"before_gb": peak_gb()}
    neighbors: list[Tensor] = []
    ways: dict[str, Callable[[], object]] = {
        "search": lambda: neighbors.append(nearest_neighbors(features, 20)),
        "blocks": lambda: network.refine(features, landmarks, neighbors=neighbors[0]),
        "refine": lambda: network.refine(features, landmarks),
    }
    if count <= DENSE_UP_TO:
        ways["dense"] = lambda: dense_refine(network, features, landmarks)
        ways["dense, masked"] = lambda: dense_refine(network, features, landmarks, "masked")
    with torch.no_grad():
        found |= seconds({name: ways[name] for name in ("search", "blocks", "refine")}, 1)
        found["peak_gb"] = peak_gb()
        if "dense" in ways:
            found |= seconds(ways, 2)
            found |= compare(network, features, landmarks)
            torch.set_num_threads(1)
            ways = {f"{name}, one thread": ways[name] for name in ("refine", "dense")}
            found |= seconds(ways, 2, time.thread_time)
        if count <= QUERIES_UP_TO:
            found |= answer(network, features)
    return found


def answer(network: NFormer, features: Tensor) -> dict[str, float]:
    """Some vectors as queries, each alone with all others."""
    torch.set_num_threads(1)  # its matrices are too small for two
    drawn = network.draw_landmarks(len(features) - QUERIES)
    fixed = FixedGallery([*network.blocks], features[QUERIES:], 20, drawn)
    return seconds({"answer": lambda: fixed.answer(features[:QUERIES])}, 1)


def compare(network: NFormer, features: Tensor, landmarks: Tensor) -> dict[str, float]:
    """How far the two forms are apart, and the dense one's peak memory."""
    wanted = network.bottleneck(dense_refine(network, features, landmarks))
    refined = network.refine(features, landmarks)
    difference = (refined - wanted).abs().max() / wanted.abs().max()
    return {"difference": float(difference), "dense_peak_gb": peak_gb()}


def seconds(
    ways: dict[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The shortest duration of each way, all in turns: other work on the machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, act in ways.items():
            began = clock()
            act()
            times[name].append(clock() - began)
    return {name: min(taken) for name, taken in times.items()}


def peak_gb() -> float:
    """The most memory that this process ever held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def report(count: int, found: dict[str, float]) -> str:
    """The figures of one size in words."""
    lines = {
        "refine": f"{found['refine']:.2f} s: search {found['search']:.2f}, "
        f"blocks {found['blocks']:.2f}",
        "peak memory": f"{found['peak_gb']:.2f} GB ({found['before_gb']:.2f} before)",
    }
    if "answer" in found:
        answer_ms = found["answer"] / QUERIES * 1000
        lines["a query alone"] = f"{answer_ms:.1f} ms on one thread, once the gallery is computed"
    if "dense" in found:
        ratio = found["dense"] / found["refine"]
        masked = found["dense, masked"] / found["refine"]
        one, dense_one = found["refine, one thread"], found["dense, one thread"]
        lines |= {
            "dense form": f"{found['dense']:.2f} s, {ratio:.1f} × as long "
            f"(masked softmax {masked:.1f} ×), peak {found['dense_peak_gb']:.2f} GB",
            "on one thread": f"{one:.2f} s against {dense_one:.2f} s of processor time, "
            f"{dense_one / one:.1f} ×",
            "difference": f"{found['difference']:.1e} of the largest value",
        }
    text = "".join(f"  {name:16}{value}\n" for name, value in lines.items())
    return f"{count} vectors\n{text}"


def main() -> None:
    """Measures each size in its own process and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--one", type=int, help="measure one size and print JSON")
    arguments = parser.parse_args()
    if arguments.one:
        sys.stdout.write(json.dumps(measure(arguments.one)))
        return
    for count in arguments.sizes:
        command = [sys.executable, "-m", "tests.benchmarks.bench_nformer", "--one", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        sys.stdout.write(report(count, json.loads(done.stdout)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
