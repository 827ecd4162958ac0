"""Clips of several cameras with their truth: MOT text, and labelled frames for a detector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import torch

from trainer.errors import TrainerError
from trainer.synthetic.jobs import Done, chosen_device, run_units, settle
from trainer.synthetic.rendering import Seen
from trainer.synthetic.scenes import SceneWorld
from trainer.synthetic.sensor import Picture, jpeg

CODECS = {"h264": "libx264", "vp9": "libvpx-vp9"}
TRUTH, IMAGES, LABELS = "truth", "images", "labels"


@dataclass(frozen=True)
class SceneSettings:
    """What a set of clips consists of.

    Attributes:
        worlds: places with their own cameras and people; seeds follow one another.
        cameras, people: of each world.
        seconds, fps, size_px: of each clip.
        seed: of the first world.
        codec: a name of `CODECS`.
        quality: the codec's constant rate factor; lower is better and larger.
        label_every: every how many frames a labelled picture is kept; 0: none.
        label_visible: people who show less than this share get no label.
    """

    cameras: int
    seconds: float
    fps: float
    people: int
    size_px: tuple[int, int]
    seed: int
    worlds: int = 1
    codec: str = "h264"
    quality: int = 27
    label_every: int = 0
    label_visible: float = 0.3

    def __post_init__(self) -> None:
        """Raises TrainerError where the numbers make no clip."""
        width, height = self.size_px
        if width % 2 or height % 2 or min(width, height) < 32:
            raise TrainerError(
                f"A clip cannot be {width}x{height}.", "Give even sides of 32 or more pixels."
            )
        if self.codec not in CODECS:
            raise TrainerError(
                f"There is no codec {self.codec} here.", f"Choose one of {', '.join(CODECS)}."
            )

    def world(self, number: int, device: torch.device) -> SceneWorld:
        """The world with this number, from 0."""
        return SceneWorld(
            self.seed + number, self.cameras, self.people, self.seconds, self.fps, self.size_px,
            device,
        )  # fmt: skip

    def folder(self, number: int) -> Path:
        """Where a world's clips lie, relative to the set."""
        return Path(f"world{number + 1:03d}") if self.worlds > 1 else Path()


@dataclass(frozen=True)
class _Unit:
    settings: SceneSettings
    out: Path
    device: str
    world: int
    camera: int
    force: bool


def write_scenes(
    settings: SceneSettings, out: Path, workers: int = 1, device: str = "auto", force: bool = False
) -> Iterator[Done]:
    """Renders clips into a folder; those that are there already are kept, unless forced.

    A world gives `camN.mp4` (`.webm` for VP9) and `truth/camN.txt`, both numbered from 1; labels
    go to `images/` and `labels/` with a `data.yaml` for ultralytics.

    Raises:
        TrainerError: the folder holds another set or cannot be written, or there is no such device.
    """
    chosen = str(chosen_device(device))
    settle(out, {"product": "scenes", **asdict(settings), "size_px": list(settings.size_px)}, force)
    if settings.label_every:
        for name in (IMAGES, LABELS):
            (out / name).mkdir(exist_ok=True)
        (out / "data.yaml").write_text(
            f"train: {IMAGES}\nval: {IMAGES}\nnames:\n  0: person\n", encoding="utf-8"
        )
    units = []
    for world in range(settings.worlds):
        (out / settings.folder(world) / TRUTH).mkdir(parents=True, exist_ok=True)
        units += [
            _Unit(settings, out, chosen, world, camera, force) for camera in range(settings.cameras)
        ]
    frames = settings.world(0, torch.device("cpu")).frames
    yield from run_units(_render, units, workers, frames * len(units))


def mot_lines(frame: int, seen: tuple[Seen, ...]) -> str:
    """MOT's ground truth of one frame, counted from 1: frame,id,x,y,w,h,1,1,visibility."""
    lines = []
    for one in sorted(seen, key=lambda one: one.identity):
        x1, y1, x2, y2 = one.box
        lines.append(
            f"{frame},{one.identity},{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f},1,1,"
            f"{one.visible:.3f}\n"
        )
    return "".join(lines)


def yolo_lines(seen: tuple[Seen, ...], size_px: tuple[int, int], least_visible: float) -> str:
    """YOLO's labels of one frame: class 0, middle, width and height as shares of the frame."""
    width, height = size_px
    return "".join(
        f"0 {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} "
        f"{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}\n"
        for one in seen
        for x1, y1, x2, y2 in [one.box]
        if one.visible >= least_visible
    )


def _render(unit: _Unit) -> int:
    settings = unit.settings
    world = settings.world(unit.world, torch.device(unit.device))
    name = f"cam{unit.camera + 1}"
    folder = unit.out / settings.folder(unit.world)
    suffix = ".webm" if settings.codec == "vp9" else ".mp4"
    clip, truth = folder / f"{name}{suffix}", folder / TRUTH / f"{name}.txt"
    if clip.exists() and truth.exists() and not unit.force:
        return world.frames
    part = clip.with_name(f"{name}.part{suffix}")
    lines = []
    with _Encoder(part, settings) as encoder:
        for frame, (picture, seen) in enumerate(world.clip(unit.camera), 1):
            encoder.add(picture)
            lines.append(mot_lines(frame, seen))
            if settings.label_every and (frame - 1) % settings.label_every == 0:
                stem = f"world{unit.world + 1:03d}_{name}_{frame:06d}"
                _write_label(unit.out, stem, picture, seen, settings)
    truth.write_text("".join(lines), encoding="utf-8")
    part.replace(clip)  # last: a clip that is there is whole, and so is its truth
    return world.frames


def _write_label(
    out: Path, stem: str, picture: Picture, seen: tuple[Seen, ...], settings: SceneSettings
) -> None:
    (out / IMAGES / f"{stem}.jpg").write_bytes(jpeg(picture, 92))
    text = yolo_lines(seen, settings.size_px, settings.label_visible)
    (out / LABELS / f"{stem}.txt").write_text(text, encoding="utf-8")


class _Encoder:
    """A video file that takes pictures; closed also when the work is stopped."""

    def __init__(self, path: Path, settings: SceneSettings) -> None:
        # Without this flag, WebM gets a random number.
        self._container = av.open(str(path), "w", options={"fflags": "+bitexact"})
        rate = Fraction(settings.fps).limit_denominator(1000)
        options = {"crf": str(settings.quality)}
        if settings.codec == "vp9":
            options |= {"b": "0", "cpu-used": "4"}
        else:
            # x264's macroblock tree was seen to depend on what lay in memory before.
            options |= {"x264-params": "mbtree=0"}
        stream = self._container.add_stream(CODECS[settings.codec], rate=rate, options=options)
        self._stream = cast("av.VideoStream", stream)
        self._stream.width, self._stream.height = settings.size_px
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1  # the bytes depend on it

    def __enter__(self) -> _Encoder:
        return self

    def add(self, picture: Picture) -> None:
        planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        self._container.mux(self._stream.encode(frame))

    def __exit__(self, *_: object) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()
