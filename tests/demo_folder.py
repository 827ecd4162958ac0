"""A demo of drawn clips with their truth, laid out like the one that is shipped."""

from __future__ import annotations

from pathlib import Path

from tests.rendered import RenderedWorld


def write_demo(world: RenderedWorld, folder: Path) -> Path:
    """`camN.mp4` and `truth/camN.txt`; whoever leaves the frame shows by the width that is left."""
    world.write(folder)
    (folder / "truth").mkdir()
    for camera, frames in world.truth.items():
        whole = max(box[2] - box[0] for boxes in frames for box in boxes.values())
        lines = [
            f"{number},{person},{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f},1,1,"
            f"{min(1.0, (x2 - x1) / whole):.3f}\n"
            for number, boxes in enumerate(frames, 1)
            for person, (x1, y1, x2, y2) in boxes.items()
        ]
        (folder / "truth" / f"{camera}.txt").write_text("".join(lines), encoding="utf-8")
    return folder
