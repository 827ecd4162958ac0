"""Results as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.evaluation.evaluator import Result


def table(rows: Sequence[tuple[str, Result]], draws: int = 1000) -> list[str]:
    """Lines of a table in per cent, a 95 % interval beside the two main figures.

    Args:
        rows: name and result of each.
        draws: of the bootstrap.
    """
    head = ["", "method", "mAP", "", "rank-1", "", "rank-5", "rank-10", "mINP", "queries", "s"]
    lines = [head]
    for name, result in rows:
        figures, bounds = result.figures(), result.intervals(draws)
        cells = [name, result.method]
        for key in ("mAP", "rank1"):
            low, high = bounds[key]
            cells += [f"{100 * figures[key]:.2f}", f"[{100 * low:.1f}, {100 * high:.1f}]"]
        cells += [f"{100 * figures[key]:.2f}" for key in ("rank5", "rank10", "mINP")]
        lines.append([*cells, str(figures["queries"]), f"{result.seconds:.2f}"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
