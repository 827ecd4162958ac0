"""Damaged videos through open, first frame, full pass and seek: no traceback, no hang, no crash.

Run by hand: ``.venv/bin/python -m tests.benchmarks.fuzz_containers --cases 10000 --seed 1``. Each
case is made from (seed, number) and read in a process of its own kind, which may die; ``--first``
and ``--cases 1`` repeat one. Exit status 1 if anything went wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlowError
from datetime import UTC
from functools import partial
from pathlib import Path

from app.vision.video import open_video
from tests.mutated_containers import KINDS, make_containers, mutated, read_whole

PATIENCE_S = 20.0
# A header may announce pictures of any size.
_MEMORY_BYTES = 8 << 30


def work(seed: int) -> None:
    """Reads the numbers of cases from standard input; writes a line of JSON for each."""
    import resource

    import av.logging

    av.logging.set_level(None)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = make_containers()
    print("ready", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            which, data = mutated(files, seed, int(line))
            path = Path(folder, f"case{KINDS[which].suffix}")
            path.write_bytes(data)
            began, problem = time.perf_counter(), ""
            try:
                outcome = read_whole(partial(open_video, path, "cam", UTC))
            except Exception:  # noqa: BLE001  what is sought
                outcome, problem = "traceback", traceback.format_exc()
            took_s = time.perf_counter() - began
            print(json.dumps([outcome, took_s, problem]), flush=True)  # noqa: T201


def outcomes(seed: int, numbers: range) -> Iterator[tuple[int, str, float, str]]:
    """Of each case its number, what came of it, the seconds it took, and a traceback if any."""
    todo = list(numbers)
    with ThreadPoolExecutor(1) as pool:
        while todo:
            command = [sys.executable, "-m", __spec__.name, "--work", str(seed)]
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as worker:
                assert worker.stdin and worker.stdout
                ready = worker.stdout.readline()
                assert ready == "ready\n", ready
                while todo:
                    number = todo.pop(0)
                    worker.stdin.write(f"{number}\n")
                    worker.stdin.flush()
                    answer = pool.submit(worker.stdout.readline)
                    try:
                        line = answer.result(PATIENCE_S)
                    except TooSlowError:
                        worker.kill()
                        answer.result()
                        yield number, "hang", PATIENCE_S, ""
                        break
                    if not line:
                        yield number, "crash", 0.0, f"exit status {worker.wait()}"
                        break
                    outcome, took_s, problem = json.loads(line)
                    yield number, outcome, took_s, problem
                worker.stdin.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work is not None:
        work(arguments.work)
        return 0
    say = print
    counts: Counter[str] = Counter()
    slowest = (0.0, -1)
    began = time.monotonic()
    for number, outcome, took_s, problem in outcomes(
        arguments.seed, range(arguments.first, arguments.first + arguments.cases)
    ):
        counts[outcome] += 1
        slowest = max(slowest, (took_s, number))
        if outcome in ("traceback", "hang", "crash"):
            kind = KINDS[number % len(KINDS)]
            say(f"case {number} ({kind.format}, {kind.codec}): {outcome} {problem}", flush=True)
        if counts.total() % 500 == 0:
            say(f"{counts.total()} in {time.monotonic() - began:.0f} s: {dict(counts)}", flush=True)
    say(f"{counts.total()} cases: {dict(sorted(counts.items()))}")
    say(f"slowest: {slowest[0]:.1f} s (case {slowest[1]})")
    return 1 if counts.keys() & {"traceback", "hang", "crash"} else 0


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    raise SystemExit(main())
