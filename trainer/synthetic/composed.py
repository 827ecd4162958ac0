"""New people from labelled crops: the upper part of one, the lower part of another, recoloured.

A few hundred identities show a network few clothes. Any two of them make a third, seen in the same
light, sharpness and poses as real ones; and two colours for each pair make many more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.files import read_image
from trainer.data.market_layout import TRAIN
from trainer.data.registry import load_data_sets
from trainer.data.samples import Sample
from trainer.errors import TrainerError
from trainer.synthetic.draws import between, chance, draws
from trainer.synthetic.jobs import Done, run_units, settle
from trainer.synthetic.sensor import jpeg

_IDENTITIES_A_UNIT = 25
_QUALITY = 92
_MIN_CAMERAS = 2
# Rows of an upright person, as shares of the crop's height.
_NECK, _WAIST, _ANKLES = 0.17, 0.47, 0.9
Picture = NDArray[np.uint8]
Mask = NDArray[np.float32]


@dataclass(frozen=True)
class ComposeSettings:
    """What a data set of composed people consists of.

    Attributes:
        sources: entries of labelled crops; only what they have for training is used.
        identities, images: how many; images of each identity.
        seed: of everything.
        size_px: width and height of a crop.
    """

    sources: tuple[str, ...]
    identities: int
    images: int
    seed: int
    size_px: tuple[int, int] = (64, 128)


@dataclass(frozen=True)
class Tint:
    """How clothes change their colour.

    Attributes:
        turn: of the hue, in turns of the colour circle.
        gains: of red, green, blue.
    """

    turn: float
    gains: tuple[float, float, float]


@dataclass(frozen=True)
class _Unit:
    settings: ComposeSettings
    out: Path
    people: tuple[tuple[Sample, ...], ...]
    identities: range
    force: bool


def write_composed(
    settings: ComposeSettings, out: Path, root: Path, workers: int = 1, force: bool = False
) -> Iterator[Done]:
    """Composes a data set in Market-1501 layout; crops that are there already are kept.

    Raises:
        TrainerError: no or too few people in the sources, or a folder that cannot be written.
    """
    people = tuple(_people(settings.sources, root))
    if len(people) < _MIN_CAMERAS:
        raise TrainerError(
            f"{', '.join(settings.sources)} shows {len(people)} people by two cameras or more.",
            "Name data sets with training images of at least two such people.",
        )
    facts = {**asdict(settings), "sources": list(settings.sources)}
    settle(out, {"product": "composed", **facts, "size_px": list(settings.size_px)}, force)
    (out / TRAIN).mkdir(exist_ok=True)
    units = [
        _Unit(settings, out, people, range(first, min(first + _IDENTITIES_A_UNIT, end)), force)
        for end in (settings.identities + 1,)
        for first in range(1, end, _IDENTITIES_A_UNIT)
    ]
    yield from run_units(_write, units, workers, settings.identities * settings.images)


def compose(upper: Picture, lower: Picture, waist: float, blend: float) -> Picture:
    """The picture above the waist of one, below it of the other, both RGB uint8 (h, w, 3).

    Args:
        upper: shown above.
        lower: shown below, of the same size.
        waist: where they meet, as a share of the height.
        blend: how far they fade into each other, likewise.
    """
    rows = (np.arange(len(upper)) + 0.5) / len(upper)
    share = np.clip((rows - waist) / blend + 0.5, 0, 1)[:, None, None]
    return np.rint(upper * (1 - share) + lower * share).astype(np.uint8)


def recoloured(picture: Picture, tint: Tint, mask: Mask) -> Picture:
    """The picture RGB uint8 (h, w, 3) in other colours where the mask (h, w, 1) from 0 to 1 is."""
    values = picture.astype(np.float32) / 255
    hsv = cv2.cvtColor(values, cv2.COLOR_RGB2HSV)  # hue in degrees
    hsv[..., 0] = (hsv[..., 0] + 360 * tint.turn) % 360
    changed = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * np.array(tint.gains, np.float32)
    mixed = values * (1 - mask) + changed * mask
    return np.rint(np.clip(mixed, 0, 1) * 255).astype(np.uint8)


def _people(sources: Sequence[str], root: Path) -> Iterator[tuple[Sample, ...]]:
    """The training images of each identity that two cameras or more saw."""
    for data_set in load_data_sets(sources, root):
        images: dict[int, list[Sample]] = {}
        for sample in data_set.train:
            images.setdefault(sample.identity, []).append(sample)
        for found in images.values():
            if len({sample.camera for sample in found}) >= _MIN_CAMERAS:
                yield tuple(found)


def _write(unit: _Unit) -> int:
    settings = unit.settings
    for identity in unit.identities:
        rng = draws(settings.seed, "composed", identity)
        above, below = rng.choice(len(unit.people), 2, replace=False)
        tints = _tint(rng), _tint(rng)
        for number in range(1, settings.images + 1):
            own = draws(settings.seed, "composed crop", identity, number)
            first, second = _one_of(unit.people[above], own), _one_of(unit.people[below], own)
            name = f"{identity:05d}_c{first.camera + 1}s1_{number:06d}_00.jpg"
            file = unit.out / TRAIN / name
            if file.exists() and not unit.force:
                continue
            picture = _crop((first, second), tints, settings.size_px, own)
            part = file.with_suffix(".part")
            part.write_bytes(jpeg(picture, _QUALITY))
            part.replace(file)
    return len(unit.identities) * settings.images


def _crop(
    samples: tuple[Sample, Sample],
    tints: tuple[Tint, Tint],
    size_px: tuple[int, int],
    rng: np.random.Generator,
) -> Picture:
    upper, lower = (
        np.asarray(
            cv2.resize(read_image(sample.path), size_px, interpolation=cv2.INTER_AREA), np.uint8
        )
        for sample in samples
    )
    if chance(rng, 0.5):
        upper = upper[:, ::-1]
    if chance(rng, 0.5):
        lower = lower[:, ::-1]
    waist = between(rng, _WAIST - 0.03, _WAIST + 0.03)
    upper = recoloured(upper, tints[0], _clothes(size_px, _NECK, waist))
    lower = recoloured(lower, tints[1], _clothes(size_px, waist, _ANKLES))
    return compose(upper, lower, waist, blend=0.05)


def _clothes(size_px: tuple[int, int], top: float, bottom: float) -> Mask:
    """Where clothes are likely between two heights: the middle, fading to all sides, (h, w, 1)."""
    width, height = size_px
    across = np.abs((np.arange(width) + 0.5) / width - 0.5)
    down = (np.arange(height) + 0.5) / height
    columns = np.clip((0.42 - across) / 0.12, 0, 1)
    rows = np.clip((down - top) / 0.05 + 0.5, 0, 1) * np.clip((bottom - down) / 0.05 + 1, 0, 1)
    return (rows[:, None] * columns[None])[..., None].astype(np.float32)


def _tint(rng: np.random.Generator) -> Tint:
    turn = between(rng, 0.1, 0.9) if chance(rng, 0.6) else 0.0
    level = between(rng, 0.5, 1.4) if chance(rng, 0.5) else 1.0
    colours = rng.uniform(0.55, 1.25, 3) if chance(rng, 0.5) else np.ones(3)
    red, green, blue = (float(level * each) for each in colours)
    return Tint(turn, (red, green, blue))


def _one_of(samples: Sequence[Sample], rng: np.random.Generator) -> Sample:
    return samples[int(rng.integers(len(samples)))]
