"""Short clips with known people, drawn here: the truth about them is exact and nobody is real.

Figures in two-coloured clothes walk across textured backgrounds, one after the other, so that
boxes never overlap; everyone is seen by each camera, in another order and direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]

SKIN: Colour = (226, 168, 110)
# Saturated, and far enough from each other to survive video coding.
CLOTHES: tuple[Colour, ...] = (
    (214, 40, 40),
    (40, 90, 220),
    (40, 170, 60),
    (235, 200, 30),
    (160, 50, 190),
    (30, 190, 200),
    (240, 120, 20),
    (230, 70, 150),
)
FIGURE_HEIGHT = 0.42  # of the frame's height
FIGURE_WIDTH = 0.38  # of the figure's height


@dataclass(frozen=True)
class RenderedPerson:
    """One of the people, from 1."""

    identity: int
    torso: Colour
    legs: Colour


@dataclass(frozen=True)
class Walk:
    """A person crossing a camera's view."""

    person: RenderedPerson
    begins_s: float
    seconds: float
    ground: float  # where the feet are, share of the frame's height
    leftwards: bool


@dataclass
class RenderedWorld:
    """What the cameras see.

    Attributes:
        truth: camera → for each frame identity → box (x1, y1, x2, y2) in px, cut to the frame.
        colours: identity → (torso, legs), RGB.
    """

    width_px: int
    height_px: int
    fps: float
    frame_count: int
    people: tuple[RenderedPerson, ...]
    walks: Mapping[str, Sequence[Walk]]
    backgrounds: Mapping[str, Image]
    truth: dict[str, list[dict[int, Box]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.truth = {
            camera: [self._boxes(camera, index) for index in range(self.frame_count)]
            for camera in self.walks
        }

    @property
    def cameras(self) -> tuple[str, ...]:
        return tuple(self.walks)

    @property
    def colours(self) -> dict[int, tuple[Colour, Colour]]:
        return {person.identity: (person.torso, person.legs) for person in self.people}

    def frame(self, camera: str, index: int) -> Image:
        """RGB uint8 (H, W, 3)."""
        image = self.backgrounds[camera].copy()
        for walk in self.walks[camera]:
            box = self._whole_box(walk, index / self.fps)
            if box is not None:
                _draw_figure(image, walk.person, box, step=index / self.fps * 2.0)
        return image

    def frames(self, camera: str) -> Iterator[Image]:
        return (self.frame(camera, index) for index in range(self.frame_count))

    def write(self, folder: Path, suffix: str = ".mp4", **options: object) -> dict[str, Path]:
        """One clip per camera, `folder/cam1.mp4` and so on; `options` are those of `write_clip`."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = {camera: folder / f"{camera}{suffix}" for camera in self.cameras}
        for camera, path in paths.items():
            write_clip(path, self.frames(camera), self.fps, **options)  # type: ignore[arg-type]
        return paths

    def write_sequences(
        self, folder: Path, prefix: str = "frame_", suffix: str = ".png", first: int = 1
    ) -> dict[str, Path]:
        """One folder of numbered pictures per camera."""
        paths = {camera: folder / camera for camera in self.cameras}
        for camera, path in paths.items():
            write_sequence(path, self.frames(camera), prefix, suffix, range(first, 10**6))
        return paths

    def _whole_box(self, walk: Walk, time_s: float) -> Box | None:
        progress = (time_s - walk.begins_s) / walk.seconds
        if not 0 <= progress <= 1:
            return None
        height = FIGURE_HEIGHT * self.height_px
        width = FIGURE_WIDTH * height
        share = 1 - progress if walk.leftwards else progress
        left = share * (self.width_px + width) - width
        bottom = walk.ground * self.height_px
        return (left, bottom - height, left + width, bottom)

    def _boxes(self, camera: str, index: int) -> dict[int, Box]:
        seen: dict[int, Box] = {}
        for walk in self.walks[camera]:
            box = self._whole_box(walk, index / self.fps)
            if box is None:
                continue
            left, right = max(0.0, box[0]), min(float(self.width_px), box[2])
            if right - left >= 2:
                seen[walk.person.identity] = (left, box[1], right, box[3])
        return seen


def render_world(
    seed: int = 0,
    people: int = 4,
    cameras: Sequence[str] = ("cam1", "cam2"),
    *,
    width_px: int = 320,
    height_px: int = 240,
    fps: float = 10.0,
    crossing_s: float = 3.0,
    spacing_s: float = 1.0,
    rounds: int = 1,
    pause_s: float = 1.0,
    absent: Mapping[str, Sequence[int]] | None = None,
) -> RenderedWorld:
    """Lays out who walks where and when; equal arguments give equal pixels.

    Args:
        seed: chooses colours, orders, directions and backgrounds.
        people: how many, up to 16; identities are 1, 2, ….
        cameras: names of the viewpoints.
        width_px: of the frames; even.
        height_px: of the frames; even.
        fps: of the frames.
        crossing_s: how long a person is in view.
        spacing_s: from one person to the next; shorter than a quarter of `crossing_s` overlaps.
        rounds: how often everyone walks past each camera (each time a tracklet of its own).
        pause_s: nobody in view, at the start, between rounds and at the end.
        absent: camera → identities that it never sees.
    """
    random = np.random.default_rng(seed)
    everyone = _dress(people, random)
    walks: dict[str, list[Walk]] = {}
    round_s = pause_s + crossing_s + spacing_s * (people - 1)
    for camera in cameras:
        leftwards, ground = bool(random.integers(2)), float(random.uniform(0.75, 0.9))
        walks[camera] = [
            Walk(
                everyone[at],
                turn * round_s + pause_s + place * spacing_s,
                crossing_s,
                ground,
                leftwards,
            )
            for turn in range(rounds)
            for place, at in enumerate(random.permutation(people))
            if everyone[at].identity not in (absent or {}).get(camera, ())
        ]
    backgrounds = {camera: _background(width_px, height_px, random) for camera in cameras}
    frame_count = round((rounds * round_s + pause_s) * fps)
    return RenderedWorld(width_px, height_px, fps, frame_count, everyone, walks, backgrounds)


def write_clip(
    path: Path,
    frames: Iterator[Image] | Sequence[Image],
    fps: float = 10.0,
    *,
    codec: str | None = None,
    options: Mapping[str, str] | None = None,
    times_s: Sequence[float] | None = None,
    rotation: int = 0,
    metadata: Mapping[str, str] | None = None,
    gop: int = 12,
    container: str | None = None,
    container_options: Mapping[str, str] | None = None,
    sound_s: float = 0.0,
    matrix: Sequence[int] | None = None,
    pixel_aspect: Fraction | None = None,
    picture_from_s: float = 0.0,
) -> Path:
    """Encodes RGB frames.

    Args:
        path: its suffix chooses the container.
        frames: RGB uint8 (H, W, 3), even sizes.
        fps: nominal rate.
        codec: FFmpeg encoder; by default VP8 for WebM, MPEG-4 for AVI, else H.264.
        options: of the encoder.
        times_s: presentation time of each frame, for a variable rate.
        rotation: quarter turns counter-clockwise, in degrees, to be applied by the player.
        metadata: container tags, such as `creation_time`.
        gop: frames from key frame to key frame.
        container: FFmpeg's name of the container, where the suffix does not tell.
        container_options: of the muxer, such as `movflags`.
        sound_s: how much silence to add as a sound track.
        matrix: the display matrix, nine numbers in FFmpeg's order.
        pixel_aspect: width : height of a pixel.
        picture_from_s: how much later than the sound the picture begins.
    """
    codec = codec or {".webm": "libvpx", ".avi": "mpeg4"}.get(path.suffix, "libx264")
    defaults = {
        "libx264": {"preset": "ultrafast", "crf": "20"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10"},
        "mpeg4": {"q:v": "3"},
    }.get(codec, {})
    muxing = dict(container_options or {})
    with av.open(str(path), "w", format=container, options=muxing) as output:
        rate = Fraction(fps).limit_denominator(1001)
        stream = output.add_stream(codec, rate=rate, options={**defaults, **(options or {})})
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size = gop
        stream.bit_rate = 1_500_000
        stream.thread_count = 1
        stream.time_base = Fraction(1, 90_000) if times_s is not None else 1 / rate
        stream.codec_context.time_base = stream.time_base
        silence = output.add_stream("aac", rate=22050, layout="mono") if sound_s else None
        output.metadata.update(metadata or {})
        if rotation:
            stream.set_display_rotation(rotation)
        if matrix is not None:
            stream.set_display_matrix(list(matrix))
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        for index, image in enumerate(frames):
            if index == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = index if times_s is None else round(times_s[index] * 90_000)
            frame.pts += round(picture_from_s / frame.time_base)
            if index == 0 and silence is not None and picture_from_s:
                _mux_silence(output, silence, sound_s)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if silence is not None and not picture_from_s:
            _mux_silence(output, silence, sound_s)
    return path


def write_sequence(
    folder: Path,
    frames: Iterator[Image] | Sequence[Image],
    prefix: str = "frame_",
    suffix: str = ".png",
    numbers: Sequence[int] = range(1, 10**6),
) -> list[Path]:
    """Writes RGB frames as numbered pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, image in zip(numbers, frames, strict=False):
        paths.append(folder / f"{prefix}{number:06d}{suffix}")
        written, encoded = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        assert written
        paths[-1].write_bytes(encoded.tobytes())
    return paths


def cut(path: Path, share: float, into: Path | None = None) -> Path:
    """Writes the first `share` of a file's bytes, as an interrupted copy would."""
    into = into or path.with_name(f"cut_{path.name}")
    content = path.read_bytes()
    into.write_bytes(content[: int(len(content) * share)])
    return into


def _mux_silence(
    output: av.container.OutputContainer, stream: av.AudioStream, seconds: float
) -> None:
    for start in range(0, int(seconds * 22050), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 22050, start, Fraction(1, 22050)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _dress(people: int, random: np.random.Generator) -> tuple[RenderedPerson, ...]:
    """Two colours for each, no two people with the same torso and legs."""
    tops = random.permutation(len(CLOTHES))
    dressed = []
    for at in range(people):
        top = int(tops[at % len(CLOTHES)])
        legs = (top + 3 + at // len(CLOTHES)) % len(CLOTHES)
        dressed.append(RenderedPerson(at + 1, CLOTHES[top], CLOTHES[legs]))
    return tuple(dressed)


def _background(width_px: int, height_px: int, random: np.random.Generator) -> Image:
    """A grey scene with texture and edges, but without colour."""
    coarse = random.uniform(70, 190, (6, 8)).astype(np.float32)
    grey = cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        x, y = random.integers(0, width_px), random.integers(0, height_px)
        size = random.integers(8, 48, 2)
        grey[y : y + size[0], x : x + size[1]] += random.uniform(-40, 40)
    grey += random.normal(0, 3, grey.shape)
    tint = random.uniform(-4, 4, 3)
    return np.clip(grey[..., None] + tint, 0, 255).astype(np.uint8)


def _draw_figure(image: Image, person: RenderedPerson, box: Box, step: float) -> None:
    """Head, torso and two moving legs that fill the box, parts outside the frame cut off."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    swing = 0.18 * width * np.sin(step * np.pi)

    def block(x1: float, y1: float, x2: float, y2: float, colour: Colour) -> None:
        corners = (left + x1 * width, top + y1 * height), (left + x2 * width, top + y2 * height)
        first, last = (tuple(round(value) for value in corner) for corner in corners)
        cv2.rectangle(image, first, (last[0] - 1, last[1] - 1), colour, cv2.FILLED)

    centre = (round(left + width / 2), round(top + 0.1 * height))
    cv2.circle(image, centre, round(0.1 * height) - 1, SKIN, cv2.FILLED)
    block(0.0, 0.2, 1.0, 0.58, person.torso)
    shift = swing / width
    block(0.08 + shift, 0.58, 0.44 + shift, 1.0, person.legs)
    block(0.56 - shift, 0.58, 0.92 - shift, 1.0, person.legs)
